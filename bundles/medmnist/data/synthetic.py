"""A synthetic stand-in in exactly MedMNIST's format: for trying everything out without real data.

    python data/synthetic.py [--output DIR] [--train 300] [--val 60] [--test 120] [--seed 2020]

Drawn by a program, of the same sets, shapes and labels as the real files, with fewer images. Every image has a random
generator of its own: the same call writes the same bytes. Needs NumPy alone.
"""

import sys
from pathlib import Path

from medici_training.medmnist import stand_in

BUNDLE = Path(__file__).resolve().parents[1]
NOTICE = (
    "Synthetic stand-in for MedMNIST, drawn by a program (seed {seed}): it shows no patient, and figures on it say "
    "nothing of the real data."
)


def main() -> int:
    return stand_in.main(BUNDLE, name="MedMNIST", notice=NOTICE)


if __name__ == "__main__":
    sys.exit(main())
