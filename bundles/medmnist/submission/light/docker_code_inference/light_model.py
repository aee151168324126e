"""The light model: which set a file holds, what the network sees of its images, and its model file.

Training and inference share this. Images larger than a few dozen pixels are averaged down first: the model is meant
for two CPU cores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import adaptive_avg_pool2d, adaptive_avg_pool3d

from medici_training.medmnist import flags, npz
from medici_training.medmnist.flags import Flag, Task
from medici_training.nets import light_cnn

LARGEST_PX = 64
LARGEST_3D_PX = 28
CHUNK = 512


@dataclass(frozen=True)
class MedSet:
    flag: Flag
    size: int

    @property
    def prefix(self) -> str:
        """How its files begin: `bloodmnist` or `bloodmnist_64`."""
        return npz.file_name(self.flag, self.size).removesuffix(".npz")

    def model_file(self, folder: Path) -> Path:
        return folder / f"{self.prefix}.pt"


def find_sets(folder: Path) -> dict[MedSet, Path]:
    """The sets whose npz files lie in `folder`. Raises ValueError for a name that is none of MedMNIST's."""
    return {named(path): path for path in sorted(folder.glob("*.npz"))}


def named(path: Path) -> MedSet:
    """`bloodmnist_64.npz` is bloodmnist at 64 pixels, `bloodmnist.npz` at 28."""
    flag, _, size = path.stem.rpartition("_")
    if size.isdigit():
        return MedSet(flags.get(flag), int(size))
    return MedSet(flags.get(path.stem), npz.DEFAULT_SIZE)


def to_inputs(images: npt.NDArray[np.uint8], flag: Flag) -> torch.Tensor:
    """N×S×S, N×S×S×3 or N×S×S×S grey values to N×C×s×s(×s) from -1 to 1, s being at most 64, or 28 in 3D."""
    return torch.cat(
        [_inputs(torch.from_numpy(part), flag) for part in np.array_split(images, 1 + len(images) // CHUNK)]
    )


def _inputs(images: torch.Tensor, flag: Flag) -> torch.Tensor:
    pixels = images.float() / 127.5 - 1
    pixels = pixels.movedim(-1, 1) if flag.channels > 1 else pixels.unsqueeze(1)
    side, largest = pixels.shape[-1], LARGEST_3D_PX if flag.is_3d else LARGEST_PX
    if side <= largest:
        return pixels.contiguous()
    return (adaptive_avg_pool3d if flag.is_3d else adaptive_avg_pool2d)(pixels, largest)


def build(flag: Flag) -> torch.nn.Module:
    return light_cnn(flag.channels, flag.classes, is_3d=flag.is_3d)


def activation(flag: Flag) -> Callable[[torch.Tensor], torch.Tensor]:
    """From the network's outputs to scores: each label by itself, or one class of several."""
    return torch.sigmoid if flag.task is Task.MULTI_LABEL else lambda output: output.softmax(dim=1)


def save(model: torch.nn.Module, medset: MedSet, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), medset.model_file(folder))


def load(medset: MedSet, folder: Path) -> torch.nn.Module:
    """Raises FileNotFoundError with one sentence for a set that was not trained on."""
    path = medset.model_file(folder)
    if not path.is_file():
        raise FileNotFoundError(f"There is no model for {medset.prefix} in {folder}: train on that set first.")
    model = build(medset.flag)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model
