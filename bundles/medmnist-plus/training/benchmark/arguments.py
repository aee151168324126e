"""The command line of main.py, train.py and evaluate.py: the paper's options, and overrides of a few more keys."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from medici_training.benchmark.configuration import Config, read_config
from medici_training.benchmark.names import ARCHITECTURES, DATASETS, PROCEDURES, SIZES

PAPERS = {
    "dataset": (str, f"one of {', '.join(DATASETS)}"),
    "img_size": (int, f"one of {', '.join(map(str, SIZES))}"),
    "training_procedure": (str, f"one of {', '.join(PROCEDURES)}"),
    "architecture": (str, f"such as {', '.join(ARCHITECTURES)}"),
    "seed": (int, "for everything random"),
    "k": (int, "neighbours that kNN asks"),
}
OURS = {
    "data_path": (str, "folder of the npz files"),
    "output_path": (str, "folder for checkpoints and results"),
    "epochs": (int, "at most so many"),
    "weights": (str, "a folder of pretrained weights, auto or random"),
    "device": (str, "cpu, cuda:0, or auto"),
}


def read_arguments(description: str) -> Config:
    """The file's configuration with what the command line overrides. Raises ValueError or OSError."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config_file", type=Path, default=Path("config.yaml"), help="default: %(default)s")
    for name, (kind, text) in {**PAPERS, **OURS}.items():
        parser.add_argument(f"--{name}", type=kind, help=text)
    given = vars(parser.parse_args())
    return read_config(given.pop("config_file"), given)


def ending(program: Callable[[], None]) -> int:
    """The exit code of a program whose faults are sentences."""
    try:
        program()
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
