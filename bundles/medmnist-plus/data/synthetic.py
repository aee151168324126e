"""A synthetic stand-in in exactly MedMNIST's format: for trying everything out without real data.

    python data/synthetic.py [--output DIR] [--train 400] [--val 100] [--test 200] [--seed 2020]
    python data/synthetic.py --whole DIR [--flag bloodmnist …] [--size 28 64 …]

The first writes what the challenge is made of. The second writes whole files, train, val and test with labels, for the
benchmark's own programs, of any of MedMNIST's 2D sets and sizes. Drawn by a program, with fewer images than the real
files; every image has a random generator of its own: the same call writes the same bytes. Needs NumPy alone.
"""

import sys
from pathlib import Path

from medici_training.medmnist import flags, npz, stand_in
from medici_training.medmnist.challenge import read_sets, write_notice
from medici_training.medmnist.stand_in import Amount
from medici_training.standins import make_splits

BUNDLE = Path(__file__).resolve().parents[1]
NOTICE = (
    "Synthetic stand-in for MedMNIST+, drawn by a program (seed {seed}): it shows no patient, and figures on it say "
    "nothing of the real data."
)


def generate_whole(folder: Path, names: list[str], sizes: list[int], amount: Amount) -> int:
    """Write `{flag}{_size}.npz` with all three splits; returns how many. Raises ValueError for bad flags and counts."""
    asked = [(flags.get(name), size) for name in names for size in sizes]
    folder.mkdir(parents=True, exist_ok=True)
    for flag, size in asked:
        npz.write(folder / npz.file_name(flag, size), make_splits(flag, size, amount.counts, amount.seed))
    write_notice(folder, NOTICE.format(seed=amount.seed))
    return len(asked)


def main() -> int:
    sets = read_sets(BUNDLE)
    parser = stand_in.parser_for("MedMNIST+", BUNDLE)
    parser.add_argument("--whole", type=Path, metavar="DIR", help="write whole files for the benchmark there instead")
    parser.add_argument("--flag", nargs="+", default=["bloodmnist"], help="sets of --whole (default: bloodmnist)")
    parser.add_argument("--size", nargs="+", type=int, default=[28, 64], help="sizes of --whole (default: 28 64)")
    options, amount = stand_in.parse(parser, sets)
    whole = options.whole
    if whole:
        return stand_in.run(lambda: generate_whole(whole, options.flag, options.size, amount), whole, amount)
    return stand_in.run_challenge(options.output, sets, amount, notice=NOTICE)


if __name__ == "__main__":
    sys.exit(main())
