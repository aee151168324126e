"""Make a challenge of one MedMNIST set: `medici bundle make medmnist --flag bloodmnist --size 28` runs this.

    python single/make.py --flag FLAG [--size 28] [--output DIR] [--data ROOT [--unofficial]]
                          [--train N] [--val N] [--test N] [--seed S]

Copies this bundle's programs, fills in the pages and files of `single/`, takes the published figures of the set, and
writes its data: a synthetic stand-in, or with `--data` MedMNIST's own file from that folder.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

from wording import stand_in_counts, words_for

from medici_training.medmnist import flags, npz
from medici_training.medmnist.flags import Flag

BUNDLE = Path(__file__).resolve().parents[1]
TEMPLATES = BUNDLE / "single"
COPIED = ("logo.png", ".dockerignore", "scoring_program", "training", "submission")
DATA_PROGRAMS = ("synthetic.py", "real.py")
LEFT_OUT = ("__pycache__", "*.pt", "*.pth", "*.csv", "training.json")
"""What trainings leave in folders of models."""
MARK = "published, real data"


def make(flag: Flag, size: int, output: Path, *, counts: dict[str, int], seed: int) -> None:
    """Write all but the data. Raises ValueError when `output` is there already and not empty."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"{output} is not an empty folder: name a new one with --output.")
    output.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        _copy(BUNDLE / name, output / name)
    for name in DATA_PROGRAMS:
        _copy(BUNDLE / "data" / name, output / "data" / name)
    sets = {"version": 2, "sets": {flag.name: size}, "stand_in": {**counts, "seed": seed}}
    (output / "data" / "sets.json").write_text(json.dumps(sets, indent=2) + "\n", encoding="utf-8")
    words = words_for(flag, size, counts=counts, seed=seed)
    for path in sorted(TEMPLATES.rglob("*")):
        if path.suffix in {".md", ".yaml"}:
            _fill(path, output / path.relative_to(TEMPLATES), words)
    write_published(flag, output / "reference_results.csv")


def write_published(flag: Flag, path: Path) -> None:
    """The published figures of one set in version 2, a row per method."""
    with (BUNDLE / "data" / "published.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["version"], row["flag"]) == ("v2", flag.name)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("method", "task", "auc", "acc", "source", "data"))
        writer.writerows((row["method"], flag.name, row["auc"], row["acc"], row["source"], MARK) for row in rows)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _fill(template: Path, target: Path, words: dict[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")


def write_data(output: Path, options: argparse.Namespace) -> int:
    """By the new bundle's own programs; their exit status."""
    command = [sys.executable, "-B", str(output / "data" / "synthetic.py")]
    if options.data:
        command = [sys.executable, "-B", str(output / "data" / "real.py"), str(options.data)]
        command += ["--unofficial"] if options.unofficial else []
    return subprocess.run(command, check=False).returncode


def main() -> int:
    options = _parser().parse_args()
    try:
        flag = _flag_of_version_2(options.flag)
        size = flag.check_size(options.size)
        given = {split: getattr(options, split) for split in npz.SPLITS}
        counts = {split: stand_in_counts(flag)[split] if count is None else count for split, count in given.items()}
        output = options.output or Path(f"medmnist-{flag.name}-{size}")
        make(flag, size, output, counts=counts, seed=options.seed)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    status = write_data(output, options)
    if status:
        shutil.rmtree(output)
    return status


def _flag_of_version_2(name: str) -> Flag:
    flag = flags.get(name)
    if flag.name not in flags.FLAGS:
        raise ValueError(f"{flag.name} is a set of version 1: take {flag.v2_name}, which shows the same.")
    return flag


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make a challenge of one MedMNIST set.")
    parser.add_argument("--flag", required=True, help=", ".join(flags.FLAGS))
    parser.add_argument("--size", type=int, default=npz.DEFAULT_SIZE, help="28, 64, 128 or 224; in 3D 28 or 64")
    parser.add_argument("--output", type=Path, help="a new folder (default: medmnist-FLAG-SIZE)")
    parser.add_argument("--data", type=Path, metavar="ROOT", help="MedMNIST's own files (default: a stand-in)")
    parser.add_argument("--unofficial", action="store_true", help="with --data: files whose MD5 and counts are others")
    for split in npz.SPLITS:
        parser.add_argument(f"--{split}", type=int, help="images of the stand-in")
    parser.add_argument("--seed", type=int, default=2020, help="of the stand-in (default: 2020)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
