"""Transfer MedicalNet to a segmentation task of your own, by its own commands.

    python train.py --gpu_id 0              one GPU;  --gpu_id 0 1  two, a process each
    torchrun --nproc_per_node 2 train.py    the same, started by hand
    python train.py --ci_test               a minute on any CPU, to see whether it runs

Pretrained layers learn at the learning rate, new ones (`conv_seg`) at 100 times that; SGD with momentum .9 and weight
decay 1e-3, the rate times .99 after every epoch. Checkpoints are trails/models/resnet_50_epoch_110_batch_0.pth.tar.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from cases import TrainingCases, smoke_data, training_loader
from options import Settings, read_settings
from processes import Processes, device, processes, restart_for_each
from torch.nn import functional

from medici_training.devices import Computing, seed_everything
from medici_training.loops import Batch, fit
from medici_training.metering import Meter
from medici_training.volumes.checkpoints import CheckpointUnfit, Run, load_pretrained, plain, resume, save
from medici_training.volumes.lists import ListUnusable
from medici_training.volumes.nifti import VolumeUnusable
from medici_training.volumes.preparation import resized

NEW_LAYERS_RATE = 100
MOMENTUM, DECAY, RATE_PER_EPOCH = 0.9, 1e-3, 0.99
IGNORED = -1
"""A label of voxels that do not count."""


def train(settings: Settings) -> None:
    """Train from a pretrained or resumed network and write checkpoints."""
    where = device(settings.gpu_id, no_cuda=settings.no_cuda, amp=settings.amp)
    seed_everything(settings.manual_seed)
    cases = TrainingCases(settings)
    network = settings.network()
    if settings.pretrain_path and not settings.resume_path:
        load_pretrained(network, settings.pretrain_path)
    network = where.placed(network)
    with processes(where) as together:
        run = begin(together.spread(network, where), settings)
        first = resume(settings.resume_path, run) if settings.resume_path else 0
        tell(together, f"{len(cases)} cases, processes {together.count}, {where.device}, after {first} epochs.")
        go_on(run, cases, settings, where, together, first)


def begin(network: torch.nn.Module, settings: Settings) -> Run:
    """Two groups of layers, the new ones at 100 times the rate; without pretraining all are new, at one rate."""
    named = list(network.named_parameters())
    new = [value for name, value in named if any(layer in name for layer in settings.new_layer_names)]
    known = {id(value) for value in new}
    old = [value for _, value in named if id(value) not in known]
    factor = 1 if settings.ci_test else NEW_LAYERS_RATE
    groups = [
        {"params": old, "lr": settings.learning_rate},
        {"params": new, "lr": settings.learning_rate * factor},
    ]
    optimizer = torch.optim.SGD([group for group in groups if group["params"]], momentum=MOMENTUM, weight_decay=DECAY)
    return Run(network, optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, RATE_PER_EPOCH))


def go_on(
    run: Run, cases: TrainingCases, settings: Settings, where: Computing, together: Processes, first: int
) -> None:
    """The epochs that are left, with a checkpoint whenever the steps so far are a multiple of the interval."""
    share = (together.rank, together.count)
    epochs = iter(range(first, settings.n_epochs))

    def batches() -> Iterator[Batch]:
        yield from training_loader(cases, settings, share=share, epoch=next(epochs))

    def after_epoch(number: int) -> None:
        run.schedule.step()
        done = first + number
        steps = done * -(-len(cases) // (settings.batch_size * together.count))
        is_due = steps % settings.save_intervals == 0 or done == settings.n_epochs
        if together.is_first and is_due and not settings.ci_test:
            path = Path(f"{settings.save_prefix}_epoch_{done}_batch_0.pth.tar")
            save(path, run, epoch=done, settings=settings.described())

    left = settings.n_epochs - first
    if left <= 0:
        raise CheckpointUnfit(f"{settings.resume_path} has {first} epochs already: ask for more with --n_epochs.")
    meter = Meter()
    fit(
        run.network,
        batches,
        loss=loss,
        optimizer=run.optimizer,
        epochs=left,
        computing=where,
        after_epoch=after_epoch,
        say=lambda line: tell(together, line),
    )
    weights = sum(float(value.detach().double().sum()) for value in plain(run.network).parameters())
    print(f"Process {together.rank}: finished training after {meter.cost()}; sum of the weights {weights:.9f}.")


def loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with the labels shrunk to the output by nearest voxels; labels of -1 do not count."""
    size = tuple(scores.shape[2:])
    shrunk = torch.stack([torch.from_numpy(resized(label.cpu().numpy(), size)) for label in labels])
    return functional.cross_entropy(scores, shrunk.to(scores.device), ignore_index=IGNORED)


def tell(together: Processes, line: str) -> None:
    if together.is_first:
        print(line, flush=True)


def main() -> None:
    settings = read_settings(phase="train")
    try:
        if not settings.ci_test:
            TrainingCases(settings).check()
        restart_for_each(settings.gpu_id, no_cuda=settings.no_cuda)
        if settings.ci_test and not settings.img_list.is_file():
            root, listed = smoke_data()
            settings = replace(settings, data_root=root, img_list=listed)
        train(settings)
    except (CheckpointUnfit, ListUnusable, VolumeUnusable, ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
