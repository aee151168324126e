"""A prototype in one file: everything that inference needs, and nothing that is run when it is read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from medici_training.benchmark.architectures import Built, build, copied
from medici_training.benchmark.configuration import RANDOM, Config, make_config
from medici_training.benchmark.neighbours import Bank
from medici_training.benchmark.procedures import Scores, scores
from medici_training.devices import Computing

SUFFIX = ".pt"


@dataclass
class Prototype:
    config: Config
    built: Built
    bank: Bank | None = None
    """What kNN looks up."""

    def scores(self, images: npt.NDArray[np.uint8], on: Computing) -> Scores:
        """N×classes for uint8 images, N×S×S or N×S×S×3; kNN's are shares of votes."""
        return scores(self.config, self.built, images, on, self.bank)

    def save(self, path: Path) -> None:
        bank = {}
        if self.bank is not None:
            bank = {"features": torch.from_numpy(self.bank.features), "truth": torch.from_numpy(self.bank.truth)}
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = {
            "config": self.config.values(),
            "weights": self.built.weights,
            "weights_from": self.built.weights_from,
            "network": copied(self.built.network),
            "bank": bank,
        }
        torch.save(whole, path)


def load(path: Path) -> Prototype:
    """Raises FileNotFoundError or ValueError with one sentence. Only tensors and plain values are read."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no prototype {path}: train on that set first.")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        config = make_config(found["config"], where=str(path))
        built = build(
            config.architecture, config.flag.classes, pad_to=config.pad_to, weights=RANDOM, size=config.img_size
        )
        built.network.load_state_dict(found["network"])
        built.weights, built.weights_from = found["weights"], found["weights_from"]
        bank = found["bank"]
    except Exception as error:  # whatever a damaged or foreign file raises
        raise ValueError(f"{path} is no prototype of this benchmark: {' '.join(str(error).split())[:200]}") from error
    return Prototype(config, built, Bank(bank["features"].numpy(), bank["truth"].numpy()) if bank else None)
