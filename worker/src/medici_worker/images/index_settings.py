"""The package index settings of this machine, in uv's words.

uv reads neither pip's environment variables nor its files. Machines with a mirror, an own certificate authority or a
folder of wheels have those set for pip: this gives uv the same. Only the standard library is used, and the file runs by
its path too (`python index_settings.py` prints `export` lines), because `make setup` needs it before anything is
installed.
"""

import configparser
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
}
SYSTEM_FILE = Path("/etc/pip.conf")
FLAGS = {"1": "1", "true": "1", "yes": "1", "on": "1"}


def uv_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for uv after pip's settings; those already set for uv are left alone.

    Example: `PIP_FIND_LINKS=/opt/wheels` gives `{"UV_FIND_LINKS": "/opt/wheels", …}`.
    """
    pip = {**_from_files(environ), **_from_environment(environ)}
    settings = {UV_NAMES[option]: _in_uv_words(option, value) for option, value in pip.items() if option in UV_NAMES}
    if "UV_INDEX" in settings:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip does: the best version of all indexes
    return {name: value for name, value in settings.items() if value and name not in environ}


def _in_uv_words(option: str, value: str) -> str:
    if option == "no-index":
        return FLAGS.get(value.lower(), "")
    separator = "," if option == "find-links" else " "
    return separator.join(value.split())


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_") and name != "PIP_DEFAULT_TIMEOUT"
    } | ({"timeout": environ["PIP_DEFAULT_TIMEOUT"]} if "PIP_DEFAULT_TIMEOUT" in environ else {})


def _from_files(environ: Mapping[str, str]) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read([path for path in _pip_files(environ) if path.is_file()], encoding="utf-8")
    options: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            options |= dict(parser.items(section))
    return options


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME", "/"))
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    if environ.get("PIP_CONFIG_FILE") == os.devnull:  # pip's way of reading no file at all
        return
    yield from (SYSTEM_FILE, home / ".pip/pip.conf", config_home / "pip/pip.conf")
    if "PIP_CONFIG_FILE" in environ:
        yield Path(environ["PIP_CONFIG_FILE"])


if __name__ == "__main__":
    for name, value in uv_settings(os.environ).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
