"""Debian packages for an image: by this machine's apt where the release is the same, else inside a container."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medici_worker.images import debian_packages
from medici_worker.images.debian_packages import listed_lines, os_release

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'


def test_remarks_and_empty_lines_name_no_package(tmp_path: Path) -> None:
    file = tmp_path / "debian-packages.txt"
    file.write_text("# an editor\nvim\n\n  less  \n")
    assert listed_lines(file) == ["vim", "less"]


def test_a_release_is_read_as_it_is_written() -> None:
    assert os_release(BOOKWORM) == {
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "VERSION_CODENAME": "bookworm",
        "ID": "debian",
    }


@pytest.mark.parametrize(
    ("own", "apt", "why"),
    [
        (BOOKWORM, "/usr/bin/apt-get", ""),
        (BOOKWORM, None, "it has no apt-get"),
        (BOOKWORM.replace("bookworm", "trixie"), "/usr/bin/apt-get", "it is no Debian GNU/Linux 12 (bookworm)"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\n", "/usr/bin/apt-get", "it is no Debian GNU/Linux 12 (bookworm)"),
    ],
    ids=["same", "no apt", "newer", "ubuntu"],
)
def test_only_a_machine_of_the_same_release_serves_an_image(
    own: str, apt: str | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian_packages.platform, "freedesktop_os_release", lambda: os_release(own))
    monkeypatch.setattr(debian_packages.shutil, "which", lambda _: apt)
    assert debian_packages._why_not_here(os_release(BOOKWORM)) == why


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("W: one\nE: Unable to locate package no-such-thing\n\n", "Unable to locate package no-such-thing"),
        ("E: Failed to fetch http://a/b\nE: Unable to fetch some archives.\n", "Failed to fetch http://a/b"),
        ("", "apt-get gave no reason"),
    ],
)
def test_apts_first_error_is_the_reason(said: str, told: str) -> None:
    assert debian_packages._complaint(said) == told


def test_this_machines_apt_is_shown_the_images_packages_and_no_state_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def apt(command: list[str], **_: Any) -> SimpleNamespace:
        calls.append(command)
        scratch = next(word for word in command if "Dir::Cache=" in word).partition("Cache=")[2]
        assert (Path(scratch) / "status").read_bytes() == b"Package: libc6\n"
        (Path(scratch) / "archives/vim_2%3a9_arm64.deb").write_bytes(b"deb")
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", apt)
    debian_packages._fetch_here(b"Package: libc6\n", ["vim"], tmp_path, "arm64")
    assert [path.name for path in tmp_path.iterdir()] == ["vim_2%3a9_arm64.deb"]
    assert [(call[0], "--option=APT::Architecture=arm64" in call, call[-1]) for call in calls] == [
        ("apt-get", True, "update"),
        ("apt-get", True, "vim"),
    ]
