"""The flags of `train.py` and `test.py`: MedicalNet's own names and defaults."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medici_training.volumes.preparation import Size
from medici_training.volumes.resnet import DEPTHS, SegmentationNet

SAVE_FOLDER = Path("trails/models")
SMOKE_SIZE: Size = (14, 28, 28)


@dataclass(frozen=True)
class Settings:
    data_root: Path
    img_list: Path
    n_seg_classes: int
    learning_rate: float
    num_workers: int
    batch_size: int
    phase: str
    save_intervals: int
    n_epochs: int
    size: Size
    resume_path: Path | None
    pretrain_path: Path | None
    new_layer_names: tuple[str, ...]
    no_cuda: bool
    gpu_id: tuple[int, ...]
    model: str
    model_depth: int
    resnet_shortcut: str
    manual_seed: int
    ci_test: bool
    amp: bool
    output: Path | None

    @property
    def save_prefix(self) -> Path:
        return SAVE_FOLDER / f"{self.model}_{self.model_depth}"

    def network(self) -> SegmentationNet:
        return SegmentationNet(self.model_depth, self.n_seg_classes, "A" if self.resnet_shortcut == "A" else "B")

    def described(self) -> dict[str, object]:
        """What whoever loads a checkpoint must know of it."""
        return {
            "model_depth": self.model_depth,
            "resnet_shortcut": self.resnet_shortcut,
            "n_seg_classes": self.n_seg_classes,
            "size": list(self.size),
        }


def read_settings(words: Sequence[str] | None = None, *, phase: str) -> Settings:
    """From the command line; `--ci_test` sets what makes a run on any CPU short, as it does upstream."""
    given = vars(_parser(phase).parse_args(words))
    if given["ci_test"]:
        given |= {"n_epochs": 1, "no_cuda": True, "pretrain_path": "", "num_workers": 0}
        given |= {"model_depth": 10, "resnet_shortcut": "A"}
        given |= dict(zip(("input_D", "input_H", "input_W"), SMOKE_SIZE, strict=True))
    size = (given.pop("input_D"), given.pop("input_H"), given.pop("input_W"))
    for name in ("resume_path", "pretrain_path"):
        given[name] = Path(given[name]) if given[name] else None
    for name in ("gpu_id", "new_layer_names"):
        given[name] = tuple(given[name])
    return Settings(size=size, **given)


def _parser(phase: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="MedicalNet: segment 3-D volumes with a pretrained 3D-ResNet.")
    add = parser.add_argument
    add("--data_root", type=Path, default=Path("./data"), help="folder below which the list's paths lie")
    add("--img_list", type=Path, default=Path("./data/train.txt"), help="lines `image label`")
    add("--n_seg_classes", type=_at_least(2), default=2, help="classes, background included")
    add("--learning_rate", type=_above_zero, default=1e-3, help="of pretrained layers; new ones learn 100 times faster")
    add("--num_workers", type=_at_least(0), default=4, help="processes that read volumes")
    add("--batch_size", type=_at_least(1), default=1, help="volumes per step, of each process")
    add("--phase", choices=("train", "test"), default=phase)
    add("--save_intervals", type=_at_least(1), default=10, help="steps; checkpoints are written between epochs")
    add("--n_epochs", type=_at_least(1), default=200)
    add("--input_D", type=_at_least(8), default=56, help="depth that volumes are resized to")
    add("--input_H", type=_at_least(8), default=448)
    add("--input_W", type=_at_least(8), default=448)
    add("--resume_path", default="", help="checkpoint to go on from, or to test")
    add("--pretrain_path", default="pretrain/resnet_50.pth", help="MedicalNet's checkpoint; empty: from scratch")
    add("--new_layer_names", nargs="+", default=["conv_seg"], help="layers that learn 100 times faster")
    add("--no_cuda", action="store_true", help="compute on the CPU")
    add("--gpu_id", nargs="+", type=_at_least(0), default=[0], help="one process for each")
    add("--model", choices=("resnet",), default="resnet")
    add("--model_depth", type=int, choices=DEPTHS, default=50)
    add("--resnet_shortcut", choices=("A", "B"), default="B")
    add("--manual_seed", type=_at_least(0), default=1)
    add("--ci_test", action="store_true", help="one epoch of depth 10, shortcut A, 14x28x28, on the CPU")
    add("--amp", action="store_true", help="mixed precision on GPUs; not a flag of upstream's")
    add("--output", type=Path, help="test.py: folder for label maps; not a flag of upstream's")
    return parser


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return number


def _at_least(lowest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text} is less than {lowest}")
        return int(text)

    number.__name__ = "number"
    return number
