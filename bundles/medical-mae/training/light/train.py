"""Train the light model: a tiny Vision Transformer, pre-trained as a masked autoencoder, then fine-tuned.

Reads /mnt/in (images/, train_list.txt, val_list.txt, classes.txt) and writes /mnt/out/model.pth, and in
reconstruction.png validation images, what the autoencoder saw of them, and what it painted. Nothing but the training
images is used for pre-training. `--full` is the setting for 2,000 training images: longer, and the same network is also
trained from scratch, for comparison.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from autoencoder import build_autoencoder
from checkpoints import load_encoder, write_checkpoint
from finetuning import Finetuning, finetune
from lists import read_list, read_names
from network import VisionTransformer, shape_named
from pretraining import Pretraining, pretrain
from processes import Process
from radiographs import Joined, Radiographs
from rates import absolute_rate
from reconstruct import laid_out, reconstructed
from views import RandomCrop, Whole

from medici_training.devices import Computing, computing, seed_everything
from medici_training.metering import Meter, write_cost

ENCODER, AUTOENCODER = "vit_tiny_patch8", "mae_vit_tiny_patch8_dec64d2b"
SCALE, PRETRAINING_BATCH = (0.5, 1.0), 128
PICTURED = 4
FINETUNING_SCALE, BATCH = (0.8, 1.0), 32


@dataclass(frozen=True)
class Setting:
    pretraining_epochs: int
    pretraining_rate: float
    """Base rates, for 256 images."""
    epochs: int
    rate: float
    layer_decay: float
    drop_path: float
    mask_ratio: float
    also_from_scratch: bool = False


DEMO = Setting(20, 4e-3, 24, 1e-2, 0.85, 0.0, 0.75)
FULL = Setting(24, 4e-3, 18, 1e-2, 0.85, 0.0, 0.75, also_from_scratch=True)


@dataclass(frozen=True)
class Data:
    folder: Path
    classes: list[str]
    seed: int

    def radiographs(self, split: str, *, scale: tuple[float, float] | None) -> Radiographs:
        """The images of one list, in random crops or whole."""
        shape = shape_named(ENCODER)
        view = RandomCrop(shape.size, shape.channels, scale) if scale else Whole(shape.size, shape.channels)
        entries = read_list(self.folder / f"{split}_list.txt", len(self.classes))
        return Radiographs(self.folder / "images", entries, view, seed=self.seed, in_memory=True)


def train(options: argparse.Namespace) -> None:
    setting = FULL if options.full else DEMO
    where = computing(options.device or None)
    data = Data(options.input, read_names(options.input / "classes.txt"), options.seed)
    meter = Meter()
    options.output.mkdir(parents=True, exist_ok=True)
    if setting.also_from_scratch:
        scratch, _ = _classifier(data, setting, where, {})
        print(f"scratch mAUC {scratch:.4f} ({meter.cost().seconds:.1f} s)", flush=True)
    began = meter.cost().seconds
    state, loss = _pretrained(data, setting, where, options.output)
    figure, network = _classifier(data, setting, where, state)
    cost = meter.cost()
    print(f"MAE mAUC {figure:.4f} ({cost.seconds - began:.1f} s)", flush=True)
    facts = {"network": ENCODER, "size": network.size, "crop": 1.0, "classes": data.classes}
    path = write_checkpoint(options.output / "model.pth", network, **facts)
    write_cost(options.output, cost, validation_mauc=figure, masked_error=loss)
    print(f"Wrote {path}: {cost}.")


def _pretrained(data: Data, setting: Setting, where: Computing, output: Path) -> tuple[dict[str, torch.Tensor], float]:
    """The autoencoder's tensors, and its last error on hidden patches; its picture is written to `output`."""
    seed_everything(data.seed)
    model = build_autoencoder(AUTOENCODER, mask_ratio=setting.mask_ratio)
    images = Joined([data.radiographs("train", scale=SCALE)])
    recipe = Pretraining(
        epochs=setting.pretraining_epochs,
        batch_size=PRETRAINING_BATCH,
        rate=absolute_rate(None, setting.pretraining_rate, PRETRAINING_BATCH),
        warmup=setting.pretraining_epochs / 10,
    )
    loss = pretrain(model, images, recipe, computing=where, process=Process(), say=_few(recipe.epochs))
    validation = data.radiographs("val", scale=None)
    shown = torch.stack([torch.from_numpy(validation[number][0]) for number in range(min(PICTURED, len(validation)))])
    laid_out(reconstructed(model.cpu(), shown)).save(output / "reconstruction.png")
    return {name: value.cpu() for name, value in model.state_dict().items()}, loss


def _classifier(
    data: Data, setting: Setting, where: Computing, state: dict[str, torch.Tensor]
) -> tuple[float, VisionTransformer]:
    """The best validation figure, and the network that reached it; begun with `state` unless that is empty."""
    seed_everything(data.seed)
    network = VisionTransformer(shape_named(ENCODER), len(data.classes), drop_path=setting.drop_path)
    if state:
        print(f"Pre-trained encoder: {load_encoder(network, state)}")
    recipe = Finetuning(
        epochs=setting.epochs,
        batch_size=BATCH,
        rate=absolute_rate(None, setting.rate, BATCH),
        warmup=setting.epochs / 10,
        layer_decay=setting.layer_decay if state else 1.0,
        every=1,
    )
    training = data.radiographs("train", scale=FINETUNING_SCALE)
    validation = data.radiographs("val", scale=None)
    best = finetune(network, training, validation, recipe, computing=where, process=Process())
    return best, network


def _few(epochs: int) -> Callable[[str], None]:
    """Tells every fifth epoch, and the last one."""

    def say(line: str) -> None:
        number = int(line.split()[1].partition("/")[0])
        if number % 5 == 0 or number == epochs:
            print(f"pre-training, {line}", flush=True)

    return say


def main() -> int:
    parser = argparse.ArgumentParser(description="Pre-train and fine-tune the light model.")
    parser.add_argument("--input", type=Path, default=Path(os.environ.get("IN", "/mnt/in")))
    parser.add_argument("--output", type=Path, default=Path(os.environ.get("OUT", "/mnt/out")))
    parser.add_argument("--full", action="store_true", help="the setting for 2,000 images, and from scratch beside it")
    parser.add_argument("--device", default="", help="cpu, cuda:0 … (default: a GPU when there is one)")
    parser.add_argument("--seed", type=int, default=0)
    try:
        train(parser.parse_args())
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
