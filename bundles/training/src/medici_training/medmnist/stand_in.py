"""The program `data/synthetic.py` of a MedMNIST challenge: a stand-in is drawn and written as its data.

A challenge whose program does more adds its own options between `parser_for` and `parse`, and ends by `run` too.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medici_scoring.predictions import ReferenceInvalid
from medici_training.medmnist import npz
from medici_training.medmnist.challenge import Sets, begin, read_sets, write_notice, write_set
from medici_training.standins import make_splits


@dataclass(frozen=True)
class Amount:
    """How much is drawn: images per split, and the seed of their generators."""

    counts: dict[str, int]
    seed: int


def generate(output: Path, sets: Sets, amount: Amount, *, notice: str) -> None:
    """Write all sets below `output`, replacing what an earlier run made there; `{seed}` in `notice` is filled in.

    Raises ValueError for bad counts.
    """
    begin(output)
    for medset in sets.sets:
        write_set(output, medset, make_splits(medset.flag, medset.size, amount.counts, amount.seed))
    write_notice(output, notice.format(seed=amount.seed))


def main(bundle: Path, *, name: str, notice: str) -> int:
    """The command line of `data/synthetic.py` in the folder `bundle`; its exit status. It stands in for `name`."""
    sets = read_sets(bundle)
    options, amount = parse(parser_for(name, bundle), sets)
    return run_challenge(options.output, sets, amount, notice=notice)


def parser_for(name: str, bundle: Path) -> argparse.ArgumentParser:
    """Knows --output alone; `parse` adds the rest."""
    parser = argparse.ArgumentParser(description=f"Write a synthetic stand-in for {name}.")
    parser.add_argument("--output", type=Path, default=bundle, help="where to write (default: this bundle)")
    return parser


def parse(parser: argparse.ArgumentParser, sets: Sets) -> tuple[argparse.Namespace, Amount]:
    """With --train, --val, --test and --seed, whose defaults are those of the sets; ends the program for bad ones."""
    for split in npz.SPLITS:
        number = sets.counts[split]
        parser.add_argument(f"--{split}", type=int, default=number, help=f"images per set (default: {number})")
    parser.add_argument("--seed", type=int, default=sets.seed, help=f"default: {sets.seed}")
    options = parser.parse_args()
    counts = {split: getattr(options, split) for split in npz.SPLITS}
    if min(counts.values()) < 1:
        parser.error("--train, --val and --test must be 1 or more")
    return options, Amount(counts, options.seed)


def run_challenge(output: Path, sets: Sets, amount: Amount, *, notice: str) -> int:
    """Write the challenge's data and say so; the program's exit status."""

    def write() -> int:
        generate(output, sets, amount, notice=notice)
        return len(sets.sets)

    return run(write, output, amount)


def run(write: Callable[[], int], output: Path, amount: Amount) -> int:
    """Say what `write` wrote, which returns the number of sets, or what went wrong; the program's exit status."""
    try:
        number = write()
    except (ValueError, OSError, ReferenceInvalid) as error:
        print(error, file=sys.stderr)
        return 1
    shown = ", ".join(f"{count} {split}" for split, count in amount.counts.items())
    print(f"Synthetic stand-in: {number} set(s) of {shown} images in {output} (seed {amount.seed})")
    return 0
