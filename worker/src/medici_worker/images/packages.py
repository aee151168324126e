"""Python packages for an image, fetched by this machine with its own index settings: containers need no network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from medici_worker.images.errors import ImageBuildFailed
from medici_worker.images.index_settings import uv_settings

UV_PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
HOST_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Large, and imported by nothing outside themselves.
NEEDLESS_TESTS = ("pandas/tests", "scipy", "sklearn")


def install_packages(
    requirements: Path,
    folder: Path,
    *,
    python_version: str,
    architecture: str | None = None,
    options: tuple[str, ...] = (),
) -> None:
    """Install the pinned wheels of `requirements` into `folder`, readable by every user of the image.

    `architecture` is the engine's word for it (`amd64`, `arm64`); by default that of this machine.
    """
    architecture = architecture or HOST_ARCHITECTURES.get(os.uname().machine, os.uname().machine)
    command = [
        _uv(), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy",
        "--python-version", python_version, *_platform(architecture), "--target", str(folder), *options,
        "--requirement", str(requirements),
    ]  # fmt: skip
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=os.environ | uv_settings(os.environ)
    )
    if done.returncode:
        raise ImageBuildFailed(f"The packages of {requirements} could not be fetched: {_reason(done.stderr)}")
    _drop_tests(folder)
    _open_for_all(folder)


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise ImageBuildFailed("uv fetches the packages of curated images and is not installed: `pip install uv`.")
    return found


def _platform(architecture: str) -> list[str]:
    return ["--python-platform", UV_PLATFORMS[architecture]] if architecture in UV_PLATFORMS else []


def _reason(message: str) -> str:
    """One line of what uv draws as a tree over several."""
    return re.sub(r"[^\x21-\x7e]+", " ", message).strip() or "uv gave no reason"


def _drop_tests(folder: Path) -> None:
    for start in NEEDLESS_TESTS:
        for tests in [folder / start, *(folder / start).rglob("tests")]:
            if tests.name == "tests":
                shutil.rmtree(tests, ignore_errors=True)


def _open_for_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
