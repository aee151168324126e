"""Debian systems as images: medici/base (Python's own slim image where a registry answers) and the offline services."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from medici_worker.images.debian_packages import listed_lines, os_release
from medici_worker.images.errors import ImageBuildFailed
from medici_worker.images.packages import Say, Target, install_packages
from medici_worker.images.recipes import PYTHON_LABEL, PYTHON_VERSION, Recipe

UPSTREAM_BASE = f"python:{PYTHON_VERSION}-slim"
REGISTRY_TIMEOUT_S = 5
DEBIAN_SUITE = "bookworm"  # the Debian that has PYTHON_VERSION
NEEDLESS = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/man", "usr/share/info", "usr/share/locale")


def upstream_base(engine: docker.DockerClient) -> str | None:
    """The name of Python's own slim image once it is on this engine; None where no registry answers in time."""
    if engine.images.list(name=UPSTREAM_BASE):
        return UPSTREAM_BASE
    try:
        with _impatient(engine) as asking:
            asking.inspect_distribution(UPSTREAM_BASE)  # type: ignore[no-untyped-call]
        engine.images.pull("python", tag=UPSTREAM_BASE.removeprefix("python:"))
    except (DockerException, RequestException):
        return None
    return UPSTREAM_BASE


@contextmanager
def _impatient(engine: docker.DockerClient) -> Iterator[docker.APIClient]:
    """The same engine, asked with a short patience: behind a firewall a registry's silence lasts minutes."""
    patience_s = engine.api.timeout
    engine.api.timeout = REGISTRY_TIMEOUT_S
    try:
        yield engine.api
    finally:
        engine.api.timeout = patience_s


