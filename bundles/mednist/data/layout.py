"""The folders and files in which MedNIST's images lie, and the writing of them.

    public_data/      training-data/ validation-data/ and their two solutions: what participants download
    input_data/       the same, and testing-data/ without answers: what the training and inference containers mount
    reference_data/   validation/ and testing/: the answers that scoring reads
    data_notice.txt   which images these are: shown on every page of the challenge

The answers of the test set go to reference_data alone.
"""

import csv
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

CLASSES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")
SPLITS = ("training", "validation", "testing")
PUBLIC_SPLITS = ("training", "validation")
SCORED_SPLITS = ("validation", "testing")
MADE = ("input_data", "reference_data", "public_data")
NOTICE = "data_notice.txt"

Images = Mapping[str, bytes]
"""The bytes of JPEG files by bare name."""
Answers = Mapping[str, str]
"""The class of every image by bare name."""


def begin(output: Path, notice: str) -> None:
    """Remove what an earlier run made in `output`, so that no image of other data stays behind; say what comes now."""
    for name in MADE:
        shutil.rmtree(output / name, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    (output / NOTICE).write_text(notice + "\n", encoding="utf-8")


def write_split(output: Path, split: str, images: Images, answers: Answers) -> None:
    """Write one split wherever it belongs. Files are written in the order of their names, which tells nothing."""
    write_images(output / "input_data" / f"{split}-data", images)
    if split in PUBLIC_SPLITS:
        write_images(output / "public_data" / f"{split}-data", images)
        write_solution(output / "input_data" / f"{split}_solution.csv", split, answers)
        write_solution(output / "public_data" / f"{split}_solution.csv", split, answers)
    if split in SCORED_SPLITS:
        write_solution(output / "reference_data" / split / f"{split}_solution.csv", split, answers)


def write_images(folder: Path, images: Images) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(images):
        (folder / name).write_bytes(images[name])


def write_solution(path: Path, split: str, answers: Answers) -> None:
    """A CSV `file,class` with names such as `testing-data/000010.jpg`, sorted by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "class"))
        writer.writerows((f"{split}-data/{name}", answers[name]) for name in sorted(answers))


def read_solution(path: Path) -> dict[str, str]:
    """The class of every image by bare name. Raises ValueError for a wrong header, a repeated or a malformed row."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if header != ["file", "class"]:
        raise ValueError(f"{path} must begin with the line `file,class`.")
    return _answers(path, rows)


def _answers(path: Path, rows: Iterable[list[str]]) -> dict[str, str]:
    answers: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        if len(row) != 2:  # noqa: PLR2004  file and class
            raise ValueError(f"{path}, line {number}: a row must be `file,class`.")
        name = Path(row[0]).name
        if name in answers:
            raise ValueError(f"{path}, line {number}: {name} has a row already.")
        answers[name] = row[1]
    return answers
