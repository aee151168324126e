"""Pre-train a masked autoencoder on one or more chest X-ray sets: Medical MAE's command.

    torchrun --nproc_per_node=8 main_pretrain_multi_datasets_xray.py --datasets_names chexpert chestxray_nih
    python main_pretrain_multi_datasets_xray.py --model mae_vit_tiny_patch8_dec64d2b --data_path … --train_list …

Each name of --datasets_names stands for a folder below --data_root: chestxray_nih/ (PNG files and train_official.txt),
chexpert/ (train.csv, with its paths below this folder), mimic_cxr/ (train.txt, a path a line). Without names,
--data_path and --train_list (NIH's format) are the set.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoencoder import AUTOENCODERS, MASK_RATIO, build_autoencoder
from lists import NIH, Entry, ListInvalid, read_lines, read_list
from options import REFUSED_BY_ALL, Refused, add_refused, add_shared, log_to, positive, refusals, remarks, run
from pretraining import Pretraining, pretrain
from processes import Process, joined
from radiographs import Joined, Radiographs
from rates import absolute_rate
from sources import read_chexpert
from views import RandomCrop, View, Whole

from medici_training.devices import computing, seed_everything

REFUSED = (
    *REFUSED_BY_ALL,
    Refused("--mask_strategy", "random", "patches are hidden at random; heat maps and attention choose none here"),
    Refused("--heatmap_binary_threshold", None, "there are no heat maps here"),
    Refused("--start_epoch", 0, "--resume goes on with the epoch that its checkpoint names"),
)


@dataclass(frozen=True)
class Known:
    folder: str
    list_name: str


KNOWN = {
    "chestxray_nih": Known("chestxray_nih", "train_official.txt"),
    "chexpert": Known("chexpert", "train.csv"),
    "mimic_cxr": Known("mimic_cxr", "train.txt"),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Pre-train a masked autoencoder on chest X-rays.")
    made.add_argument("--model", default="mae_vit_small_patch16_dec512d2b", help=", ".join(AUTOENCODERS))
    made.add_argument("--mask_ratio", type=float, default=MASK_RATIO)
    made.add_argument("--norm_pix_loss", action="store_true", help="normalise the pixels of each patch in the loss")
    made.add_argument("--weight_decay", type=float, default=0.05)
    made.add_argument("--min_lr", type=float, default=0.0)
    made.add_argument("--random_resize_range", type=float, nargs=2, default=(0.5, 1.0), metavar=("LEAST", "MOST"),
                      help="share of the area that a crop shows")  # fmt: skip
    made.add_argument("--no_crops", action="store_true", help="ours: whole images, as published without a range")
    made.add_argument("--datasets_names", nargs="+", default=[], choices=KNOWN, help="sets below --data_root")
    made.add_argument("--data_root", type=Path, default=Path("data"), help="ours: where those sets lie")
    made.add_argument("--resume", type=Path, help="a checkpoint of this command, to go on from")
    made.add_argument("--save_interval", type=int, default=20, help="ours: epochs between checkpoints")
    add_shared(made, batch=256, epochs=800, blr=1.5e-4, warmup=40)
    add_refused(made, REFUSED)
    return made


def main(arguments: Sequence[str]) -> None:
    options = parser().parse_args(arguments)
    faults = [
        *refusals(options, REFUSED),
        *positive(options, "batch_size", "epochs", "blr", "lr", "input_size", "save_interval"),
    ]
    if faults:
        raise ValueError("\n".join(faults))
    with joined() as process:
        _train(options, process)


def _train(options: argparse.Namespace, process: Process) -> None:
    say = log_to(options.output_dir, quiet=not process.is_first)
    seed_everything(options.seed + process.rank)
    where = computing(
        process.device(options.device), amp=not options.no_amp, channels_last=not options.no_channels_last
    )
    model = build_autoencoder(
        options.model, size=options.input_size, mask_ratio=options.mask_ratio, norm_pix=options.norm_pix_loss
    )
    images = Joined(list(_sets(options, _view(options, model.size, model.shape.channels))))
    rate = absolute_rate(options.lr, options.blr, options.batch_size * process.world)
    for line in remarks(options):
        say(line)
    count = sum(parameter.numel() for parameter in model.parameters())
    say(f"{options.model}: {count / 1e6:.2f} M parameters; {len(images)} images on {where.device}, {process.world} "
        f"processes; learning rate {rate:.3g}")  # fmt: skip
    recipe = Pretraining(
        epochs=options.epochs,
        batch_size=options.batch_size,
        rate=rate,
        lowest=options.min_lr,
        warmup=options.warmup_epochs,
        weight_decay=options.weight_decay,
        fixed=options.fixed_lr,
        workers=options.num_workers,
        keep_every=options.save_interval,
    )
    facts: dict[str, object] = {"network": options.model, "size": model.size}
    output, resume = options.output_dir, options.resume
    pretrain(
        model, images, recipe, computing=where, process=process, output=output, resume=resume, facts=facts, say=say
    )


def _view(options: argparse.Namespace, size: int, channels: int) -> View:
    if options.no_crops:
        return Whole(size, channels)
    least, most = options.random_resize_range
    if not 0 < least <= most <= 1:
        raise ValueError(f"--random_resize_range {least:g} {most:g} is no range of shares between 0 and 1.")
    return RandomCrop(size, channels, (least, most))


def _sets(options: argparse.Namespace, view: View) -> list[Radiographs]:
    def made(folder: Path, entries: list[Entry]) -> Radiographs:
        return Radiographs(folder, entries, view, seed=options.seed, in_memory=options.in_memory).check()

    if options.datasets_names:
        root, names = options.data_root, options.datasets_names
        return [made(root / KNOWN[name].folder, _entries(name, options)) for name in names]
    if not options.data_path or not options.train_list:
        raise ValueError("Say what to train on: --datasets_names with --data_root, or --data_path with --train_list.")
    return [made(options.data_path, read_list(options.train_list, _width(options.train_list)))]


def _entries(name: str, options: argparse.Namespace) -> list[Entry]:
    path = options.data_root / KNOWN[name].folder / KNOWN[name].list_name
    if name == "chexpert":
        return read_chexpert(path)
    if name == "mimic_cxr":
        return read_list(path, 0)
    return read_list(path, len(NIH))


def _width(path: Path) -> int:
    """How many labels the first line has: pre-training needs none of them."""
    first = next((line.split() for line in read_lines(path) if line.strip()), None)
    if first is None:
        raise ListInvalid(f"{path} names no image.")
    return len(first) - 1


if __name__ == "__main__":
    sys.exit(run(main))