def import_debian(engine: docker.DockerClient, recipe: Recipe, labels: dict[str, str], say: Say) -> None:
    """Make `recipe` from Debian's packages, without a registry: needs root and a Debian mirror."""
    _require_debootstrap(recipe)
    with tempfile.TemporaryDirectory(prefix="medici-debian-", dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        _debootstrap(root, listed_lines(recipe.folder / "debian-packages.txt"), say)
        python_version = _settle_python(root, recipe, str(engine.version()["Arch"]))
        _finish(root, recipe)
        _strip(root)
        _import(engine, recipe, root, labels | {PYTHON_LABEL: python_version})


def _require_debootstrap(recipe: Recipe) -> None:
    if os.geteuid() != 0:
        raise ImageBuildFailed(
            f"No registry answers with {UPSTREAM_BASE}, and only root can make {recipe.tag} from Debian's packages: "
            f"load {UPSTREAM_BASE} into this engine, or run this as root."
        )
    wanted = ["debootstrap"] + ([] if _is_debian() else ["debian-archive-keyring"])
    if shutil.which("debootstrap"):
        return
    if not shutil.which("apt-get"):
        raise ImageBuildFailed(f"No registry answers with {UPSTREAM_BASE}, and debootstrap is not installed.")
    subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise ImageBuildFailed(f"debootstrap is missing and apt-get cannot install it: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def _is_debian() -> bool:
    return os_release().get("ID") == "debian"


def _debootstrap(root: Path, packages: list[str], say: Say) -> None:
    """Unpack a minimal Debian with `packages` into `root`, from the first suite and mirror that gives one."""
    complaint = ""
    for suite, mirror in _suites():
        say(f"Making a Debian {suite} system from packages; this takes about half a minute.")
        command = ["debootstrap", "--variant=minbase", "--components=main,universe", f"--include={','.join(packages)}"]
        done = subprocess.run(
            [*command, suite, str(root), *([mirror] if mirror else [])],
            check=False, capture_output=True, text=True, env=os.environ | _apt_proxies(),
        )  # fmt: skip
        if done.returncode == 0:
            return
        complaint = _last_line(done.stdout + done.stderr)
        shutil.rmtree(root, ignore_errors=True)
    raise ImageBuildFailed(f"debootstrap could not make a Debian system from this machine's mirrors: {complaint}")


def _suites() -> list[tuple[str, str | None]]:
    """(suite, mirror) in order of preference: the Debian with our Python, then this machine's own release."""
    codename = os_release().get("VERSION_CODENAME", DEBIAN_SUITE)
    own_mirror = _own_mirror(codename)
    debian_mirror = own_mirror if _is_debian() else None  # None: debootstrap's own default
    return list(dict.fromkeys([(DEBIAN_SUITE, debian_mirror), (codename, own_mirror)]))


def _own_mirror(codename: str) -> str | None:
    """Where apt of this machine takes its main packages from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        uri, release, component = [*line.split(), "", "", ""][:3]
        if component == "main" and release in {codename, "stable"} and uri.startswith(("http", "file:")):
            return uri
    return None


def _apt_proxies() -> dict[str, str]:
    """Proxy settings of apt, in the words of debootstrap's downloader; the environment's come first."""
    proxies = {}
    for scheme in ("http", "https"):
        command = ["apt-config", "shell", "proxy", f"Acquire::{scheme}::Proxy"]
        answer = shlex.split(subprocess.run(command, check=False, capture_output=True, text=True).stdout)
        name = f"{scheme}_proxy"
        if answer and answer[0] != "proxy=DIRECT" and name not in os.environ:
            proxies[name] = answer[0].removeprefix("proxy=")
    return proxies


def _settle_python(root: Path, recipe: Recipe, architecture: str) -> str:
    """Make Debian's Python look like that of Python's own image; returns its version, "" where there is none.

    `python` and `pip` are on PATH, packages lie in /usr/local/lib/pythonX.Y/site-packages, and pip may install there.
    """
    versions = sorted(path.name.removeprefix("python") for path in (root / "usr/bin").glob("python3.[0-9]*[0-9]"))
    if not versions or not (recipe.folder / "requirements.txt").is_file():
        return ""
    library = root / "usr/local/lib" / f"python{versions[0]}"
    site = library / "site-packages"
    shutil.rmtree(library / "dist-packages", ignore_errors=True)
    site.mkdir(parents=True)
    (library / "dist-packages").symlink_to("site-packages")
    install_packages(site, Target(versions[0], architecture), recipe.folder / "requirements.txt")
    (root / "usr/lib" / f"python{versions[0]}" / "EXTERNALLY-MANAGED").unlink(missing_ok=True)
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    for name in ("pip", "pip3"):
        _write_program(root / "usr/local/bin" / name, '#!/bin/sh\nexec python3 -m pip "$@"\n')
    return versions[0]


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _finish(root: Path, recipe: Recipe) -> None:
    """Add the recipe's own files, then run its `finish.sh` inside the new system."""
    if (recipe.folder / "rootfs").is_dir():
        shutil.copytree(recipe.folder / "rootfs", root, dirs_exist_ok=True)
    script = recipe.folder / "finish.sh"
    if script.is_file():
        text = script.read_text(encoding="utf-8")
        done = subprocess.run(["chroot", str(root), "/bin/sh"], input=text, check=False, capture_output=True, text=True)
        if done.returncode:
            raise ImageBuildFailed(f"{script} failed: {_last_line(done.stderr)}")


def _strip(root: Path) -> None:
    """Take away what a container never reads; copyright files stay."""
    for name in NEEDLESS:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
    for document in (root / "usr/share/doc").rglob("*"):
        if document.is_symlink() or (document.is_file() and document.name != "copyright"):
            document.unlink()
    for of_this_machine in ("etc/resolv.conf", "etc/hostname"):
        (root / of_this_machine).unlink(missing_ok=True)


def _import(engine: docker.DockerClient, recipe: Recipe, root: Path, labels: dict[str, str]) -> None:
    config = listed_lines(recipe.folder / "image-config.txt")
    changes = config + [f'LABEL {name}="{value}"' for name, value in labels.items()]
    pack = ["tar", "--create", "--numeric-owner", "--one-file-system", f"--directory={root}", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packing:
        repository, tag = recipe.tag.split(":")
        engine.api.import_image_from_stream(packing.stdout, repository=repository, tag=tag, changes=changes)
    if packing.returncode:
        raise ImageBuildFailed(f"tar could not pack {recipe.tag}: see its message above.")
