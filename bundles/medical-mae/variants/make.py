"""This challenge for another set of radiographs: a copy of the bundle with other classes, figure and pages.

    python variants/make.py chexpert ../chexpert     five findings, mean AUC
    python variants/make.py covidx ../covidx         one of four classes, accuracy

Then, in the copy: `python data/real.py FOLDER --lists LISTS --dataset chexpert`. What differs lies in variants/<name>:
pages, the leaderboards of competition.yaml, reference_results.csv, and the scoring program's config.json.
"""

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[1]
LEFT_OUT = (
    "variants",
    "input_data",
    "reference_data",
    "public_data",
    "data_notice.txt",
    "submission_directory",
    "model.pth",
    "training.json",
    "__pycache__",
    "*.zip",
)
LEADERBOARDS = "\nleaderboards:\n"


@dataclass(frozen=True)
class Head:
    slug: str
    title: str
    description: str


HEADS = {
    "chexpert": Head(
        "chexpert",
        "CheXpert findings",
        "Which of five findings does a chest X-ray show? Any number of them at once; ranked by the mean AUC.",
    ),
    "covidx": Head(
        "covidx",
        "COVIDx",
        "Normal lungs, pneumonia or COVID-19? One class for every chest X-ray; ranked by accuracy.",
    ),
}


def make(name: str, target: Path) -> None:
    """Raises FileExistsError where the target is there already."""
    shutil.copytree(BUNDLE, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    own = BUNDLE / "variants" / name
    for path in (*own.glob("pages/*.md"), own / "reference_results.csv", own / "scoring_program" / "config.json"):
        shutil.copy(path, target / path.relative_to(own))
    text = (BUNDLE / "competition.yaml").read_text(encoding="utf-8")
    leaderboards = (own / "leaderboards.yaml").read_text(encoding="utf-8")
    (target / "competition.yaml").write_text(changed(text, HEADS[name], leaderboards), encoding="utf-8")


def changed(text: str, head: Head, leaderboards: str) -> str:
    """competition.yaml with another head and other leaderboards."""
    before, _, _ = text.partition(LEADERBOARDS)
    lines = []
    for line in before.splitlines():
        key = line.partition(":")[0]
        lines.append(f"{key}: {getattr(head, key)}" if key in {"slug", "title", "description"} else line)
    return "\n".join(lines) + "\n\n" + leaderboards


def main() -> int:
    parser = argparse.ArgumentParser(description="Copy this challenge for another set of radiographs.")
    parser.add_argument("name", choices=HEADS)
    parser.add_argument("target", type=Path, help="a folder that is not there yet")
    options = parser.parse_args()
    try:
        make(options.name, options.target)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.target}: now `python data/real.py FOLDER --lists LISTS --dataset {options.name}` in it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
