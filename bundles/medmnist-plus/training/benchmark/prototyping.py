"""One cell of the benchmark: train, evaluate, and say what it was computed with.

Checkpoints are called as in the paper's code, `{dataset}_{img_size}_{procedure}_{architecture}_s{seed}_best.pth` and
`…_final.pth`: the network's weights under timm's names. ACC and AUC are those of MedMNIST's evaluator.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from medici_scoring.medmnist.answers import Answers, Question, TaskKind
from medici_scoring.medmnist.evaluator import Evaluation, evaluate
from medici_training.benchmark.architectures import Built
from medici_training.benchmark.configuration import AUTO, Config
from medici_training.benchmark.ledger import DONE, Result, cell_of
from medici_training.benchmark.names import KNN
from medici_training.benchmark.procedures import Trained, build_for, fill_bank, scores, train
from medici_training.devices import Computing, computing
from medici_training.loops import Say
from medici_training.medmnist import npz
from medici_training.metering import Meter

REAL, OTHER = "real data", "not the published files"
UNKNOWN = "unknown"


@dataclass
class Run:
    """A configuration with everything that belongs to it in memory."""

    config: Config
    on: Computing
    built: Built
    generator: torch.Generator
    data: npz.Data
    trained: Trained | None = None


def prepare(config: Config, *, splits: tuple[str, ...] = npz.SPLITS) -> Run:
    """Read the data and build the network. Raises ValueError or OSError with one sentence."""
    path = npz.find(config.flag, config.img_size, config.data_path)
    data = npz.read(path, config.flag, config.img_size, splits=splits)
    device = None if config.device == AUTO else config.device
    on = computing(device, amp=config.amp, channels_last=config.channels_last)
    built, generator = build_for(config)
    return Run(config, on, built, generator, data)


def train_run(run: Run, *, say: Say, keep: bool) -> None:
    """Train, and write the checkpoints on request. kNN has nothing to train."""
    if run.config.training_procedure == KNN:
        return
    run.trained = train(run.config, run.built, run.data.splits, run.on, run.generator, say=say)
    if keep:
        run.config.output_path.mkdir(parents=True, exist_ok=True)
        torch.save(run.trained.best, checkpoint(run.config, "best"))
        torch.save(run.trained.final, checkpoint(run.config, "final"))
        began_with = {"weights": run.built.weights, "weights_from": run.built.weights_from}
        _beside(run.config).write_text(json.dumps(began_with, indent=2) + "\n", encoding="utf-8")


def load_best(run: Run) -> None:
    """Put the best checkpoint into the network. Raises FileNotFoundError or ValueError with one sentence."""
    path = checkpoint(run.config, "best")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: run train.py with the same configuration first.")
    try:
        run.built.network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except RuntimeError as error:
        raise ValueError(f"{path} is no checkpoint of {run.config.architecture} for {run.config.dataset}.") from error
    run.built.weights, run.built.weights_from = UNKNOWN, f"of {path.name}"
    with suppress(OSError, ValueError, KeyError, TypeError):
        began_with = json.loads(_beside(run.config).read_text(encoding="utf-8"))
        run.built.weights, run.built.weights_from = str(began_with["weights"]), str(began_with["weights_from"])


def evaluate_run(run: Run, *, split: str = "test") -> Evaluation:
    """ACC and AUC of a split; kNN looks the training images up."""
    config = run.config
    bank = fill_bank(config, run.built, run.data.train, run.on) if config.training_procedure == KNN else None
    chosen = run.data.splits[split]
    found = scores(config, run.built, chosen.images, run.on, bank)
    flag = config.flag
    question = Question(flag.name, config.img_size, split, TaskKind(flag.task.value), flag.labels)
    return evaluate(Answers(question, chosen.labels.astype(np.int64)), found)


def to_result(run: Run, evaluation: Evaluation, meter: Meter) -> Result:
    """As in the paper, kNN has no AUC: the classes that its neighbours vote for are no scores."""
    config, cost = run.config, meter.cost()
    path = npz.find(config.flag, config.img_size, config.data_path)
    history = run.trained.history if run.trained else None
    is_knn = config.training_procedure == KNN
    return Result(
        cell_of(config),
        config.settings(),
        DONE,
        acc=evaluation.acc,
        auc=None if is_knn else evaluation.auc.mean,
        weights=run.built.weights,
        weights_from=run.built.weights_from,
        data=REAL if npz.is_official(path, config.flag, config.img_size) else OTHER,
        undefined=[] if is_knn else list(evaluation.auc.undefined),
        epochs=len(history.epochs) if history else 0,
        best_epoch=history.best.number if history and history.best else 0,
        device=str(run.on.device),
        **{key: round(value, 3) for key, value in asdict(cost).items()},
    )


def run_cell(config: Config, *, say: Say, keep: bool) -> Result:
    """Train and evaluate."""
    meter = Meter()
    run = prepare(config)
    train_run(run, say=say, keep=keep)
    return to_result(run, evaluate_run(run), meter)


def describe(run: Run) -> str:
    config, data = run.config, run.data
    counts = ", ".join(f"{len(split)} {name}" for name, split in data.splits.items())
    return (
        f"{config.dataset} at {config.img_size} px ({counts}), {config.training_procedure}, {config.architecture}, "
        f"{run.built.weights} weights ({run.built.weights_from}), seed {config.seed}, on {run.on.device}"
    )


def sentence(result: Result) -> str:
    """The figures in one line."""
    auc = "no AUC (kNN)" if result.cell["training_procedure"] == KNN else f"AUC {_number(result.auc)}"
    left_out = f" (without {', '.join(result.undefined)}: undefined)" if result.undefined else ""
    memory = f"{result.memory_mib:.0f} MiB"
    return (
        f"test: ACC {_number(result.acc)}, {auc}{left_out}, {result.weights} weights; {result.seconds:.1f} s, {memory}"
    )


def checkpoint(config: Config, which: str) -> Path:
    return config.output_path / f"{config.stem}_{which}.pth"


def _beside(config: Config) -> Path:
    """What the network of a checkpoint began with, before training."""
    return config.output_path / f"{config.stem}_weights.json"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
