"""Prepare this bundle from MedMNIST's own files.

    python data/real.py [FOLDER] [--output DIR] [--unofficial] [--notice TEXT]

FOLDER (~/.medmnist) holds `{flag}{_size}.npz` as `python -m medmnist download --size=64` leaves them. Their MD5,
arrays, shapes, ranges and counts are checked, of all sets, before anything is written. `--unofficial` takes other
files of the same format, such as a subset: then there is no check of MD5 and counts, and `--notice` says what they
are.
"""

import sys
from pathlib import Path

from medici_training.medmnist import real_data

BUNDLE = Path(__file__).resolve().parents[1]
OFFICIAL_NOTICE = (
    "Real data: the published files of MedMNIST+ (MD5 checked), under the licences of their sources: {licences}."
)


def main() -> int:
    return real_data.main(BUNDLE, official_notice=OFFICIAL_NOTICE)


if __name__ == "__main__":
    sys.exit(main())
