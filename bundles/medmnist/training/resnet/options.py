"""The command lines of MedMNIST's own training programs, version 1 and 2, and the recipe that each stands for.

    python train.py bloodmnist                                  version 1: SGD, learning rate constant
    python train.py --data_flag bloodmnist --model_flag ...     version 2: Adam, learning rate ×0.1 at half and 3/4
    python train.py --config recipe.yaml --data_flag ...        a YAML file of options, by the names of the flags

What is given on the command line wins over the file, and the file over the recipe.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from convolutions import KINDS
from network import MODELS, Plan

from medici_training.devices import Computing, computing
from medici_training.medmnist import flags, npz

DEFAULT_EPOCHS = 100
BATCH_2D, BATCH_3D = 128, 32


@dataclass(frozen=True)
class Recipe:
    """How the weights are moved."""

    optimizer: str
    lr: float
    momentum: float = 0.0
    milestones: tuple[float, ...] = ()
    """Shares of all epochs after which the learning rate falls to a tenth."""

    def optimizer_of(self, model: torch.nn.Module, lr: float | None) -> torch.optim.Optimizer:
        if self.optimizer == "SGD":
            return torch.optim.SGD(model.parameters(), lr=lr or self.lr, momentum=self.momentum)
        return torch.optim.Adam(model.parameters(), lr=lr or self.lr)


RECIPES = {
    1: Recipe("SGD", 0.001, momentum=0.9),
    2: Recipe("Adam", 0.001, milestones=(0.5, 0.75)),
}
"""Of MedMNIST v1 (Yang et al., ISBI 2021) and v2 (Scientific Data 2023)."""


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """All options, with `recipe` 1 or 2. Raises ValueError with one sentence for what cannot be."""
    parser = _parser()
    config = parser.parse_args(arguments).config
    if config is not None:
        parser.set_defaults(**_from_file(config, parser))
    options = parser.parse_args(arguments)
    if (options.flag is None) == (options.data_flag is None):
        raise ValueError("Name the set once: `train.py bloodmnist`, or `train.py --data_flag bloodmnist`.")
    options.recipe = options.recipe or (1 if options.flag else 2)
    options.data_flag = options.data_flag or options.flag
    is_3d = flags.get(options.data_flag).is_3d
    if options.batch_size is None:
        options.batch_size = BATCH_3D if is_3d else BATCH_2D
    for name, least in (("batch_size", 1), ("num_epochs", 0)):
        if getattr(options, name) < least:
            raise ValueError(f"--{name} must be {least} or more, not {getattr(options, name)}.")
    if options.num_epochs == 0 and options.model_path is None:
        raise ValueError("With --num_epochs 0 nothing is trained: name a model to evaluate with --model_path.")
    return options


def plan_of(options: argparse.Namespace) -> Plan:
    return Plan(
        flag=flags.get(options.data_flag).name,
        size=options.size,
        model_flag=options.model_flag,
        as_rgb=options.as_rgb,
        resize=options.resize,
        conv=options.conv,
        shape_transform=options.shape_transform,
    )


def device_of(options: argparse.Namespace) -> Computing:
    """`--gpu_ids 0` takes the CPU where there is no GPU, as the original does."""
    first = options.gpu_ids.split(",")[0].strip()
    wanted = f"cuda:{first}" if first.isdigit() and torch.cuda.is_available() else "cpu"
    return computing(wanted, amp=options.amp, channels_last=options.channels_last)


def _parser() -> argparse.ArgumentParser:
    inside, outside = os.environ.get("IN"), os.environ.get("OUT")
    parser = argparse.ArgumentParser(description="Train and evaluate MedMNIST's ResNets.")
    add, switch = parser.add_argument, argparse.BooleanOptionalAction
    add("flag", nargs="?", help="the set, by the recipe of version 1: train.py bloodmnist")
    add("--data_flag", help="the set, by the recipe of version 2")
    add("--config", type=Path, help="YAML file of options, by the names of these flags")
    add("--recipe", type=int, choices=tuple(RECIPES), help="1: SGD; 2: Adam, ×0.1 at half and three quarters")
    add("--data_root", type=Path, default=Path(inside) if inside else npz.DEFAULT_ROOT, help="folder of npz files")
    add(
        "--output_root", type=Path, default=Path(outside or "output"), help="takes FLAG/best_model.pth and result files"
    )
    add("--num_epochs", type=int, default=DEFAULT_EPOCHS, help="0 evaluates --model_path alone (default: 100)")
    add("--size", type=int, default=npz.DEFAULT_SIZE, help="28, 64, 128 or 224; of volumes 28 or 64")
    add("--gpu_ids", default="0", help="the first is used; -1 for the CPU")
    add("--batch_size", type=int, help="default: 128, of volumes 32")
    add("--download", action="store_true", help="fetch the published file into --data_root when it is not there")
    add("--resize", action="store_true", help="enlarge images to 224 pixels, with ImageNet's stem")
    add("--as_rgb", action="store_true", help="grey images as three equal channels")
    add("--model_path", type=Path, help="best_model.pth to begin with")
    add("--model_flag", default="resnet18", choices=tuple(MODELS))
    add("--run", default="model1", help="names the result files")
    add("--conv", default="ACSConv", choices=KINDS, help="of volumes")
    add("--pretrained_3d", default="i3d", help="i3d: Conv3d begins with repeated 2D weights; none: with new ones")
    add("--shape_transform", action="store_true", help="of volumes: brightness by chance, so that the shape counts")
    add("--lr", type=float, help="default: 0.001")
    add("--seed", type=int, default=0)
    add("--amp", action=switch, default=True, help="mixed precision, on GPUs alone")
    add("--channels_last", action=switch, default=True, help="memory layout of 2D images, on GPUs alone")
    return parser


def _from_file(path: Path, parser: argparse.ArgumentParser) -> dict[str, object]:
    """The options that a YAML file sets. Raises ValueError for names and values that are none."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML file: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold options, such as `num_epochs: 20`.")  # noqa: TRY004  a fault of the file
    known = {action.dest: action for action in parser._actions}  # noqa: SLF001  argparse has no other way to ask
    values = {}
    for name, value in found.items():
        if name not in known or name in {"config", "help"}:
            raise ValueError(f"{path}: there is no option {name!r}.")
        values[name] = _checked(path, known[name], value)
    return values


def _checked(path: Path, action: argparse.Action, value: object) -> object:
    is_switch = action.nargs == 0
    if is_switch != isinstance(value, bool):
        raise ValueError(f"{path}: {action.dest} must {'' if is_switch else 'not '}be true or false.")
    try:
        converted = action.type(str(value)) if callable(action.type) else value if is_switch else str(value)
    except ValueError:
        raise ValueError(f"{path}: {action.dest} cannot be {value!r}.") from None
    if action.choices is not None and converted not in action.choices:
        raise ValueError(f"{path}: {action.dest} must be one of {', '.join(map(str, action.choices))}.")
    return converted
