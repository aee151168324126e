from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from medici_bundles.dates import has_hours, parse_moment

MIDNIGHT = datetime(2026, 12, 31, tzinfo=UTC)
EVENING = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
PARIS = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-31", MIDNIGHT),
        ("12-31-2026", MIDNIGHT),
        ("12/31/2026", MIDNIGHT),
        ("1-2-2026", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-1-2", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026/12/31", MIDNIGHT),
        ("2026-1-2 9:05:00", datetime(2026, 1, 2, 9, 5, tzinfo=UTC)),
        ("1/2/2026 9:05 +02:00", datetime(2026, 1, 2, 9, 5, tzinfo=PARIS)),
        ("2026-12-31 18:30:00 UTC", EVENING),
        ("12-31-2026 18:30", EVENING),
        ("2026-12-31 18:30:00", EVENING),
        ("2026-12-31T18:30:00Z", EVENING),
        ("2026-12-31 18:30:00 Z", EVENING),
        (" 2026-12-31T18:30 ", EVENING),
        ("2026-12-31T18:30:00+02:00", EVENING.replace(tzinfo=PARIS)),
        ("2026-12-31 18:30:00 +2", EVENING.replace(tzinfo=PARIS)),
        ("2026-12-31T18:30:00.250000", EVENING.replace(microsecond=250_000)),
        (date(2026, 12, 31), MIDNIGHT),
        (datetime(2026, 12, 31, 18, 30), EVENING),  # noqa: DTZ001 - as YAML's own loader gives it
        (EVENING.replace(tzinfo=PARIS), EVENING.replace(tzinfo=PARIS)),
    ],
)
def test_hours_and_offsets_are_kept_and_a_naive_date_is_utc(written: object, moment: datetime) -> None:
    parsed = parse_moment(written)

    assert (parsed, parsed.utcoffset()) == (moment, moment.utcoffset())


@pytest.mark.parametrize(
    "written",
    [
        "soon",
        "31-12-2026",
        "2026-02-30",
        "2026-13-01",
        "2026-1-2-3",
        "2026-1",
        "",
        20261231,
        True,
        None,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31",
    ],
)
def test_what_is_no_date_is_named(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a date such as 2026-12-31 or 2026-12-31T18:00:00\+01:00, not '"):
        parse_moment(written)


def test_a_bare_date_has_no_hours() -> None:
    assert [has_hours(value) for value in ("2026-12-31", date(2026, 1, 1), "2026-12-31 10:00", EVENING)] == [
        False,
        False,
        True,
        True,
    ]
