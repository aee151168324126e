"""MedMNIST's files `{flag}{_size}.npz`: read with every check, written with the same bytes every time.

Six arrays per file: `{train,val,test}_images`, uint8, N×S×S, N×S×S×3 or N×S×S×S, and `{train,val,test}_labels`, N×L
whole numbers, L = 1 or one column per label where several may apply. Files that hold fewer arrays (the training data
of a challenge without its test set; a test set without its labels) are read by naming the splits.
"""

import hashlib
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np
import numpy.typing as npt

from medici_training.medmnist.flags import Flag

Array = npt.NDArray[np.uint8]

SPLITS = ("train", "val", "test")
DEFAULT_SIZE = 28
DEFAULT_ROOT = Path("~/.medmnist")
"""Where the `medmnist` package keeps its downloads."""
LEAST_LIMIT_BYTES = 2 * 1024**3
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can name; the same for every file, so that the same arrays make the same bytes."""
CHUNK_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class Split:
    images: Array
    labels: Array
    """N×L."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Data:
    flag: Flag
    size: int
    splits: dict[str, Split]

    @property
    def train(self) -> Split:
        return self.splits["train"]

    @property
    def val(self) -> Split:
        return self.splits["val"]

    @property
    def test(self) -> Split:
        return self.splits["test"]


def file_name(flag: Flag, size: int = DEFAULT_SIZE) -> str:
    """`bloodmnist.npz` at 28 px, `bloodmnist_64.npz` at others."""
    return f"{flag.name}.npz" if flag.check_size(size) == DEFAULT_SIZE else f"{flag.name}_{size}.npz"


def find(flag: Flag, size: int = DEFAULT_SIZE, root: Path | None = None) -> Path:
    """The flag's file in `root` (None: where the `medmnist` package keeps it).

    Raises FileNotFoundError saying how to get it.
    """
    folder = (root or DEFAULT_ROOT).expanduser()
    path = folder / file_name(flag, size)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: `python -m medmnist download --size={size}` puts the real files into "
            f"{DEFAULT_ROOT}, or name the folder that holds them."
        )
    return path


def is_official(path: Path, flag: Flag, size: int = DEFAULT_SIZE) -> bool:
    """Whether the file is, byte for byte, the published one."""
    official = flag.md5(flag.check_size(size))
    return official is not None and _md5(path) == official


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read(
    path: Path,
    flag: Flag,
    size: int = DEFAULT_SIZE,
    *,
    splits: Iterable[str] = SPLITS,
    official: bool = False,
    limit_bytes: int | None = None,
) -> Data:
    """Images and labels of the named splits, checked.

    `official`: the file must be the published one (MD5) and hold the published counts. `limit_bytes`: the most that
    one array may unpack to; None is what the flag officially has, and 2 GiB at least. Raises ValueError or OSError
    with one sentence: what is wrong, in which array of which file.
    """
    flag.check_size(size)
    wanted = tuple(splits)
    if official and not is_official(path, flag, size):
        raise ValueError(f"{path} is not the published {file_name(flag, size)}: its MD5 differs. Download it again.")
    most = limit_bytes if limit_bytes is not None else _usual_limit_bytes(flag, size)
    names = [f"{split}_{kind}" for split in wanted for kind in ("images", "labels")]
    with _Archive(path, most) as archive:
        archive.check_names(names)
        found = {split: _read_split(archive, split, flag, size) for split in wanted}
    if official:
        _check_counts(path, flag, found)
    return Data(flag, size, found)


def read_images(
    path: Path, flag: Flag, size: int = DEFAULT_SIZE, *, split: str = "test", limit_bytes: int | None = None
) -> Array:
    """The images of one split, checked as `read` does, of a file that may hold no labels."""
    most = limit_bytes if limit_bytes is not None else _usual_limit_bytes(flag, flag.check_size(size))
    with _Archive(path, most) as archive:
        archive.check_names([f"{split}_images"])
        return _read_images(archive, f"{split}_images", flag, size)


def write(path: Path, splits: Mapping[str, Split]) -> None:
    """A file with these splits in the order train, val, test; the same arrays make the same bytes."""
    arrays = {}
    for split in (name for name in SPLITS if name in splits):
        arrays[f"{split}_images"] = splits[split].images
        arrays[f"{split}_labels"] = splits[split].labels
    _write_arrays(path, arrays)


def write_images(path: Path, images: Array, *, split: str = "test") -> None:
    """A file with the images of one split and no labels: what a submission gets to see."""
    _write_arrays(path, {f"{split}_images": images})


