"""A worker whose credential its operator has made, as docker-compose.yml enrols it; and whether a clock works."""

from datetime import timedelta

import pytest

from medici_platform.clock import Clock, clock_works
from medici_platform.context import utc_now
from medici_platform.errors import Conflict, InvalidRequest
from medici_platform.queues.service import enroll_worker_with, revoke_worker
from tests.factories.platform import FakeWorker, RunningPlatform

FIRST, SECOND = "a" * 32, "b" * 32


def enroll(platform: RunningPlatform, credential: str, name: str = "compose") -> None:
    with platform.context.database.write() as session:
        enroll_worker_with(session, credential, name=name, queue="default", now=utc_now())


def answers(platform: RunningPlatform) -> list[int]:
    return [FakeWorker(platform, credential).hello().status_code for credential in (FIRST, SECOND)]


def test_the_credential_opens_and_a_new_one_ends_it(platform: RunningPlatform) -> None:
    enroll(platform, FIRST)
    enroll(platform, FIRST)
    assert answers(platform) == [200, 401]
    enroll(platform, SECOND)
    assert answers(platform) == [401, 200]


def test_a_revoked_worker_is_not_enrolled_again_with_the_same_credential(platform: RunningPlatform) -> None:
    enroll(platform, FIRST)
    with platform.context.database.write() as session:
        revoke_worker(session, "compose", now=utc_now())
    enroll(platform, FIRST)
    assert answers(platform) == [401, 401]
    enroll(platform, SECOND)
    assert answers(platform) == [401, 200]


def test_a_short_or_shared_credential_is_refused(platform: RunningPlatform) -> None:
    with pytest.raises(InvalidRequest) as short:
        enroll(platform, FIRST[1:])
    assert short.value.message == "A worker's credential must have 32 characters or more."
    enroll(platform, FIRST)
    with pytest.raises(Conflict) as shared:
        enroll(platform, FIRST, name="other")
    assert shared.value.message == "The worker 'compose' has this credential: each needs one of its own."


def test_a_clock_works_while_it_holds_its_lease(platform: RunningPlatform) -> None:
    def works(after_s: float = 0) -> bool:
        with platform.context.database.read() as session:
            return clock_works(session, now=utc_now() + timedelta(seconds=after_s))

    assert not works()
    assert Clock(platform.context).tick()
    assert works()
    assert not works(after_s=60)
