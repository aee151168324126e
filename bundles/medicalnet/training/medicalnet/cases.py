"""The volumes of a list, prepared as MedicalNet prepares them for training and for testing."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from options import Settings
from torch.utils.data import DataLoader, Dataset

from medici_training.volumes.lists import Case, ListUnusable, read_list, write_list
from medici_training.volumes.nifti import VolumeUnusable, read_volume, write_volume
from medici_training.volumes.preparation import cropped_around_label, resized, standardised, without_background

SMOKE_CASES = 4


class TrainingCases(Dataset):
    """Pairs of a 1xDxHxW volume and its DxHxW labels, cropped at random around the label in every epoch anew.

    What is random depends on the seed, the epoch and the case alone: the order of reading changes nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cases = read_list(settings.img_list)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.cases)

    def check(self) -> None:
        """Read every case once, so that a fault is a sentence before the training, and not a trace from within it."""
        for index in range(len(self)):
            self[index]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        case = self.cases[index]
        random = np.random.default_rng([self.settings.manual_seed, self.epoch, index])
        image, label = read_pair(self.settings, case)
        image, label = cropped_around_label(*without_background(image, label), random)
        image, label = resized(image, self.settings.size), resized(label, self.settings.size)
        try:
            volume = standardised(image, random)
        except ValueError as error:
            raise VolumeUnusable(f"{case.image}: {error}.") from error
        return torch.from_numpy(volume)[None], torch.from_numpy(label.astype(np.int64))


def read_pair(settings: Settings, case: Case) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]:
    """Image and label map of one case. Raises VolumeUnusable or ListUnusable."""
    image = read_volume(settings.data_root / case.image).values
    label = read_volume(settings.data_root / case.label).values
    if image.shape != label.shape:
        raise ListUnusable(f"{settings.img_list}: {case.image} and {case.label} have different shapes.")
    highest = settings.n_seg_classes - 1
    if label.min() < -1 or label.max() > highest:
        raise ListUnusable(f"{case.label} holds labels beyond {highest}: say how many with --n_seg_classes.")
    return image, label


def training_loader(cases: TrainingCases, settings: Settings, *, share: tuple[int, int], epoch: int) -> DataLoader:
    """The batches of one epoch (from 0) for process `share[0]` of `share[1]`: every case once, in a seeded order."""
    cases.epoch = epoch
    rank, processes = share
    random = torch.Generator().manual_seed(settings.manual_seed * 100_003 + epoch)
    order = torch.randperm(len(cases), generator=random).tolist()
    order += order[: -len(order) % processes]  # every process takes as many steps as the others
    return DataLoader(
        cases,
        batch_size=settings.batch_size,
        sampler=order[rank::processes],
        num_workers=settings.num_workers,
        pin_memory=not settings.no_cuda and torch.cuda.is_available(),
    )


def testing_cases(settings: Settings) -> Iterator[tuple[Case, npt.NDArray[np.generic], npt.NDArray[np.float32]]]:
    """Each case, its volume as it lies in the file, and the whole of it resized and standardised, noise seeded."""
    for index, case in enumerate(read_list(settings.img_list, labelled=False)):
        image = read_volume(settings.data_root / case.image).values
        random = np.random.default_rng([settings.manual_seed, index])
        try:
            yield case, image, standardised(resized(image, settings.size), random)
        except ValueError as error:
            raise VolumeUnusable(f"{case.image}: {error}.") from error


def smoke_data(folder: str | None = None) -> tuple[Path, Path]:
    """A folder and a list of four little volumes, for `--ci_test` where no list is at hand."""
    root = Path(folder or tempfile.mkdtemp(prefix="medicalnet-ci-"))
    random = np.random.default_rng(0)
    for number in range(SMOKE_CASES):
        label = np.zeros((20, 32, 32), dtype=np.uint8)
        label[5:15, 8:20, 6 + number : 20 + number] = 1
        image = (label * 100 + random.normal(50, 10, label.shape)).astype(np.float32)
        write_volume(root / f"image_{number}.nii.gz", image, np.eye(4))
        write_volume(root / f"label_{number}.nii.gz", label, np.eye(4))
    lines = [f"image_{number}.nii.gz label_{number}.nii.gz" for number in range(SMOKE_CASES)]
    write_list(root / "test_ci.txt", lines)
    return root, root / "test_ci.txt"
