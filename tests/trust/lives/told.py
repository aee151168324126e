"""What a worker may tell of a scoring program: files, and the numbers that stand in them."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

NUMBERS = (0.0, 0.25, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0, -1.0, 2.0, 0.123456, 1000.5)
"""Of so few digits that their order is not a matter of rounding; equal ones are frequent."""
NO_NUMBERS = (None, "nan", "-inf", "1e999", "", "high", "0x10", "1_0")
"""None: the key is not there."""
UNREADABLE: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"scores_txt": "Traceback (most recent call last)"},
    {"scores_json": "[0.5]"},
    {"scores_json": '{"f1": 1', "scores_txt": "f1: 1"},
    {"scores_txt": "".join(f"key{number}: 1\n" for number in range(501))},
)


@dataclass(frozen=True)
class Told:
    """`files`: the report's own; `numbers`: those that count. None: there is nothing to score."""

    files: dict[str, str] | None
    numbers: dict[str, float]


def _written(values: dict[str, float | str | None], *, as_json: bool) -> Told:
    values = {key: value for key, value in values.items() if value is not None}
    numbers = {key: value for key, value in values.items() if isinstance(value, float)}
    if as_json:
        return Told({"scores_json": json.dumps(values)}, numbers)
    return Told({"scores_txt": "".join(f"{key}: {value}\n" for key, value in values.items())}, numbers)


VALUES = st.sampled_from((*NUMBERS, *NUMBERS, *NO_NUMBERS))
WRITTEN = st.builds(
    _written, st.fixed_dictionaries({"f1": VALUES, "seconds": VALUES, "extra": VALUES}), as_json=st.booleans()
)
TOLD = st.integers(0, 7).flatmap(
    lambda lot: WRITTEN if lot else st.sampled_from(UNREADABLE).map(lambda files: Told(files, {}))
)
