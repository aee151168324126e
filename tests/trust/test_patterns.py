"""No text makes a regular expression of ours take more than its length in time: one line would stop a whole process."""

import importlib
import pkgutil
import re
import time
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

PACKAGES = ("medici_platform", "medici_bundles", "medici_scoring", "medici_worker")
LENGTH = 40_000
LIMIT_S = 0.25
"""Of processor time: what is linear takes a few milliseconds, what is quadratic a second and more."""
BEGINNINGS = (
    "",
    "a",
    "0",
    "#a=a",
    "command:",
    "://",
    "$",
    '"',
    "'",
    "- ",
    "authorization: bearer ",
    "${a:-",
    "0.",
    "a@a",
)
REPEATED = (
    *("\n", " ", "\t", "a", "0", "\\", '"', "'", "$", "${", "=", ":", "://", "://a:", "a=", "<<", "- ", "/", "@", "--"),
    *("a ", "a\n", " \n", "{", "[", "(", "<", "# a=", "|", "a.", ".", "command", "*", "`", "&", "%", "'a", '"a', "$a"),
    *("a/", "a:", "a@", "é", "\x00", "Step 1", "medici_", "9", "1.", "e+", "Z", "CMD "),
)
USES = ("search", "match", "fullmatch", "sub", "findall", "finditer", "split")


def modules() -> list[ModuleType]:
    roots = [importlib.import_module(name) for name in PACKAGES]
    names = [
        found.name
        for root in roots
        for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
        if not found.name.endswith("__main__")
    ]
    return [*roots, *map(importlib.import_module, names)]


def patterns() -> dict[re.Pattern, set[str]]:
    """Each pattern that a module has by name, with what is done with it anywhere."""
    loaded = modules()
    texts = [Path(module.__file__).read_text(encoding="utf-8") for module in loaded]
    found: dict[re.Pattern, set[str]] = {}
    for module in loaded:
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                uses = {use for text in texts for use in re.findall(rf"\b{name}\.({'|'.join(USES)})\b", text)}
                found.setdefault(value, set()).update("search" if use in USES[3:] else use for use in uses)
    return found


def slowest(pattern: re.Pattern, use: str) -> tuple[float, str]:
    """Seconds, and the text's beginning."""
    worst = (0.0, "")
    for beginning in BEGINNINGS:
        for repeated in REPEATED:
            text = beginning + (repeated * LENGTH)[:LENGTH] + "\x01"
            began = time.process_time()
            getattr(pattern, use)(text if isinstance(pattern.pattern, str) else text.encode())
            worst = max(worst, (time.process_time() - began, text[:40]))
            if worst[0] > LIMIT_S:
                return worst
    return worst


def test_no_text_takes_long(trust):
    found = patterns()
    assert len(found) > 50
    slow = {
        f"{pattern.pattern!r}.{use}": worst
        for pattern, uses in found.items()
        for use in uses or {"fullmatch"}
        if (worst := slowest(pattern, use))[0] > LIMIT_S
    }
    assert slow == {}
    texts = len(BEGINNINGS) * len(REPEATED)
    trust.note(f"{len(found)} regular expressions, each on {texts} texts that make bad ones slow", "linear on all")


@pytest.mark.parametrize("bad", [r"^\s*command\s*:\s*\S", r"a+b"])
def test_a_bad_one_would_be_seen(bad):
    assert slowest(re.compile(bad, re.MULTILINE), "search")[0] > LIMIT_S
