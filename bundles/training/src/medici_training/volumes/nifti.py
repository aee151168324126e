"""NIfTI files: every fault of reading in one sentence; the same volume always written as the same bytes."""

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

SUFFIXES = (".nii.gz", ".nii")
AXES = 3


class VolumeUnusable(Exception):
    """A file is no volume that can be used here; one sentence naming it."""


@dataclass(frozen=True)
class Volume:
    """Values in the file's own order of axes, and where they lie."""

    values: npt.NDArray[np.generic]
    """DxHxW."""
    affine: npt.NDArray[np.float64]
    """4x4: from indexes to millimetres."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along each axis."""
        depth, height, width = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(depth), float(height), float(width)


def case_of(path: Path | str) -> str:
    """`images/case_007.nii.gz` is the case `case_007`."""
    name = Path(path).name
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def read_volume(path: Path) -> Volume:
    """Raises VolumeUnusable unless the file is NIfTI with three axes and finite values."""
    try:
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise VolumeUnusable(f"{path} cannot be read as NIfTI.") from error
    if values.ndim > AXES and set(values.shape[AXES:]) == {1}:
        values = values.reshape(values.shape[:AXES])
    if values.ndim != AXES:
        raise VolumeUnusable(f"{path} has {values.ndim} axes; a volume has three.")
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise VolumeUnusable(f"{path} holds values that are no finite numbers.")
    return Volume(values, np.asarray(image.affine, dtype=np.float64))


def write_volume(path: Path, values: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]) -> None:
    """Write `.nii.gz`, without a time or a name in it."""
    held = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=held, mode="wb", mtime=0, compresslevel=6) as packed:
        packed.write(nibabel.Nifti1Image(values, affine).to_bytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(held.getvalue())
