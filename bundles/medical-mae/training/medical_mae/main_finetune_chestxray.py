"""Fine-tune a Vision Transformer on chest X-rays: Medical MAE's command.

    python main_finetune_chestxray.py --finetune vit-s_CXR_0.3M_mae.pth --data_path images --build_timm_transform
        --train_list train_official.txt --val_list val_official.txt --test_list test_official.txt

The published program chose its best epoch on the test images (its validation set was commented out), which makes test
figures too good. Here the validation images choose, and the test images are measured once, at the end.
"""

import argparse
import sys
from collections.abc import Sequence

from classifier_training import train_classifier
from classifying import add_classifying
from finetuning import finetune
from options import REFUSED_BY_ALL, Refused, add_refused, add_shared, positive, refusals, run, shares
from processes import joined
from views import RandomCrop, TimmView, View, timm_is_here

PLAIN_SCALE = (0.08, 1.0)
PLAIN_TURN = 7.0
"""Degrees."""
HEAD_SPREAD = 2e-5

NO_MIXING = "labels are not mixed: the published code for several labels is not in its repository"
REFUSED = (
    *REFUSED_BY_ALL,
    Refused("--mixup", 0.0, NO_MIXING),
    Refused("--cutmix", 0.0, NO_MIXING),
    Refused("--cutmix_minmax", None, NO_MIXING),
    Refused("--mixup_prob", 1.0, NO_MIXING),
    Refused("--mixup_switch_prob", 0.5, NO_MIXING),
    Refused("--mixup_mode", "batch", NO_MIXING),
    Refused("--smoothing", 0.1, "it takes effect with mixing alone, and labels are not mixed"),
    Refused("--resplit", False, "there is one augmented view per image"),
    Refused("--aug_strategy", "default", "the other strategies are not here: --build_timm_transform with --aa is"),
    Refused("--ThreeAugment", False, "the other strategies are not here: --build_timm_transform with --aa is"),
    Refused("--src", False, "it belongs to --ThreeAugment"),
    Refused("--optimizer", "adamw", "fused optimizers need apex"),
    Refused("--checkpoint_type", None, "convolutional networks are not fine-tuned here"),
    Refused("--start_epoch", 0, "fine-tuning always begins with its first epoch"),
    Refused("--resume", None, "fine-tuning always begins with its first epoch"),
    Refused("--dist_eval", False, "every process validates on all validation images, so that all of them agree"),
)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Fine-tune a Vision Transformer on chest X-rays.")
    add_classifying(made)
    made.add_argument("--weight_decay", type=float, default=0.05)
    made.add_argument("--layer_decay", type=float, default=0.55)
    made.add_argument("--min_lr", type=float, default=1e-5)
    made.add_argument("--drop_path", type=float, default=0.2)
    made.add_argument("--clip_grad", type=float)
    made.add_argument("--global_pool", action="store_true", default=True, help="the mean of the patches (default)")
    made.add_argument("--cls_token", action="store_false", dest="global_pool", help="the class token instead")
    made.add_argument("--build_timm_transform", action="store_true", help="augment as timm does, where timm is there")
    made.add_argument("--aa", default="rand-m6-mstd0.5-inc1", help="timm's policy; with --build_timm_transform")
    made.add_argument("--color_jitter", type=float, help="timm's; of effect without --aa")
    made.add_argument("--reprob", type=float, default=0.0, help="timm's random erasing")
    made.add_argument("--remode", default="pixel")
    made.add_argument("--recount", type=int, default=1)
    made.add_argument("--norm_stats", choices=["imagenet"], help="ImageNet's mean and deviation; with timm")
    made.add_argument("--loss_func", choices=["bce"], help="NODE21: binary cross-entropy, which it always is here")
    add_shared(made, batch=128, epochs=75, blr=2.5e-4, warmup=5)
    add_refused(made, REFUSED)
    return made


def main(arguments: Sequence[str]) -> None:
    options = parser().parse_args(arguments)
    faults = [
        *refusals(options, REFUSED),
        *positive(options, "batch_size", "epochs", "blr", "lr", "input_size", "layer_decay", "eval_interval"),
        *shares(options, "drop_path", "vit_dropout_rate", "reprob"),
        *_needs_timm(options),
    ]
    if faults:
        raise ValueError("\n".join(faults))
    with joined() as process:
        train_classifier(
            options,
            process,
            learn=finetune,
            head_spread=HEAD_SPREAD,
            view_of=lambda network: _view(options, network.size, network.shape.channels),
            layer_decay=options.layer_decay,
            clip_norm=options.clip_grad,
        )


def _needs_timm(options: argparse.Namespace) -> list[str]:
    """Flags of timm's augmentation that nothing else could honour."""
    given = {"--reprob": options.reprob, "--color_jitter": options.color_jitter, "--norm_stats": options.norm_stats}
    used = [flag for flag, value in given.items() if value]
    if not used or (options.build_timm_transform and timm_is_here()):
        return []
    return [f"{', '.join(used)} need --build_timm_transform, and timm, which the image medici/timm holds."]


def _view(options: argparse.Namespace, size: int, channels: int) -> tuple[View, str]:
    """The training view, and a line that says which it is."""
    if options.build_timm_transform and timm_is_here():
        view = TimmView(
            size,
            channels,
            options.aa or None,
            erase=options.reprob,
            erase_mode=options.remode,
            erase_count=options.recount,
            jitter=options.color_jitter,
            imagenet=options.norm_stats == "imagenet",
        )
        return view, f"Augmentation: timm's, --aa {options.aa}."
    reason = "timm is not here, so --aa has no effect" if options.build_timm_transform else "no --build_timm_transform"
    told = f"Augmentation: crops of 8 to 100 %, mirror images, turns of up to 7 degrees ({reason})."
    return RandomCrop(size, channels, PLAIN_SCALE, turn=PLAIN_TURN), told


if __name__ == "__main__":
    sys.exit(run(main))
