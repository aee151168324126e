"""Dates as organizers write them: hours and offsets are kept, a date without an offset is in UTC."""

import re
from datetime import UTC, date, datetime

_AMERICAN = re.compile(r"^(\d{1,2})[-/](\d{1,2})[-/](\d{4})(.*)$", re.DOTALL)
_LOOSE = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:(?:[Tt]|\s+)(\d{1,2})(:.*))?$", re.DOTALL)
"""`2026-1-2`, `2026/1/2 9:30`: YAML and the other servers ask for no zeros before single digits."""
_ZULU = re.compile(r"(?<!\s)\s*(?:UTC|GMT)$")
_SPACED_OFFSET = re.compile(r"(?<!\s)\s+(?=(Z|[+-]\d))")
FIRST_YEAR, LAST_YEAR = 1000, 9000
"""So that databases can keep a date in any time zone."""
_SHORT_OFFSET = re.compile(r"([+-])(\d{1,2})$")


def parse_moment(value: object) -> datetime:
    """Aware time from ISO text, a YAML date, or American `12-31-2026`. Raises ValueError with a sentence."""
    if isinstance(value, datetime):
        return _aware(value)
    if isinstance(value, date):
        return _aware(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, str):
        return _aware(_from_text(value))
    raise ValueError(_refusal(value))


def has_hours(value: object) -> bool:
    """Whether the organizer wrote a time of day, or a bare date."""
    return isinstance(value, datetime) or (isinstance(value, str) and ":" in value)


def _from_text(text: str) -> datetime:
    iso = _iso_order(text.strip())
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        raise ValueError(_refusal(text)) from None


def _iso_order(text: str) -> str:
    american = _AMERICAN.match(text)
    if american:
        month, day, year, rest = american.groups()
        text = f"{year}-{month}-{day}{rest}"
    loose = _LOOSE.match(_ZULU.sub("Z", text))
    if loose:
        year, month, day, hour, rest = loose.groups()
        text = f"{year}-{int(month):02d}-{int(day):02d}" + (f"T{int(hour):02d}{rest}" if hour else "")
    text = _SPACED_OFFSET.sub("", text)
    # The offset `+2` of YAML dates; the hours before it keep a bare date's `-31` from being read as one.
    return _SHORT_OFFSET.sub(lambda found: f"{found[1]}{int(found[2]):02d}:00", text) if ":" in text else text


def _aware(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(_refusal(moment))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refusal(value: object) -> str:
    return f"must be a date such as 2026-12-31 or 2026-12-31T18:00:00+01:00, not {str(value)[:60]!r}"
