"""Label maps as NIfTI files: predictions `<case>.nii.gz`, held against references of the same names.

All faults are found before anything is scored, and told twice, as for other predictions: to the participant with
counts, to the organizer with names. NiBabel is imported when the first file is read.
"""

import gzip
import io
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medici_scoring.predictions import Fault, PredictionsInvalid, ReferenceInvalid

SUFFIXES = (".nii.gz", ".nii")
GRID_TOLERANCE_MM = 0.01
"""How far a voxel of the prediction may lie from the image's."""
MOST_HEADER_BYTES = 1024**2
"""How far into a file its voxels may begin: packed files can claim gigabytes of extensions before them."""
MOST_VALUE_BYTES = 8
"""Of one voxel."""
SENTENCES = {
    "missing": ("case has no label map", "cases have no label map"),
    "unreadable": ("label map cannot be read as NIfTI", "label maps cannot be read as NIfTI"),
    "shape": ("label map has another shape than its image", "label maps have another shape than their images"),
    "grid": ("label map lies elsewhere than its image", "label maps lie elsewhere than their images"),
    "fractions": (
        "label map holds values that are no whole numbers",
        "label maps hold values that are no whole numbers",
    ),
    "labels": ("label map holds unknown labels", "label maps hold unknown labels"),
    "strange": ("file is of no case of this task", "files are of no case of this task"),
}
ADVICE = {
    "missing": "Write one file per image, `<case>.nii.gz`.",
    "grid": "Write it with the affine of the image that you read.",
    "fractions": "Write the class of every voxel, not its probability.",
}


@dataclass(frozen=True)
class LabelMap:
    """The labels of one case, DxHxW, and the distance of its voxels along each axis."""

    values: npt.NDArray[np.int64]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Pair:
    case: str
    truth: Path
    predicted: Path


class _Unfit(Exception):
    """A label map has one of the faults of SENTENCES."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def pair_up(reference: Path, predictions: Path, *, labels: Collection[int]) -> list[Pair]:
    """Every reference with its prediction, all checked. Raises PredictionsInvalid or ReferenceInvalid."""
    truths, given = _by_case(reference), _by_case(predictions)
    if not truths:
        raise ReferenceInvalid(f"The reference data hold no NIfTI file (in {reference}).")
    faults: dict[str, list[str]] = defaultdict(list)
    faults["missing"] = [case for case in truths if case not in given]
    faults["strange"] = [given[case].name for case in given if case not in truths]
    pairs = [Pair(case, path, given[case]) for case, path in truths.items() if case in given]
    for pair in pairs:
        try:
            _check(pair, labels)
        except _Unfit as unfit:
            faults[unfit.kind].append(pair.predicted.name)
    told = list(_faults(faults, labels))
    if told:
        raise PredictionsInvalid("\n".join(f.public() for f in told), "\n".join(f.private() for f in told))
    return pairs


def read_truth(pair: Pair) -> LabelMap:
    """Raises ReferenceInvalid."""
    try:
        image = _open(pair.truth)
        return LabelMap(_whole(image), _spacing(image))
    except _Unfit as unfit:
        raise ReferenceInvalid(f"{pair.truth.name} is no label map: {SENTENCES[unfit.kind][0]}.") from unfit


def read_predicted(pair: Pair) -> npt.NDArray[np.int64]:
    """The labels of a prediction that `pair_up` has checked."""
    return _whole(_open(pair.predicted))


def case_of(path: Path) -> str | None:
    """`case_007.nii.gz` is the case `case_007`; None for a file that is no NIfTI by its name."""
    return next((path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix)), None)


def _by_case(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        case = case_of(path)
        noise = any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)
        if case and not noise and path.is_file() and not path.is_symlink():
            found.setdefault(case, path)
    return found


def _check(pair: Pair, labels: Collection[int]) -> None:
    """Shape and place first: they are in the header, and a wrong one may be of any size."""
    try:
        truth = _open(pair.truth)
    except _Unfit as unfit:
        raise ReferenceInvalid(f"{pair.truth.name} cannot be read as NIfTI.") from unfit
    predicted = _open(pair.predicted)
    if _shape(predicted) != _shape(truth):
        raise _Unfit("shape")
    if not _same_grid(truth.affine, predicted.affine, _shape(truth)):
        raise _Unfit("grid")
    if not set(np.unique(_whole(predicted)).tolist()) <= set(labels):
        raise _Unfit("labels")


def _open(path: Path) -> Any:
    """The image, its voxels unread. Nothing but NIfTI is read, and no more of the header than its bound."""
    try:
        start = _start(path)
        kind = next((kind for kind in _kinds() if kind.header_class.may_contain_header(start)), None)
        if kind is None or kind.header_class.from_fileobj(io.BytesIO(start)).get_data_offset() > MOST_HEADER_BYTES:
            raise _Unfit("unreadable")
        return kind.from_filename(path)
    except _unreadable() as error:
        raise _Unfit("unreadable") from error


def _start(path: Path) -> bytes:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return file.read(MOST_HEADER_BYTES)


def _kinds() -> tuple[Any, ...]:
    from nibabel.nifti1 import Nifti1Image  # noqa: PLC0415
    from nibabel.nifti2 import Nifti2Image  # noqa: PLC0415

    return Nifti1Image, Nifti2Image


def _unreadable() -> tuple[type[Exception], ...]:
    """What reading a file that is broken, or made to break us, can raise."""
    from nibabel.filebasedimages import ImageFileError  # noqa: PLC0415
    from nibabel.spatialimages import HeaderDataError  # noqa: PLC0415

    return ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, zlib.error


def _whole(image: Any) -> npt.NDArray[np.int64]:
    """The labels; floats are taken where they are whole numbers."""
    kept = image.get_data_dtype()
    if kept.kind not in "iuf" or kept.itemsize > MOST_VALUE_BYTES:
        raise _Unfit("unreadable")
    try:
        values = np.asanyarray(image.dataobj).reshape(_shape(image))
    except _unreadable() as error:
        raise _Unfit("unreadable") from error
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise _Unfit("fractions")
    return np.asarray(values, dtype=np.int64)


def _shape(image: Any) -> tuple[int, ...]:
    """Trailing axes of one voxel are none: some programs write `1xDxHxW` backwards."""
    shape = tuple(int(size) for size in image.shape)
    while len(shape) > 3 and shape[-1] == 1:  # noqa: PLR2004  a volume's axes
        shape = shape[:-1]
    return shape


def _spacing(image: Any) -> tuple[float, float, float]:
    depth, height, width = np.sqrt((np.asarray(image.affine)[:3, :3] ** 2).sum(axis=0))
    return float(depth), float(height), float(width)


def _same_grid(first: npt.NDArray[Any], second: npt.NDArray[Any], shape: tuple[int, ...]) -> bool:
    """Whether all corners of the volume lie in the same places."""
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in shape[:3]])).reshape(3, -1)
    places = [affine[:3, :3] @ corners + affine[:3, 3:] for affine in (first, second)]
    return bool(np.abs(places[0] - places[1]).max() <= GRID_TOLERANCE_MM)


def _faults(found: dict[str, list[str]], labels: Collection[int]) -> Iterator[Fault]:
    known = ", ".join(str(label) for label in sorted(labels))
    advice = {**ADVICE, "labels": f"The labels are {known}."}
    for kind, (one, many) in SENTENCES.items():
        names = found[kind]
        if names:
            sentence = f"{len(names)} {one if len(names) == 1 else many}"
            yield Fault(sentence, names=names, advice=advice.get(kind, ""))
