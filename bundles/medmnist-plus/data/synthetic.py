"""A synthetic stand-in in exactly MedMNIST's format: for trying everything out without real data.

    python data/synthetic.py [--output DIR] [--train 400] [--val 100] [--test 200] [--seed 2020]
    python data/synthetic.py --whole DIR [--flag bloodmnist …] [--size 28 64 …]

The first writes what the challenge is made of. The second writes whole files, train, val and test with labels, for the
benchmark's own programs, of any of MedMNIST's 2D sets and sizes. Drawn by a program, with fewer images than the real
files; every image has a random generator of its own: the same call writes the same bytes. Needs NumPy alone.
"""

import argparse
import sys
from pathlib import Path

from layout import BUNDLE, MedSet, Sets, begin, read_sets, write_notice, write_set

from medici_scoring.predictions import ReferenceInvalid
from medici_training.medmnist import flags, npz
from medici_training.standins import make_splits

NOTICE = (
    "Synthetic stand-in for MedMNIST+, drawn by a program (seed {seed}): it shows no patient, and figures on it say "
    "nothing of the real data."
)


def generate(output: Path, sets: Sets, *, counts: dict[str, int], seed: int) -> None:
    """Write all sets below `output`, replacing what an earlier run made there. Raises ValueError for bad counts."""
    begin(output)
    for medset in sets.sets:
        write_set(output, medset, make_splits(medset.flag, medset.size, counts, seed))
    write_notice(output, NOTICE.format(seed=seed))


def generate_whole(folder: Path, sets: list[MedSet], *, counts: dict[str, int], seed: int) -> None:
    """Write `{flag}{_size}.npz` with all three splits. Raises ValueError for bad counts."""
    folder.mkdir(parents=True, exist_ok=True)
    for medset in sets:
        npz.write(folder / medset.file_name, make_splits(medset.flag, medset.size, counts, seed))
    write_notice(folder, NOTICE.format(seed=seed))


def main() -> int:
    sets = read_sets()
    parser = argparse.ArgumentParser(description="Write a synthetic stand-in for MedMNIST+.")
    parser.add_argument("--output", type=Path, default=BUNDLE, help="where to write (default: this bundle)")
    parser.add_argument("--whole", type=Path, metavar="DIR", help="write whole files for the benchmark there instead")
    parser.add_argument("--flag", nargs="+", default=["bloodmnist"], help="sets of --whole (default: bloodmnist)")
    parser.add_argument("--size", nargs="+", type=int, default=[28, 64], help="sizes of --whole (default: 28 64)")
    for split in npz.SPLITS:
        number = sets.counts[split]
        parser.add_argument(f"--{split}", type=int, default=number, help=f"images per set (default: {number})")
    parser.add_argument("--seed", type=int, default=sets.seed, help=f"default: {sets.seed}")
    options = parser.parse_args()
    counts = {split: getattr(options, split) for split in npz.SPLITS}
    if min(counts.values()) < 1:
        parser.error("--train, --val and --test must be 1 or more")
    try:
        if options.whole:
            asked = [MedSet(flags.get(name), size) for name in options.flag for size in options.size]
            generate_whole(options.whole, asked, counts=counts, seed=options.seed)
        else:
            asked = list(sets.sets)
            generate(options.output, sets, counts=counts, seed=options.seed)
    except (ValueError, OSError, ReferenceInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    shown = ", ".join(f"{count} {split}" for split, count in counts.items())
    where = options.whole or options.output
    print(f"Synthetic stand-in: {len(asked)} set(s) of {shown} images in {where} (seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
