"""The program `data/real.py` of a MedMNIST challenge: MedMNIST's own files are checked, then written as its data.

Version 2's files serve the names of version 1 too, such as organmnist_axial from organamnist.npz.
"""

import argparse
import sys
from pathlib import Path

from medici_scoring.predictions import ReferenceInvalid
from medici_training.medmnist import npz
from medici_training.medmnist.challenge import MedSet, begin, read_sets, write_notice, write_set
from medici_training.medmnist.flags import FLAGS
from medici_training.medmnist.npz import Data

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
    root: Path, output: Path, sets: tuple[MedSet, ...], *, official: bool, notice: str
) -> dict[str, dict[str, int]]:
    """Check, then write all sets; returns the images per split of each task.

    `{licences}` in an official notice is filled in. Raises ValueError naming all faults at once.
    """
    faults = check(root, sets, official=official)
    if faults:
        raise ValueError("\n".join(faults))
    begin(output)
    counts = {}
    for medset in sets:
        splits = read_real(root, medset, official=False).splits
        write_set(output, medset, splits)
        counts[medset.task] = {name: len(split) for name, split in splits.items()}
    licences = ", ".join(sorted({medset.flag.licence for medset in sets}))
    write_notice(output, notice.format(licences=licences) if official else notice)
    return counts


def main(bundle: Path, *, official_notice: str) -> int:
    """The command line of `data/real.py` in the folder `bundle`; its exit status."""
    options = _options(bundle)
    official = not options.unofficial
    try:
        counts = prepare(
            options.folder.expanduser(),
            options.output,
            read_sets(bundle).sets,
            official=official,
            notice=official_notice if official else options.notice or UNOFFICIAL_NOTICE,
        )
    except (ValueError, OSError, ReferenceInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    for name, splits in counts.items():
        print(f"{name}: " + ", ".join(f"{count} {split}" for split, count in splits.items()))
    return 0


def _options(bundle: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prepare this bundle from MedMNIST's own files.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=npz.DEFAULT_ROOT, help="holds the npz files (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=bundle, help="where to write (default: this bundle)")
    parser.add_argument("--unofficial", action="store_true", help="take files whose MD5 and counts are others")
    parser.add_argument("--notice", help="with --unofficial: what every page says of the data")
    options = parser.parse_args()
    if options.notice and not options.unofficial:
        parser.error("--notice goes with --unofficial: the published files have their own")
    return options
