"""MedicalNet's lists: one case a line, `image label`, paths below a data folder; test sets name images alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class ListUnusable(Exception):
    """A list cannot be used; one sentence naming the file and the line."""


@dataclass(frozen=True)
class Case:
    image: Path
    label: str = ""
    """A label map's path, or a class's number; empty where there is none."""


def read_list(path: Path, *, labelled: bool = True) -> list[Case]:
    """The cases in the file's order. Raises ListUnusable."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ListUnusable(f"There is no list {path}.") from error
    except UnicodeDecodeError as error:
        raise ListUnusable(f"{path} is not UTF-8 text.") from error
    wanted = 2 if labelled else 1
    cases = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        if len(words) < wanted:
            raise ListUnusable(f"{path}, line {number}: `image label` is wanted, two words with a space between.")
        if len(words) > 2:  # noqa: PLR2004  image and label
            raise ListUnusable(f"{path}, line {number} has {len(words)} words; paths must hold no spaces.")
        cases.append(Case(Path(words[0]), words[1] if len(words) > 1 else ""))
    if not cases:
        raise ListUnusable(f"{path} names no case.")
    return cases


def write_list(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
