"""Radiographs on disk as batches: every view is drawn anew, and the same again for the same seed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from images import Pixels, read_grey
from lists import Entry
from metaimage import read_metaimage
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from views import View

from medici_training.loops import Batch, Batches

MOST_NAMES = 5
ORDER = 0  # beside the images' numbers, which begin at 1: the generator that shuffles


@dataclass(frozen=True)
class Part:
    """Which of several processes this is; each trains on its own part of every epoch."""

    rank: int = 0
    world: int = 1


ALONE = Part()


class Radiographs(Dataset):  # type: ignore[misc]
    """Pairs of a view, CxSxS, and the labels, N values 0 or 1.

    `in_memory` keeps the decoded images, for small sets. Reading raises ValueError with one sentence that names the
    file.
    """

    def __init__(
        self, folder: Path, entries: Sequence[Entry], view: View, *, seed: int = 0, in_memory: bool = False
    ) -> None:
        self.folder, self.entries, self.view, self.seed = folder, entries, view, seed
        self.epoch = 0
        self._kept: dict[int, Image.Image] | None = {} if in_memory else None

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, number: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
        random = np.random.default_rng([self.seed, self.epoch, number + 1])
        labels = np.asarray(self.entries[number].labels, dtype=np.float32)
        return self.view(self.image(number), random), labels

    def image(self, number: int) -> Image.Image:
        if self._kept is None:
            return _read(self.folder / self.entries[number].name)
        if number not in self._kept:
            self._kept[number] = _read(self.folder / self.entries[number].name)
        return self._kept[number]

    def check(self) -> "Radiographs":
        """Itself. Raises ValueError that names images that are not there."""
        absent = [entry.name for entry in self.entries if not (self.folder / entry.name).is_file()]
        if absent:
            named = ", ".join(absent[:MOST_NAMES]) + (" …" if len(absent) > MOST_NAMES else "")
            raise ValueError(f"{self.folder} lacks {len(absent)} of {len(self.entries)} images of its list: {named}.")
        return self

    @property
    def truth(self) -> npt.NDArray[np.uint8]:
        """NxC labels."""
        return np.array([entry.labels for entry in self.entries], dtype=np.uint8)


@dataclass(frozen=True)
class Joined:
    """Several sets as one, each with its own view (pre-training takes them from several sources).

    Sets whose labels differ in width have none together.
    """

    sets: Sequence[Radiographs]
    labelled: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.sets))

    def __getitem__(self, number: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
        for each in self.sets:
            if number < len(each):
                view, labels = each[number]
                return view, labels if self.labelled else np.zeros(1, np.float32)
            number -= len(each)
        raise IndexError(number)

    @property
    def seed(self) -> int:
        return self.sets[0].seed

    @property
    def epoch(self) -> int:
        return self.sets[0].epoch

    def begin(self, epoch: int) -> None:
        for each in self.sets:
            each.epoch = epoch


def shuffled_batches(
    images: Joined,
    *,
    batch_size: int,
    first_epoch: int = 1,
    part: Part = ALONE,
    workers: int = 0,
    pinned: bool = False,
) -> Batches:
    """At every call the next epoch, in a new order; the last batch is left out unless it is full or the only one.

    All processes of several get the same number of batches. What the model draws itself (hidden patches, dropped paths)
    begins anew in every epoch, so that a run that was resumed is the same as one that was not. Raises ValueError when
    there are more processes than images.
    """
    numbers = iter(range(first_epoch, 1_000_000_000))
    if len(images) < part.world:
        raise ValueError(f"{len(images)} training images are too few for {part.world} processes.")

    def epoch() -> Iterable[Batch]:
        number = next(numbers)
        images.begin(number)
        torch.manual_seed(int(np.random.default_rng([images.seed, number, ORDER, part.rank]).integers(2**31)))
        order = np.random.default_rng([images.seed, number, ORDER]).permutation(len(images))
        mine = order[part.rank : len(order) - len(order) % part.world : part.world].tolist()
        chosen = [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]
        if len(chosen) > 1 and len(chosen[-1]) < batch_size:
            chosen.pop()
        return DataLoader(images, batch_sampler=chosen, num_workers=workers, pin_memory=pinned)

    return epoch


def batches_per_epoch(count: int, batch_size: int, world: int = 1) -> int:
    """How many batches `shuffled_batches` gives per epoch."""
    return max(1, count // world // batch_size)


def views_in_order(images: Radiographs, *, batch_size: int, workers: int = 0) -> Iterator[torch.Tensor]:
    for batch, _ in DataLoader(images, batch_size=batch_size, num_workers=workers):
        yield batch


def _read(path: Path) -> Image.Image:
    return read_metaimage(path) if path.suffix.lower() == ".mha" else read_grey(path)
