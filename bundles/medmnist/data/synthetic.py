"""A synthetic stand-in in exactly MedMNIST's format: for trying everything out without real data.

    python data/synthetic.py [--output DIR] [--train 300] [--val 60] [--test 120] [--seed 2020]

Drawn by a program, of the same sets, shapes and labels as the real files, with fewer images. Every image has a random
generator of its own: the same call writes the same bytes. Needs NumPy alone.
"""

import argparse
import sys
from pathlib import Path

from layout import BUNDLE, Sets, begin, read_sets, write_notice, write_set

from medici_scoring.predictions import ReferenceInvalid
from medici_training.medmnist import npz
from medici_training.standins import make_splits

NOTICE = (
    "Synthetic stand-in for MedMNIST, drawn by a program (seed {seed}): it shows no patient, and figures on it say "
    "nothing of the real data."
)


def generate(output: Path, sets: Sets, *, counts: dict[str, int], seed: int) -> None:
    """Write all sets below `output`, replacing what an earlier run made there. Raises ValueError for bad counts."""
    begin(output)
    for medset in sets.sets:
        write_set(output, medset, make_splits(medset.flag, medset.size, counts, seed))
    write_notice(output, NOTICE.format(seed=seed))


def main() -> int:
    sets = read_sets()
    parser = argparse.ArgumentParser(description="Write a synthetic stand-in for MedMNIST.")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    for split in npz.SPLITS:
        number = sets.counts[split]
        parser.add_argument(f"--{split}", type=int, default=number, help=f"images per set (default: {number})")
    parser.add_argument("--seed", type=int, default=sets.seed, help=f"default: {sets.seed}")
    options = parser.parse_args()
    counts = {split: getattr(options, split) for split in npz.SPLITS}
    if min(counts.values()) < 1:
        parser.error("--train, --val and --test must be 1 or more")
    try:
        generate(options.output, sets, counts=counts, seed=options.seed)
    except (ValueError, OSError, ReferenceInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    shown = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"Synthetic stand-in: {len(sets.sets)} set(s) of {shown} images in {options.output} (seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
