"""`config.yaml`: the paper's keys and defaults, a few of our own, and overrides from the command line.

Keys and defaults of the paper's code: data_path, output_path, epochs 100, learning_rate 1e-4, batch_size 64,
batch_size_eval 256, device, dataset, img_size, training_procedure, architecture, k 11, seed. Everything else is ours.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from medici_training.benchmark.names import DATASETS, PROCEDURES, SEEDS, SIZES
from medici_training.medmnist import flags
from medici_training.medmnist.flags import Flag

AUTO, RANDOM = "auto", "random"
PAPERS_SIDE = 224
PLACES = ("data_path", "output_path", "device", "amp", "channels_last", "batch_size_eval")
"""Keys that say where and how fast, not what is computed."""


@dataclass(frozen=True)
class Config:
    data_path: Path
    """Folder of `{flag}{_size}.npz`."""
    output_path: Path
    epochs: int = 100
    learning_rate: float = 1e-4
    batch_size: int = 64
    batch_size_eval: int = 256
    device: str = AUTO
    """In torch's words, `cuda:0` or `cpu`; `auto` takes a GPU where there is one."""
    dataset: str = "bloodmnist"
    img_size: int = 28
    training_procedure: str = "endToEnd"
    architecture: str = "resnet18"
    k: int = 11
    seed: int = SEEDS[0]
    pad_to: int | None = PAPERS_SIDE
    """Images are centred in a black square of so many pixels; None leaves their size."""
    weights: str = AUTO
    """A folder of weights, `auto` (the hub when it answers), or `random`."""
    patience: int = 5
    """Epochs without a lower validation loss, after which training stops."""
    amp: bool = False
    channels_last: bool = False

    @property
    def stem(self) -> str:
        """How files of this run begin: the paper's names of checkpoints without `_best.pth`."""
        return f"{self.dataset}_{self.img_size}_{self.training_procedure}_{self.architecture}_s{self.seed}"

    @property
    def flag(self) -> Flag:
        return flags.get(self.dataset)

    def settings(self) -> dict[str, Any]:
        """What decides the figures: a result that was computed with other settings does not compare."""
        return {key: value for key, value in asdict(self).items() if key not in PLACES}

    def values(self) -> dict[str, Any]:
        """All keys as plain values: what a file or a message holds."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}


KINDS: dict[str, tuple[type, str]] = {
    "data_path": (str, "a folder"),
    "output_path": (str, "a folder"),
    "epochs": (int, "a whole number above 0"),
    "learning_rate": (float, "a number above 0"),
    "batch_size": (int, "a whole number above 0"),
    "batch_size_eval": (int, "a whole number above 0"),
    "device": (str, "a device such as cpu or cuda:0, or auto"),
    "dataset": (str, f"one of {', '.join(DATASETS)}"),
    "img_size": (int, f"one of {', '.join(map(str, SIZES))}"),
    "training_procedure": (str, f"one of {', '.join(PROCEDURES)}"),
    "architecture": (str, "an architecture's name"),
    "k": (int, "a whole number above 0"),
    "seed": (int, "a whole number"),
    "pad_to": (int, "a whole number above 0, or null"),
    "weights": (str, "a folder, auto or random"),
    "patience": (int, "a whole number above 0"),
    "amp": (bool, "true or false"),
    "channels_last": (bool, "true or false"),
}
CHOICES: dict[str, tuple[Any, ...]] = {"dataset": DATASETS, "img_size": SIZES, "training_procedure": PROCEDURES}
ANY_SIGN = ("seed",)
MAY_BE_NULL = ("pad_to",)


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys of a file. Raises ValueError with one sentence for what is no mapping, OSError for what is no file."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004  a fault of the file, told as the others
            f"{path} must hold keys and values, such as `dataset: bloodmnist`."
        )
    return {str(key): value for key, value in found.items()}


def read_config(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """The file's configuration; overrides that are None are not given. Raises ValueError naming all faults at once.

    Folders in the file are relative to where the command runs, as in the paper's code.
    """
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return make_config({**read_yaml(path), **given}, where=str(path))


def make_config(values: Mapping[str, Any], *, where: str) -> Config:
    """A configuration from plain values. Raises ValueError naming all faults at once."""
    values = {key: value for key, value in values.items() if not (value is None and key not in MAY_BE_NULL)}
    faults = [f"{where}: {sentence}" for sentence in _faults(values)]
    if faults:
        raise ValueError("\n".join(faults))
    known = {key: _value(key, value) for key, value in values.items()}
    config = Config(**known)
    if config.pad_to is not None and config.pad_to < config.img_size:
        raise ValueError(f"{where}: images of {config.img_size} pixels are larger than pad_to {config.pad_to}.")
    return config


def _faults(values: Mapping[str, Any]) -> list[str]:
    names = [field.name for field in fields(Config)]
    unknown = [key for key in values if key not in names]
    found = [f"there is no key {', '.join(unknown)}; there are {', '.join(names)}."] if unknown else []
    missing = [key for key in ("data_path", "output_path") if not values.get(key)]
    found += [f"{key} must be given: {KINDS[key][1]}." for key in missing]
    for key, value in values.items():
        if key in names and key not in missing and not _fits(key, value):
            found.append(f"{key} must be {KINDS[key][1]}, not {value!r}.")
    return found


def _fits(key: str, value: Any) -> bool:
    if value is None:
        return key in MAY_BE_NULL
    if key in CHOICES:
        return value in CHOICES[key] and not isinstance(value, bool)
    kind = KINDS[key][0]
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is str:
        return isinstance(value, str | Path) and bool(str(value).strip())
    if kind is int:
        return isinstance(value, int) and (value > 0 or key in ANY_SIGN)
    return _number(value) is not None


def _number(value: Any) -> float | None:
    """YAML reads `1e-4` as text; it is a number all the same."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None


def _value(key: str, value: Any) -> Any:
    if value is None:
        return None
    if key in {"data_path", "output_path"}:
        return Path(str(value)).expanduser()
    return float(value) if KINDS[key][0] is float else value
