from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from medici_platform.challenges.rules import PhaseStatus, current_phase, merge_policy, phase_status
from medici_platform.submissions.rules import quota


def day(number, hour=0):
    return datetime(2026, 11, number, hour, tzinfo=UTC)


@dataclass
class Phase:
    index: int
    starts_at: datetime
    ends_at: datetime | None = None
    max_submissions: int = 10
    max_submissions_per_day: int = 5


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (day(9, 23), PhaseStatus.UPCOMING),
        (day(10), PhaseStatus.OPEN),
        (day(19, 23), PhaseStatus.OPEN),
        (day(20), PhaseStatus.ENDED),
    ],
)
def test_the_start_belongs_to_a_phase_and_the_end_does_not(now, status):
    assert phase_status(Phase(0, day(10), day(20)), now) == status


@pytest.mark.parametrize(
    ("now", "index"), [(day(1), 0), (day(10), 0), (day(15), 1), (day(20), 1), (day(26), 2), (day(30), 2)]
)
def test_the_current_phase(now, index):
    phases = [Phase(0, day(5), day(12)), Phase(1, day(12), day(24)), Phase(2, day(25), day(28))]
    assert current_phase(phases, now).index == index


def test_a_phase_that_takes_no_submissions_is_never_meant():
    phases = [Phase(0, day(5)), Phase(1, day(6), max_submissions=0)]
    assert current_phase(phases, day(10)).index == 0


def test_quota_days_are_utc_days():
    left = quota(Phase(0, day(1)), used_total=7, used_today=2, now=day(10, 23))
    assert (left.left, left.next_day_at) == (3, day(11))


def test_a_phases_own_images_come_first_and_win_then_the_challenges_then_the_platforms():
    own = {"image_map": {"python:3.11": "hospital/python:1", "python:*": "hospital/python:2"}}
    challenge = {"python:*": "challenge/python:1", "codalab/*": "challenge/codalab:1"}
    platform = {"python:*": "medici/python", "codalab/*": "medici/codalab", "projectmonai/monai:*": "medici/monai"}
    policy = merge_policy(own, image_maps=(challenge, platform))
    assert list(policy.image_map.items()) == [
        ("python:3.11", "hospital/python:1"),
        ("python:*", "hospital/python:2"),
        ("codalab/*", "challenge/codalab:1"),
        ("projectmonai/monai:*", "medici/monai"),
    ]


@pytest.mark.parametrize(
    ("own", "pulls", "pull"),
    [
        ({"pull": "always"}, ("never", "missing"), "always"),
        ({}, ("never", "missing"), "never"),
        ({}, (None, "always"), "always"),
        ({}, (), "missing"),
    ],
)
def test_the_innermost_that_says_when_to_pull_wins(own, pulls, pull):
    assert merge_policy(own, image_maps=(), pulls=pulls).pull == pull


def test_pins_of_the_phase_are_handed_to_the_worker():
    assert merge_policy({}, image_maps=(), pins={"medici/python": "sha256:1"}).pins == {"medici/python": "sha256:1"}
