"""`--download`: MedMNIST's published file into the folder of npz files."""

import urllib.error
import urllib.request
from pathlib import Path

from medici_training.medmnist import npz
from medici_training.medmnist.flags import FLAGS, Flag

ADDRESS = "https://zenodo.org/records/10519652/files/{name}?download=1"
"""MedMNIST's own record, version 3."""
TIMEOUT_S = 60
CHUNK_BYTES = 1024 * 1024


def find_file(flag: Flag, size: int, root: Path, *, download: bool) -> Path:
    """The set's file in `root`, fetched when it is not there and `download` says so.

    Raises OSError or ValueError saying where to get it.
    """
    folder = root.expanduser()
    path = folder / npz.file_name(flag, size)
    if download and not path.is_file():
        fetch(flag, size, folder, path)
    return npz.find(flag, size, folder)


def fetch(flag: Flag, size: int, folder: Path, path: Path) -> None:
    """Fetch and check (MD5); nothing is left behind where that fails."""
    published = FLAGS[flag.v2_name]
    name = npz.file_name(published, size)
    address = ADDRESS.format(name=name)
    partial = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as source, partial.open("wb") as target:  # noqa: S310
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
        if not npz.is_official(partial, published, size):
            raise ValueError(f"What {address} gave is not the published {name}: its MD5 differs. Try again.")
        partial.rename(path)
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise OSError(
            f"{name} cannot be fetched here ({reason}). On a machine with a network, get {address} or run "
            f"`python -m medmnist download --size={size}`; put the file into {folder} and leave --download out."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