def _write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def _usual_limit_bytes(flag: Flag, size: int) -> int:
    most = max(flag.samples.train, flag.samples.val, flag.samples.test)
    return max(LEAST_LIMIT_BYTES, most * math.prod(flag.shape(size)))


def _read_split(archive: "_Archive", split: str, flag: Flag, size: int) -> Split:
    images = _read_images(archive, f"{split}_images", flag, size)
    labels = archive.read(f"{split}_labels")
    where = f"{archive.path}: {split}_labels"
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{where} holds {labels.dtype} where labels are whole numbers.")
    if labels.shape != (len(images), flag.label_width):
        raise ValueError(
            f"{where} has the shape {_times(labels.shape)}; {flag.name} with {len(images)} images needs "
            f"{len(images)}×{flag.label_width}."
        )
    if labels.min() < 0 or labels.max() > flag.largest_label:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"{where} holds the label {wrong}; {flag.name} has 0 to {flag.largest_label}.")
    return Split(images, labels.astype(np.uint8))


def _read_images(archive: "_Archive", name: str, flag: Flag, size: int) -> Array:
    images = archive.read(name)
    where = f"{archive.path}: {name}"
    if images.dtype != np.uint8:
        raise ValueError(f"{where} holds {images.dtype} where MedMNIST has uint8.")
    if images.shape[1:] != flag.shape(size):
        raise ValueError(
            f"{where} has the shape {_times(images.shape)}; {flag.name} at size {size} is N×{_times(flag.shape(size))}."
        )
    if len(images) == 0:
        raise ValueError(f"{where} holds no image.")
    return images.astype(np.uint8, copy=False)


def _check_counts(path: Path, flag: Flag, found: Mapping[str, Split]) -> None:
    for name, split in found.items():
        if len(split) != flag.samples.of(name):
            raise ValueError(f"{path}: {name} has {len(split)} samples; {flag.name} has {flag.samples.of(name)} there.")


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "()"


class _Archive:
    """A zip of npy files that is not trusted: no pickles, no more bytes than the limit, sentences for all faults."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} is not there.") from None
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise ValueError(f"{path} is no npz file, or the end of it is missing: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def check_names(self, wanted: list[str]) -> None:
        """All that is wanted is there once, and nothing but MedMNIST's six arrays."""
        names = [name.removesuffix(".npy") for name in self._zip.namelist()]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ValueError(
                f"{self.path} lacks {', '.join(missing)}; it holds {', '.join(sorted(names)) or 'nothing'}."
            )
        known = {f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")}
        if extra := sorted(set(names) - known):
            raise ValueError(f"{self.path} holds what MedMNIST's files do not: {', '.join(extra)}.")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{self.path} holds {', '.join(twice)} twice.")

    def read(self, name: str) -> npt.NDArray[np.generic]:
        where = f"{self.path}: {name}"
        try:
            with self._zip.open(f"{name}.npy") as file:
                return self._read_npy(file, where)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{where} is damaged or truncated: {error}") from None
        except (RuntimeError, NotImplementedError, KeyError) as error:  # encrypted, or packed in a way unknown here
            raise ValueError(f"{where} cannot be unpacked: {error}") from None

    def _read_npy(self, file: IO[bytes], where: str) -> npt.NDArray[np.generic]:
        shape, is_fortran, dtype = _header(file, where)
        if dtype.hasobject:
            raise ValueError(f"{where} holds pickled objects, which are refused: they can run code.")
        if dtype.kind not in "biuf" or min(shape, default=0) < 0:
            raise ValueError(f"{where} holds {dtype} of the shape {_times(shape)}, which is no array of numbers.")
        count_bytes = math.prod(shape) * dtype.itemsize
        if count_bytes > self._limit_bytes:
            raise ValueError(
                f"{where} would unpack to {count_bytes} bytes ({_times(shape)}); at most {self._limit_bytes} are taken."
            )
        content = bytearray(count_bytes)
        _fill(file, content, where)
        return np.ndarray(shape, dtype, buffer=content, order="F" if is_fortran else "C")


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    except ValueError as error:
        raise ValueError(f"{where} is no npy array: {error}") from None
    raise ValueError(f"{where} is an npy array of version {version}, which MedMNIST's files do not use.")


def _fill(file: IO[bytes], content: bytearray, where: str) -> None:
    """All of the array and nothing behind it; reading to the very end also makes zip compare its checksum."""
    done = 0
    while done < len(content):
        part = file.read(min(CHUNK_BYTES, len(content) - done))
        if not part:
            raise ValueError(f"{where} is truncated: {done} bytes of {len(content)}.")
        content[done : done + len(part)] = part
        done += len(part)
    if file.read(1):
        raise ValueError(f"{where} is longer than its header says.")
