"""What fine-tuning and linear probing share: data by the published names, evaluation, the checkpoint that is left."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checkpoints import load_encoder, load_whole, read_checkpoint, write_checkpoint
from finetuning import Finetuning, figure_of, scored
from lists import NIH, Entry, read_list, read_names
from network import SHAPES, VisionTransformer, shape_named
from radiographs import Radiographs
from sources import CHEXPERT, COVIDX, NODE21, read_chexpert, read_covidx, read_node21
from torch import nn
from views import View, Whole

from medici_training.devices import Computing
from medici_training.loops import Say

CROP = 224 / 256
"""The middle of an image that evaluation shows, as published for sizes up to 224."""


@dataclass(frozen=True)
class Kind:
    classes: tuple[str, ...]
    read: Callable[[Path], list[Entry]]
    single_label: bool = False
    lists: str = ""
    """Where --…_list is not given: the file's name below --data_path, `{}` the split."""
    images: str = ""
    """The folder of a split's images below --data_path."""


DATASETS = {
    "chestxray": Kind(NIH, read_list),
    "chexpert": Kind(CHEXPERT, read_chexpert),
    "covidx": Kind(COVIDX, read_covidx, single_label=True, lists="{}_COVIDx9A.txt", images="{}"),
    "node21": Kind(NODE21, read_node21, lists="{}_mae.txt", images="images"),
}


def add_classifying(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="vit_small_patch16", help=", ".join(SHAPES))
    parser.add_argument("--nb_classes", type=int, default=14)
    parser.add_argument("--dataset", choices=DATASETS, default="chestxray")
    parser.add_argument("--classes", type=Path, help="ours: a file of class names, for NIH's format with other classes")
    parser.add_argument("--finetune", type=Path, help="a pre-trained checkpoint")
    parser.add_argument("--val_list", type=Path, help="the best epoch is chosen on these images")
    parser.add_argument("--test_list", type=Path, help="measured once, at the end")
    parser.add_argument("--eval_interval", type=int, default=10, help="epochs between validations")
    parser.add_argument("--vit_dropout_rate", type=float, default=0.0)
    parser.add_argument("--eval", action="store_true", help="measure the checkpoint of --finetune on --test_list alone")


def kind_of(options: argparse.Namespace) -> Kind:
    """The data set's kind. Raises ValueError where the number of classes is another."""
    kind = DATASETS[options.dataset]
    if options.classes:
        names = tuple(read_names(options.classes))
        kind = Kind(names, lambda path: read_list(path, len(names)))
    if len(kind.classes) != options.nb_classes:
        count = len(kind.classes)
        raise ValueError(f"{options.dataset} has {count} classes: --nb_classes {options.nb_classes} is wrong.")
    return kind


def read_split(options: argparse.Namespace, kind: Kind, split: str, view: View) -> Radiographs:
    """Raises ValueError with one sentence when a list or the folder of images is not named."""
    if not options.data_path:
        raise ValueError("--data_path must name the folder of the images.")
    named: Path | None = getattr(options, f"{split}_list")
    path = named or (options.data_path / kind.lists.format(split) if kind.lists else None)
    if path is None:
        raise ValueError(f"--{split}_list must name the list of the {split} images.")
    folder = options.data_path / kind.images.format(split)
    return Radiographs(folder, kind.read(path), view, seed=options.seed, in_memory=options.in_memory).check()


def build(options: argparse.Namespace, *, pooled: bool, drop_path: float) -> VisionTransformer:
    return VisionTransformer(
        shape_named(options.model),
        options.nb_classes,
        size=options.input_size,
        pooled=pooled,
        dropout=options.vit_dropout_rate,
        drop_path=drop_path,
    )


def begin(network: VisionTransformer, options: argparse.Namespace, *, head_spread: float) -> Iterator[str]:
    """Load --finetune, make the head anew, and say what was done."""
    if not options.finetune:
        yield "No checkpoint given by --finetune: the network begins at random."
        return
    yield f"{options.finetune}: {load_encoder(network, read_checkpoint(options.finetune)['model'])}"
    nn.init.trunc_normal_(network.head.weight, std=head_spread)


def whole_view(network: VisionTransformer) -> Whole:
    crop = CROP if network.shape.size >= 224 and network.size <= 224 else 1.0  # noqa: PLR2004  published sizes
    return Whole(network.size, network.shape.channels, crop)


def read_test(network: VisionTransformer, options: argparse.Namespace, kind: Kind) -> Radiographs | None:
    """The test images, where any are named: read before training, so that what is wrong with them is said then."""
    if options.test_list is None and not kind.lists:
        return None
    return read_split(options, kind, "test", whole_view(network))


def evaluate(
    network: VisionTransformer,
    images: Radiographs,
    options: argparse.Namespace,
    kind: Kind,
    where: Computing,
    say: Say,
) -> float:
    """The figure on the test images, said; 0 to 1."""
    recipe = Finetuning(batch_size=options.batch_size, workers=options.num_workers, single_label=kind.single_label)
    scores = scored(where.placed(network), images, recipe, where)
    figure = figure_of(images.truth, scores, single_label=kind.single_label)
    say(f"{len(images)} test images: {recipe.figure} {figure:.4f}")
    return figure


def measure_alone(
    network: VisionTransformer, options: argparse.Namespace, kind: Kind, where: Computing, say: Say
) -> None:
    """--eval: the whole checkpoint, head included."""
    if not options.finetune:
        raise ValueError("--eval measures a checkpoint: name it with --finetune.")
    say(f"{options.finetune}: {load_whole(network, read_checkpoint(options.finetune)['model'])}")
    evaluate(network, read_split(options, kind, "test", whole_view(network)), options, kind, where, say)


def keep(network: VisionTransformer, options: argparse.Namespace, kind: Kind) -> Path:
    """`model.pth`, which the submission of this bundle takes as it is."""
    facts = {"network": options.model, "size": network.size, "crop": whole_view(network).crop}
    facts |= {"classes": list(kind.classes), "single_label": kind.single_label}
    return write_checkpoint(options.output_dir / "model.pth", network, **facts)
