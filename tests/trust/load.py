"""Submissions that are handed in while parts of the platform are killed, and what became of each."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.e2e.programs import running
from tests.e2e.stack import ENDED, Stack
from tests.factories.platform import make_zip
from tests.trust.monitor import Monitor

STUCK_S = 180.0
STAGES = {"submitted": "queued", "preparing": "build", "running": "inference"}
"""What a run's state is called in the table, where it is called something else."""


def container(value: str, seconds: float) -> dict[str, str]:
    """An image of its own for every submission, so that every run builds; then works for so long."""
    return running(f"import time; time.sleep({seconds:g})\nopen('/mnt/out/answer.txt', 'w').write('{value}')\n")


@dataclass
class Load:
    """Hands in one after the other, so that `at_once` are under way. The database says what has become of them.

    A post that was not answered is not repeated: its submission is there or not, and if it is, it must end as well.
    """

    platform: Stack
    monitor: Monitor
    random: random.Random
    at_once: int = 3
    longest_s: float = 1.5
    accepted: dict[int, float] = field(default_factory=dict)
    """Submission → the score that it must get."""
    posted: set[float] = field(default_factory=set)
    unanswered: int = 0
    ended_at: dict[int, float] = field(default_factory=dict)
    seen_at: dict[int, float] = field(default_factory=dict)

    first: int = 1
    """Its first submission's number; earlier ones are not its own."""

    def begin(self) -> None:
        """Behind what others have handed in to the same platform."""
        self.first = self.monitor.rows("SELECT coalesce(max(id), 0) + 1 FROM submission")[0][0]

    def step(self, *, more: bool) -> int:
        """Look, and hand in what is missing; returns how many are under way."""
        under_way = self._look()
        if more and under_way is not None and under_way < self.at_once:
            self._hand_in()
        return self.at_once if under_way is None else under_way

    def stage(self) -> str:
        """Of one of the runs that are under way."""
        rows = self.monitor.rows_when_there(
            "SELECT state FROM run WHERE state NOT IN ('finished', 'failed', 'cancelled') ORDER BY id"
        )
        return STAGES.get(state := self.random.choice(rows)[0], state) if rows else "idle"

    def recovery_s(self, kills: list[float]) -> float:
        """The longest that a submission took from the last kill that it lived through to its end."""
        seconds = [0.0]
        for number, ended in self.ended_at.items():
            lived_through = [kill for kill in kills if self.seen_at[number] <= kill <= ended]
            seconds += [ended - max(lived_through)] if lived_through else []
        return max(seconds)

    def lost(self) -> list[tuple[int, str]]:
        """Submissions without their score, by what became of them."""
        found = dict(self._f1())
        wrong = [number for number, value in self.accepted.items() if found.get(number) != value]
        states = dict(self.monitor.rows(f"SELECT id, state FROM submission WHERE id >= {self.first}"))  # noqa: S608 - a number
        unfinished = [number for number, state in states.items() if state != "finished"]
        return [(number, states.get(number, "gone")) for number in sorted({*wrong, *unfinished})]

    def duplicated(self) -> list[str]:
        """Whatever is there twice: posts, ends of a run, numbers, places on the board."""
        values = Counter(value for _, value in self._f1())
        finished = dict(
            self.monitor.rows("SELECT run_id, count(*) FROM run_attempt WHERE outcome = 'finished' GROUP BY run_id")
        )
        numbers = dict(self.monitor.rows("SELECT run_id, count(*) FROM score GROUP BY run_id"))
        entries = Counter(
            entry["participant"] for entry in self.platform.get("/challenges/tiny/leaderboard")["entries"]
        )
        return [
            *(f"{value} scored {times} times" for value, times in values.items() if times > 1),
            *(f"{value} was never posted" for value in values if value not in self.posted),
            *(f"run {run} finished {times} times" for run, times in finished.items() if times > 1),
            *(f"run {run} has {count} numbers" for run, count in numbers.items() if count != 2),
            *(f"{who} stands {times} times on the board" for who, times in entries.items() if times > 1),
        ]

    def attempts(self) -> Counter[str]:
        """How attempts ended."""
        sql = (
            "SELECT outcome, count(*) FROM run_attempt JOIN run ON run.id = run_id WHERE submission_id >= {} GROUP BY 1"
        )
        return Counter(dict(self.monitor.rows(sql.format(self.first))))

    def _f1(self) -> list[tuple[int, float]]:
        sql = "SELECT submission_id, value FROM score JOIN run ON run.id = run_id"
        sql += " WHERE key = 'f1' AND submission_id >= {}"
        found = self.monitor.rows(sql.format(self.first))
        return [(number, value) for number, value in found]

    def _look(self) -> int | None:
        states = self.monitor.rows_when_there(f"SELECT id, state FROM submission WHERE id >= {self.first}")  # noqa: S608
        if states is None:
            return None
        now = time.monotonic()
        under_way = 0
        for number, state in states:
            self.seen_at.setdefault(number, now)
            if state in ENDED:
                self.ended_at.setdefault(number, now)
            else:
                under_way += 1
                assert now - self.seen_at[number] < STUCK_S, f"submission {number} is stuck: it is {state}"
        return under_way

    def _hand_in(self) -> None:
        value = (self.first * 100 + len(self.posted) + 1) / 10_000_000
        self.posted.add(value)
        files = container(f"{value:.7f}", self.random.uniform(0, self.longest_s))
        try:
            answer = self.platform.post_bytes(make_zip(files))
        except httpx.HTTPError:
            self.unanswered += 1
            return
        if answer.status_code == httpx.codes.CREATED:
            self.accepted[int(answer.json()["id"])] = value
        else:
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            self.unanswered += 1
