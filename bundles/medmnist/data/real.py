"""Prepare this bundle from MedMNIST's own files.

    python data/real.py [FOLDER] [--output DIR] [--unofficial] [--notice TEXT]

FOLDER (~/.medmnist) holds `{flag}{_size}.npz` as `python -m medmnist download` leaves them: the published files of
version 2. Their MD5, arrays, shapes, ranges and counts are checked, of all sets, before anything is written. Sets
that version 1 named otherwise are read from the files of version 2: organmnist_axial from organamnist.npz, coronal
from organcmnist.npz, sagittal from organsmnist.npz; these have up to 54 images fewer per split than version 1 had,
blank ones. `--unofficial` takes other files of the same format, such as a subset: then there is no check of MD5 and
counts, and `--notice` says what they are.
"""

import argparse
import sys
from pathlib import Path

from layout import BUNDLE, MedSet, begin, read_sets, write_notice, write_set

from medici_scoring.predictions import ReferenceInvalid
from medici_training.medmnist import npz
from medici_training.medmnist.flags import FLAGS
from medici_training.medmnist.npz import Data

OFFICIAL_NOTICE = (
    "Real data: the published files of MedMNIST v2 (MD5 checked), under the licences of their sources: {licences}."
)
UNOFFICIAL_NOTICE = (
    "Data in MedMNIST's format that are not its published files: figures do not compare with published ones."
)


def read_real(root: Path, medset: MedSet, *, official: bool) -> Data:
    """All splits of one set from version 2's file. Raises ValueError or OSError with one sentence."""
    flag = FLAGS[medset.flag.v2_name]
    return npz.read(npz.find(flag, medset.size, root), flag, medset.size, official=official)


def check(root: Path, sets: tuple[MedSet, ...], *, official: bool) -> list[str]:
    """All that is wrong, a sentence per set; one set is held in memory at a time."""
    faults = []
    for medset in sets:
        try:
            read_real(root, medset, official=official)
        except (ValueError, OSError) as error:
            faults.append(str(error))
    return faults


def prepare(
    root: Path, output: Path, sets: tuple[MedSet, ...], *, official: bool = True, notice: str = UNOFFICIAL_NOTICE
) -> dict[str, dict[str, int]]:
    """Check, then write all sets; returns the images per split of each. Raises ValueError naming all faults at once."""
    faults = check(root, sets, official=official)
    if faults:
        raise ValueError("\n".join(faults))
    begin(output)
    counts = {}
    for medset in sets:
        splits = read_real(root, medset, official=False).splits
        write_set(output, medset, splits)
        counts[medset.flag.name] = {name: len(split) for name, split in splits.items()}
    licences = ", ".join(sorted({medset.flag.licence for medset in sets}))
    write_notice(output, OFFICIAL_NOTICE.format(licences=licences) if official else notice)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepare this bundle from MedMNIST's own files.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=npz.DEFAULT_ROOT, help="holds the npz files (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    parser.add_argument("--unofficial", action="store_true", help="take files whose MD5 and counts are others")
    parser.add_argument("--notice", help="with --unofficial: what every page says of the data")
    options = parser.parse_args()
    if options.notice and not options.unofficial:
        parser.error("--notice goes with --unofficial: the published files have their own")
    try:
        counts = prepare(
            options.folder.expanduser(),
            options.output,
            read_sets().sets,
            official=not options.unofficial,
            notice=options.notice or UNOFFICIAL_NOTICE,
        )
    except (ValueError, OSError, ReferenceInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    for name, splits in counts.items():
        print(f"{name}: " + ", ".join(f"{count} {split}" for split, count in splits.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
