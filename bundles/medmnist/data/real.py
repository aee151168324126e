"""Prepare this bundle from MedMNIST's own files.

    python data/real.py [FOLDER] [--output DIR] [--unofficial] [--notice TEXT]

FOLDER (~/.medmnist) holds `{flag}{_size}.npz` as `python -m medmnist download` leaves them: the published files of
version 2. Their MD5, arrays, shapes, ranges and counts are checked, of all sets, before anything is written. Sets
that version 1 named otherwise are read from the files of version 2: organmnist_axial from organamnist.npz, coronal
from organcmnist.npz, sagittal from organsmnist.npz; these have up to 54 images fewer per split than version 1 had,
blank ones. `--unofficial` takes other files of the same format, such as a subset: then there is no check of MD5 and
counts, and `--notice` says what they are.
"""

import sys
from pathlib import Path

from medici_training.medmnist import real_data

BUNDLE = Path(__file__).resolve().parents[1]
OFFICIAL_NOTICE = (
    "Real data: the published files of MedMNIST v2 (MD5 checked), under the licences of their sources: {licences}."
)


def main() -> int:
    return real_data.main(BUNDLE, official_notice=OFFICIAL_NOTICE)


if __name__ == "__main__":
    sys.exit(main())
