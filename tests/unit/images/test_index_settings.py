import os
import subprocess
import sys
from pathlib import Path

import pytest

from medici_worker.images import index_settings
from medici_worker.images.index_settings import uv_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose pip reads no files but those of the test."""
    monkeypatch.setattr(index_settings, "SYSTEM_FILE", tmp_path / "none")
    return {"HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("pip", "uv"),
    [
        ({}, {}),
        ({"PIP_INDEX_URL": "https://mirror/simple"}, {"UV_DEFAULT_INDEX": "https://mirror/simple"}),
        ({"PIP_FIND_LINKS": "/wheels /more"}, {"UV_FIND_LINKS": "/wheels,/more"}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_DEFAULT_TIMEOUT": "180"}, {"UV_HTTP_TIMEOUT": "180"}),
        ({"PIP_NO_INDEX": "true"}, {"UV_NO_INDEX": "1"}),
        ({"PIP_NO_INDEX": "0"}, {}),
        ({"PIP_DISABLE_PIP_VERSION_CHECK": "1"}, {}),
        (
            {"PIP_EXTRA_INDEX_URL": "https://a\nhttps://b"},
            {"UV_INDEX": "https://a https://b", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
    ],
)
def test_pip_variables_in_uv_words(home: dict[str, str], pip: dict[str, str], uv: dict[str, str]) -> None:
    assert uv_settings(home | pip) == uv


def test_what_is_set_for_uv_stays(home: dict[str, str]) -> None:
    environ = home | {"PIP_INDEX_URL": "https://of-pip", "UV_DEFAULT_INDEX": "https://of-uv"}
    assert uv_settings(environ) == {}


def test_pip_file_counts_and_variables_win(home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://file\nfind-links = /wheels\n[list]\nformat = json\n"
    )
    environ = home | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_INDEX_URL": "https://variable"}
    assert uv_settings(environ) == {"UV_DEFAULT_INDEX": "https://variable", "UV_FIND_LINKS": "/wheels"}


def test_no_file_is_read_when_pip_reads_none(home: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / ".config/pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text("[global]\nindex-url = https://file\n")
    assert uv_settings(home) == {"UV_DEFAULT_INDEX": "https://file"}
    assert uv_settings(home | {"PIP_CONFIG_FILE": os.devnull}) == {}


def test_it_runs_by_its_path_for_the_shell() -> None:
    script = Path(index_settings.__file__)
    environ = {"PIP_FIND_LINKS": "/with'quote", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([sys.executable, str(script)], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "export UV_FIND_LINKS='/with'\"'\"'quote'\n"
