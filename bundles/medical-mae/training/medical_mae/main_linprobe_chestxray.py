"""Linear probing on chest X-rays: a pre-trained encoder stands still, the head alone learns. Medical MAE's command.

    python main_linprobe_chestxray.py --finetune vit-s_CXR_0.3M_mae.pth --data_path images --train_list … --val_list …

LARS, a batch norm without parameters before the head (He et al., 2022); the class token is read unless --global_pool.
"""

import argparse
import sys
from collections.abc import Sequence

from classifier_training import train_classifier
from classifying import add_classifying
from finetuning import probe
from options import REFUSED_BY_ALL, Refused, add_refused, add_shared, positive, refusals, run, shares
from processes import joined
from views import RandomCrop

SCALE = (0.08, 1.0)
HEAD_SPREAD = 0.01

REFUSED = (
    *REFUSED_BY_ALL,
    Refused("--build_timm_transform", False, "probing shows crops and mirror images alone"),
    Refused("--aug_strategy", "default", "probing shows crops and mirror images alone"),
    Refused("--start_epoch", 0, "probing always begins with its first epoch"),
    Refused("--resume", None, "probing always begins with its first epoch"),
    Refused("--dist_eval", False, "every process validates on all validation images, so that all of them agree"),
)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Train a linear head on a pre-trained Vision Transformer.")
    add_classifying(made)
    made.add_argument("--weight_decay", type=float, default=0.0)
    made.add_argument("--min_lr", type=float, default=0.0)
    made.add_argument("--drop_path", type=float, default=0.1)
    made.add_argument("--global_pool", action="store_true", help="the mean of the patches instead of the class token")
    made.add_argument("--cls_token", action="store_false", dest="global_pool", help="the class token (default)")
    made.add_argument("--loss_func", choices=["bce"], help="NODE21: binary cross-entropy, which it always is here")
    add_shared(made, batch=512, epochs=90, blr=0.1, warmup=10)
    add_refused(made, REFUSED)
    return made


def main(arguments: Sequence[str]) -> None:
    options = parser().parse_args(arguments)
    faults = [
        *refusals(options, REFUSED),
        *positive(options, "batch_size", "epochs", "blr", "lr", "input_size", "eval_interval"),
        *shares(options, "drop_path", "vit_dropout_rate"),
    ]
    if faults:
        raise ValueError("\n".join(faults))
    with joined() as process:
        train_classifier(
            options,
            process,
            learn=probe,
            head_spread=HEAD_SPREAD,
            view_of=lambda network: (RandomCrop(network.size, network.shape.channels, SCALE), ""),
        )


if __name__ == "__main__":
    sys.exit(run(main))
