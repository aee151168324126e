"""Train and evaluate the ResNets of MedMNIST's papers: its own command lines, of version 1 and 2, 2D and 3D.

    python train.py bloodmnist
    python train.py --data_flag bloodmnist --num_epochs 100 --size 28 --model_flag resnet18 --run model1
    python train.py --data_flag nodulemnist3d --conv ACSConv

Reads `{flag}{_size}.npz`; the epoch with the highest validation AUC is kept. Writes FLAG/best_model.pth and the result
files of MedMNIST's evaluator for train, val, and test where the file holds its labels. `options.py` has all options.
"""

import argparse
import math
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from fetching import find_file
from network import MODEL_FILE, Classifier, activation, load, save
from options import RECIPES, device_of, plan_of, read_options

from medici_scoring.medmnist.answers import Answers, Question, TaskKind
from medici_scoring.medmnist.evaluator import Evaluation, Scores, evaluate
from medici_scoring.medmnist.results import result_name, write_results
from medici_training.devices import Computing, seed_everything
from medici_training.loops import Loss, Selection, fit, in_order, predict, shuffled
from medici_training.medmnist import npz
from medici_training.medmnist.flags import Flag, Task
from medici_training.medmnist.npz import Data, Split
from medici_training.metering import Meter, write_cost


def read_data(options: argparse.Namespace, flag: Flag) -> Data:
    """Train, val, and test where the file holds its images and labels."""
    path = find_file(flag, options.size, options.data_root, download=options.download)
    splits = ["train", "val"]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            splits += ["test"] if "test_labels.npy" in archive.namelist() else []
    return npz.read(path, flag, options.size, splits=splits)


def begin(options: argparse.Namespace) -> Classifier:
    """A new network, or that of --model_path."""
    plan = plan_of(options)
    if options.model_path is None:
        return Classifier(plan, inflated=options.pretrained_3d == "i3d")
    model = load(options.model_path)
    if model.plan != plan:
        raise ValueError(f"{options.model_path} was made by other options: {model.plan}.")
    return model


def train(model: Classifier, data: Data, options: argparse.Namespace, device: Computing) -> None:
    """Leaves the weights of the epoch with the highest validation AUC in the model."""
    recipe = RECIPES[options.recipe]
    optimizer = recipe.optimizer_of(model, options.lr)
    milestones = [max(1, round(share * options.num_epochs)) for share in recipe.milestones]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)

    def validate(_: torch.nn.Module) -> dict[str, float]:
        result, _ = measure(model, data, "val", options, device)
        return {"val AUC": math.nan if result.auc.mean is None else result.auc.mean, "val ACC": result.acc}

    fit(
        model,
        shuffled(
            torch.from_numpy(data.train.images),
            targets(data.train, data.flag),
            batch_size=options.batch_size,
            generator=torch.Generator().manual_seed(options.seed),
        ),
        loss=loss(data.flag),
        optimizer=optimizer,
        epochs=options.num_epochs,
        computing=device,
        after_epoch=lambda _: schedule.step(),
        validate=validate,
        selection=Selection("val AUC"),
        say=lambda line: print(line, flush=True),
    )


def measure(
    model: Classifier, data: Data, name: str, options: argparse.Namespace, device: Computing
) -> tuple[Evaluation, Scores]:
    """One split's figures and scores."""
    flag, split = data.flag, data.splits[name]
    batches = in_order(torch.from_numpy(split.images), batch_size=options.batch_size)
    scores = predict(model, batches, computing=device, activation=activation(flag)).astype(np.float64)
    question = Question(flag.name, data.size, name, TaskKind(flag.task.value), flag.labels)
    return evaluate(Answers(question, split.labels.astype(np.int64)), scores), scores


def targets(split: Split, flag: Flag) -> torch.Tensor:
    """N×L zeros and ones where several labels may apply, else N class numbers."""
    if flag.task is Task.MULTI_LABEL:
        return torch.from_numpy(split.labels).float()
    return torch.from_numpy(split.labels[:, 0]).long()


def loss(flag: Flag) -> Loss:
    return torch.nn.BCEWithLogitsLoss() if flag.task is Task.MULTI_LABEL else torch.nn.CrossEntropyLoss()


def write_figures(
    model: Classifier, data: Data, options: argparse.Namespace, device: Computing, folder: Path
) -> dict[str, float]:
    """A result file per split, and a line of figures as the original prints it."""
    figures = {}
    for name in data.splits:
        result, scores = measure(model, data, name, options, device)
        area = math.nan if result.auc.mean is None else result.auc.mean
        file = result_name(f"{model.plan.prefix}_{name}", auc=area, acc=result.acc, run=options.run)
        write_results(folder / file, scores)
        print(f"{name}  auc: {area:.5f}  acc: {result.acc:.5f}", flush=True)
        figures |= {f"{name}_auc": area, f"{name}_acc": result.acc}
    return figures


def main() -> int:
    meter = Meter()
    try:
        options = read_options()
        device = device_of(options)
        seed_everything(options.seed)
        model = begin(options)
        data = read_data(options, model.plan.known)
        folder = options.output_root / model.plan.prefix
        folder.mkdir(parents=True, exist_ok=True)
        model = device.placed(model)
        print(
            f"{model.plan.prefix}: {len(data.train)} training images, {options.model_flag}, {device.device}", flush=True
        )
        if options.num_epochs:
            train(model, data, options, device)
            save(model, folder / MODEL_FILE)
        figures = write_figures(model, data, options, device, folder)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    write_cost(folder, meter.cost(), **figures)
    print(f"Wrote {folder}: {meter.cost()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
