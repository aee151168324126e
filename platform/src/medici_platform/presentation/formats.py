"""Values as people read them."""

import re
from datetime import datetime
from urllib.parse import quote

DASH = "\N{EM DASH}"
KIBIBYTE = 1024
MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_HEADING = re.compile(r"(</?h)([1-5])(?=[\s>])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def when(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


def size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < KIBIBYTE:
            return f"{size_bytes:.0f} {unit}" if unit == "B" or size_bytes >= 10 else f"{size_bytes:.1f} {unit}"  # noqa: PLR2004
        size_bytes /= KIBIBYTE
    return f"{size_bytes:.1f} GiB"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 days`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds a tenth tells something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return _two(whole // MINUTE_S, "min", whole % MINUTE_S, "s")
    if whole < 2 * DAY_S:
        return _two(whole // HOUR_S, "h", whole % HOUR_S // MINUTE_S, "min")
    return f"{whole // DAY_S} days"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def ago(moment: datetime, now: datetime) -> str:
    return f"{duration(round(max(0.0, (now - moment).total_seconds())))} ago".replace(".0 s", " s")


def score(value: float | None, precision: int) -> str:
    """Unscored is a dash, never zero."""
    return DASH if value is None else f"{value:.{precision}f}"


def log_text(text: str) -> str:
    """A terminal's colours and control characters say nothing on a page."""
    return _CONTROLS.sub("", _TERMINAL_CODES.sub("", text.replace("\r\n", "\n")).replace("\r", "\n"))


def path_part(text: str) -> str:
    return quote(text, safe="")


def lower_headings(html: str) -> str:
    """Organizers' texts start with a first-order heading of their own; on our pages that is the challenge's title."""
    return _HEADING.sub(lambda match: f"{match[1]}{int(match[2]) + 1}", html)


def inert_cell(text: str) -> str:
    """A cell of a CSV file: spreadsheets would run a text that begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
