"""What `make check` leaves out is slow."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALL_SLOW = re.compile(r"^pytestmark = \[?pytest\.mark\.slow", re.MULTILINE)


WHEN_NAMED = ("bench", "seeds")
"""Folders whose tests run only when they are named."""


def test_every_fast_test_lies_where_make_check_looks():
    looks = re.search(r"^FAST := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert looks is not None
    looked_at = [ROOT / folder for folder in looks[1].split()]
    others = [ROOT / "tests" / folder for folder in WHEN_NAMED]
    assert not set(looked_at) & set(others)
    left_out = [*looked_at, *others]
    modules = [path for path in (ROOT / "tests").rglob("test_*.py") if not any(map(path.is_relative_to, left_out))]
    assert modules
    assert [str(path) for path in modules if not ALL_SLOW.search(path.read_text())] == []
