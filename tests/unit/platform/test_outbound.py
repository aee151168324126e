"""The platform fetches nothing that a user names: whatever can open a connection is known here, and why."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = (ROOT / "platform/src", ROOT / "bundles/src")
CAN_CONNECT = {
    *("aiohttp", "asyncio", "boto3", "celery", "docker", "fsspec", "ftplib", "http", "httpx", "imaplib", "kombu"),
    *("limits", "paramiko", "poplib", "redis", "requests", "smtplib", "socket", "socketserver", "ssl", "subprocess"),
    *("telnetlib", "urllib", "urllib3", "webbrowser", "websockets", "xmlrpc"),
}
HARMLESS = {"urllib.parse", "http.HTTPStatus", "limits.parse"}
"""Texts alone."""

KNOWN = {
    "platform/src/medici_platform/bodies.py": "asyncio: clocks of incoming requests",
    "platform/src/medici_platform/dispatch.py": "celery: hints to the operator's broker",
    "platform/src/medici_platform/challenges/html.py": "subprocess: our own cleaner of texts",
    "platform/src/medici_platform/throttle.py": "limits: counts in the operator's Redis",
    "platform/src/medici_platform/runs/mails.py": "smtplib, ssl: the operator's MEDICI_SMTP_URL",
}
"""File → what it connects to. The web process has no more; none of these takes an address from a user."""


def connecting(file: Path) -> set[str]:
    """What the file imports of that which can open a connection."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] in CAN_CONNECT and not is_harmless(name)}


def is_harmless(name: str) -> bool:
    return any(name == known or name.startswith(f"{known}.") for known in HARMLESS)


def test_only_known_files_can_open_a_connection() -> None:
    found = {
        str(file.relative_to(ROOT))
        for source in SOURCES
        for file in source.rglob("*.py")
        if connecting(file) and "medici_platform/cli" not in str(file)  # commands act for whoever calls them
    }
    assert found == set(KNOWN)


def test_it_would_be_noticed(tmp_path: Path) -> None:
    file = tmp_path / "planted.py"
    for line in (
        "import httpx",
        "from urllib.request import urlopen",
        "import requests as r",
        "from http import client",
    ):
        file.write_text(line)
        assert connecting(file), line
    file.write_text("from urllib.parse import quote\nfrom http import HTTPStatus\n")
    assert not connecting(file)
