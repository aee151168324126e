"""Python packages for an image, fetched by this machine with its own index settings: containers need no network."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medici_worker.images.errors import ImageBuildFailed, PackagesNotFound
from medici_worker.images.index_settings import uv_settings

UV_PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
NEEDLESS = (
    "pandas/tests",
    "scipy/**/tests",
    "sklearn/**/tests",
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """The Python inside an image; `architecture` is the engine's word for it (`amd64`, `arm64`)."""

    python_version: str
    architecture: str


def install_packages(folder: Path, target: Target, *requirements: Path, options: Sequence[str] = ()) -> None:
    """Install the pinned wheels of the `requirements` files into `folder`, readable by every user of the image."""
    sources = [option for file in requirements for option in ("--requirement", str(file))]
    command = [
        _uv(), "pip", "install", "--quiet", "--only-binary", ":all:", "--link-mode", "copy",
        "--python-version", target.python_version, *_platform(target.architecture),
        "--target", str(folder), *options, *sources,
    ]  # fmt: skip
    environment = os.environ | uv_settings(os.environ)
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        names = " and ".join(file.name for file in requirements)
        raise PackagesNotFound(f"The packages of {names} could not be fetched: {_reason(done.stderr)}")
    _drop_needless(folder)
    _open_for_all(folder)


def install_torch(folder: Path, target: Target, recipe_folder: Path, *, backend: str, say: Say) -> None:
    """Install torch's build for `backend`; the CPU's by its own name, since the plain name brings CUDA's gigabytes.

    A folder of wheels or an index of this machine comes first, then the index that uv knows for the backend.
    """
    requirements = recipe_folder / "requirements.txt"
    if backend != "cpu":
        plain = folder.with_name("torch.txt")
        plain.write_text(
            (recipe_folder / "torch.txt").read_text(encoding="utf-8").replace("+cpu", ""), encoding="utf-8"
        )
        install_packages(folder, target, requirements, plain, options=["--torch-backend", backend])
        return
    files = (requirements, recipe_folder / "torch.txt")
    try:
        install_packages(folder, target, *files, options=["--no-deps"])
    except PackagesNotFound:
        say("This machine's own indexes have no CPU build of torch: asking PyTorch's.")
        install_packages(folder, target, *files, options=["--no-deps", "--torch-backend", "cpu"])


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


def _drop_needless(folder: Path) -> None:
    for pattern in NEEDLESS:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path)
    for program in filter(Path.is_file, list(folder.glob("bin/*"))):
        if program.read_bytes()[:2] == b"#!":  # it names the interpreter of the machine that installed it
            program.unlink()


def _open_for_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
