"""What `make check` leaves out is slow."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALL_SLOW = re.compile(r"^pytestmark = \[?pytest\.mark\.slow", re.MULTILINE)


def test_every_fast_test_lies_where_make_check_looks():
    looks = re.search(r"^FAST := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert looks is not None
    fast = [ROOT / folder for folder in looks[1].split()]
    modules = [path for path in (ROOT / "tests").rglob("test_*.py") if not any(map(path.is_relative_to, fast))]
    assert modules
    assert [str(path) for path in modules if not ALL_SLOW.search(path.read_text())] == []
