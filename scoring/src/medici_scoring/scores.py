"""The scores file, as a scoring program writes it and the platform reads it.

`scores.json` (one object of numbers) comes first, else `scores.txt` (lines `key: value`, the white space optional;
`key = value` and `key<tab>value` where they can mean nothing else; `#` starts a comment). Both are read as plain text
by rules of our own; nothing in them is ever executed. A column's number is the one under its own key, else under the
only key that differs from it in upper and lower case alone. A column without a finite number is *unscored*, with the
reason named. It is never zero.
"""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DETAILED_RESULTS = ("detailed_results.html", "scores.html")
MOST_KEYS = 500
LONGEST_KEY = 100


class ScoresUnreadable(Exception):
    """There is no scores file, or it is not what its name says; one sentence for the organizer."""


@dataclass(frozen=True)
class Scores:
    """What a scores file says. `values` are finite; keys that no column has are kept among them.

    `unscored` gives the reason for every column without a number; `ignored` for everything else that was set aside.
    """

    values: Mapping[str, float]
    unscored: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)


def parse_scores(
    *, scores_json: str | None = None, scores_txt: str | None = None, columns: Collection[str] = ()
) -> Scores:
    """Read the texts of the two files, None for an absent one. Raises ScoresUnreadable."""
    if scores_json is not None:
        found = _from_json(scores_json)
    elif scores_txt is not None:
        found = _from_text(scores_txt)
    else:
        raise ScoresUnreadable("The scoring program wrote neither scores.json nor scores.txt.")
    return _sorted_out(found, columns)


def read_scores(output: Path, *, columns: Collection[str] = ()) -> Scores:
    """Read the scores file in the folder `output`. Raises ScoresUnreadable."""
    return parse_scores(
        scores_json=_text(output / "scores.json"), scores_txt=_text(output / "scores.txt"), columns=columns
    )


def write_scores(output: Path, values: Mapping[str, float]) -> Path:
    """Write `output/scores.txt`, every number with all its digits."""
    path = output / "scores.txt"
    path.write_text("".join(f"{key}: {float(value)!r}\n" for key, value in values.items()), encoding="utf-8")
    return path


def find_detailed_results(output: Path) -> Path | None:
    """The page of detailed results: `detailed_results.html`, else `scores.html`, else the first `*.html`."""
    for path in (*(output / name for name in DETAILED_RESULTS), *sorted(output.glob("*.html"))):
        if path.is_file() and not path.is_symlink():
            return path
    return None


def _sorted_out(found: Mapping[str, float | str], columns: Collection[str]) -> Scores:
    """Numbers are values; reasons (texts) belong to a column or are set aside."""
    found = _under_columns(found, columns)
    reasons = {key: what for key, what in found.items() if isinstance(what, str)}
    unscored = {key: reasons.get(key, "is missing") for key in columns if not isinstance(found.get(key), float)}
    return Scores(
        values={key: what for key, what in found.items() if isinstance(what, float)},
        unscored=unscored,
        ignored={key: reason for key, reason in reasons.items() if key not in unscored},
    )


def _under_columns(found: Mapping[str, float | str], columns: Collection[str]) -> dict[str, float | str]:
    """`F1` is the column `f1` when nothing else could be."""
    names = {}
    for column in set(columns) - found.keys():
        spellings = {key for key in {*found, *columns} if key.casefold() == column.casefold()} - {column}
        if len(spellings) == 1 and not spellings & set(columns):
            names[spellings.pop()] = column
    return {names.get(key, key): what for key, what in found.items()}


def _from_json(text: str) -> dict[str, float | str]:
    try:
        found = json.loads(text.removeprefix("\ufeff"), parse_int=float, parse_constant=float)
    except (ValueError, RecursionError) as error:
        raise ScoresUnreadable(f"scores.json is not valid JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ScoresUnreadable('scores.json must hold one object, such as {"f1": 0.93}.')
    return _limited({key: _json_value(value) for key, value in found.items()})


def _json_value(value: object) -> float | str:
    if isinstance(value, dict | list):
        return "holds nested values, not a number"
    if isinstance(value, float):
        return _finite(value)
    return _number(value) if isinstance(value, str) else "is not a number"


def _from_text(text: str) -> dict[str, float | str]:
    return _limited(dict(_lines(text.removeprefix("\ufeff"))))


def _lines(text: str) -> Iterator[tuple[str, float | str]]:
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        key, colon, value = (part.strip() for part in line.partition(":"))
        if colon and key:
            yield key, _number(value)
        else:
            yield _otherwise_written(line) or (f"line {number}", "is not of the form `key: value`")


def _otherwise_written(line: str) -> tuple[str, float] | None:
    """`key = value` or `key<tab>value`. Cut at the first of them: a pattern would try every tab of a long line."""
    key, _, value = (part.strip() for part in line.partition("=" if "=" in line else "\t"))
    number = _number(value)
    if isinstance(number, float) and key and not set(":=\t") & set(key):
        return key, number
    return None


def _number(text: str) -> float | str:
    """A number as ASCII text; `nan` and `inf` are told apart from other words."""
    if not text:
        return "is empty"
    if NUMBER.fullmatch(text.strip()):
        return _finite(float(text))
    return "is not finite" if NOT_FINITE.fullmatch(text.strip()) else "is not a number"


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else "is not finite"


def _limited(found: dict[str, float | str]) -> dict[str, float | str]:
    if len(found) > MOST_KEYS:
        raise ScoresUnreadable(f"The scores file holds {len(found)} keys; at most {MOST_KEYS} are read.")
    return {key: what for key, what in found.items() if _is_name(key)} | _not_names(found)


def _is_name(key: str) -> bool:
    return key.isprintable() and len(key) <= LONGEST_KEY


def _not_names(found: Mapping[str, object]) -> dict[str, str]:
    """One reason for all keys that can be no column's name: they are not repeated anywhere."""
    count = sum(not _is_name(key) for key in found)
    reason = f"can be no column's name: unreadable, or longer than {LONGEST_KEY} characters"
    return {f"{count} key{'s' if count > 1 else ''}": reason} if count else {}


def _text(path: Path) -> str | None:
    if not path.is_file() or path.is_symlink():
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScoresUnreadable(f"{path.name} is not UTF-8 text.") from error
