"""What should be true of submissions and runs, told a second time and in other words than the platform's own code."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

QUOTA, QUOTA_PER_DAY = 6, 3
MAX_ATTEMPTS = 2
LEASE_S, CLOCK_LEASE_S = 60, 45
FIRST, SECOND = 0, 1
TASKS = {FIRST: (0,), SECOND: (0, 1)}
"""Phase → indexes of its tasks. What succeeds in the first phase is entered into the second, for which it is needed."""
BOARDS = {"best": ("f1", 1), "latest": ("seconds", -1), "all": ("f1", 1)}
"""Key → the column that ranks, and 1 where more is better."""

ENDS = ("finished", "failed", "cancelled")
HELD = ("preparing", "running", "scoring")
FREE_FAULTS = ("scoring_failed", "system_error")
"""Failures that are not the participant's."""


@dataclass
class Attempt:
    run: "Run"
    number: int
    worker: str
    token: str
    outcome: str | None = None
    is_cut_off: bool = False
    """Its worker was revoked, or got another credential, while it was at work."""
    logs: dict[str, str] = field(default_factory=dict)
    """Stage → what has arrived of its log."""
    sent: Counter[str] = field(default_factory=Counter)
    """Stage → how many characters of its log have been sent, arrived or not."""

    @property
    def is_live(self) -> bool:
        return self.outcome is None and not self.is_cut_off

    @property
    def may_repeat(self) -> bool:
        """It has ended by a report of its own, and nothing has happened to the run since."""
        reported = self.outcome not in (None, "lease_lost", "released", "cancelled")
        return reported and not self.is_cut_off and self is self.run.last and self.run.state in ENDS


@dataclass
class Run:
    id: int
    submission: "Submission"
    task: int
    state: str = "queued"
    attempts: list[Attempt] = field(default_factory=list)
    attempts_left: int = MAX_ATTEMPTS
    lease_until: datetime | None = None
    scoring_only: bool = False
    has_outputs: bool = False
    has_seen: bool = False
    """Some attempt has gone beyond its preparation."""
    failure: str | None = None
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def is_held(self) -> bool:
        return self.state in HELD

    @property
    def last(self) -> Attempt:
        return self.attempts[-1]

    def claimed(self, attempt: Attempt, now: datetime) -> None:
        self.state, self.failure = "preparing", None
        self.attempts.append(attempt)
        self.attempts_left -= 1
        self.lease_until = now + timedelta(seconds=LEASE_S)
        self.submission.settle(now)

    def waits_again(self, outcome: str, now: datetime, *, gives_back: bool = False) -> None:
        self.last.outcome = outcome
        self.state, self.lease_until = "queued", None
        self.attempts_left += gives_back
        self.submission.settle(now)

    def ends(self, now: datetime, *, failure: str | None = None, scores: dict[str, float] | None = None) -> None:
        self.state = "finished" if failure is None else "cancelled" if failure == "cancelled" else "failed"
        self.failure, self.scores, self.lease_until = failure, scores or {}, None
        self.submission.settle(now)

    def expires(self, now: datetime) -> None:
        if self.attempts_left > 0:
            self.waits_again("lease_lost", now)
        else:
            self.last.outcome = "lease_lost"
            self.ends(now, failure="system_error")

    def starts_again(self, *, scoring_only: bool) -> None:
        """Nothing of how it ended stays."""
        self.state, self.scoring_only, self.attempts_left = "queued", scoring_only, MAX_ATTEMPTS
        self.failure, self.scores = None, {}


@dataclass
class Submission:
    id: int
    user: str
    phase: int
    kind: str
    submitted_at: datetime
    origin: int | None = None
    runs: list[Run] = field(default_factory=list)
    counts: bool = True
    others: list["Submission"] = field(default_factory=list)
    """All submissions there are, this one too."""
    finished_at: datetime | None = None

    @property
    def state(self) -> str:
        states = [run.state for run in self.runs]
        for under_way in ("scoring", "running", "preparing", "queued"):
            if under_way in states:
                return under_way
        return next(end for end in ENDS if end in states)

    @property
    def has_ended(self) -> bool:
        return self.state in ENDS

    def settle(self, now: datetime) -> None:
        """After every change of a run."""
        if not self.has_ended:
            self.finished_at = None
            return
        self.finished_at = now
        failures = {run.failure for run in self.runs}
        was_claimed = any(run.attempts for run in self.runs)
        is_free = (self.state == "cancelled" and not was_claimed) or (
            self.state == "failed" and bool(failures & {*FREE_FAULTS}) and self._may_be_forgiven()
        )
        self.counts = self.origin is None and not is_free

    @property
    def is_forgiven(self) -> bool:
        """It failed after its program had seen the data, and cost nothing."""
        has_seen = any(run.has_seen for run in self.runs)
        return self.state == "failed" and has_seen and self.origin is None and not self.counts

    def _may_be_forgiven(self) -> bool:
        """As often a day as one may submit."""
        beside = [
            each
            for each in self.others
            if each is not self
            and (each.user, each.phase) == (self.user, self.phase)
            and each.submitted_at.date() == self.submitted_at.date()
            and each.is_forgiven
        ]
        return not any(run.has_seen for run in self.runs) or len(beside) < QUOTA_PER_DAY

    @property
    def scores(self) -> dict[str, float]:
        """The mean over all runs of what each of them has."""
        if not self.has_ended:
            return {}
        shared = set.intersection(*(set(run.scores) for run in self.runs))
        return {key: float(sum(Fraction(run.scores[key]) for run in self.runs) / len(self.runs)) for key in shared}


@dataclass
class Model:
    now: datetime
    submissions: dict[int, Submission] = field(default_factory=dict)
    everything: list[Submission] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    clock: tuple[str, datetime] | None = None
    """Which clock sweeps, and until when no other does."""

    @property
    def runs(self) -> list[Run]:
        return [run for submission in self.submissions.values() for run in submission.runs]

    def used(self, user: str, phase: int) -> tuple[int, int]:
        """Of all time, and of this UTC day."""
        own = [
            each for each in self.submissions.values() if (each.user, each.phase, each.counts) == (user, phase, True)
        ]
        return len(own), sum(each.submitted_at.date() == self.now.date() for each in own)

    def refusal(self, user: str, phase: int) -> str | None:
        """Why a submission is not taken."""
        own = [each for each in self.submissions.values() if each.user == user]
        if phase == SECOND and not any((each.phase, each.state) == (FIRST, "finished") for each in own):
            return "parent_not_passed"
        total, today = self.used(user, phase)
        return "submission_limit_reached" if total >= QUOTA or today >= QUOTA_PER_DAY else None

    def revoke(self, worker: str, *, enroll: bool) -> None:
        """What a revoked worker held is over, also when it is enrolled again."""
        self.revoked = self.revoked - {worker} if enroll else self.revoked | {worker}
        for attempt in self.attempts:
            attempt.is_cut_off |= attempt.worker == worker

    def sweeps(self, clock: str) -> bool:
        """Whether this one is the clock; if so, what it does."""
        if self.clock is not None and self.clock[0] != clock and self.clock[1] > self.now:
            return False
        self.clock = (clock, self.now + timedelta(seconds=CLOCK_LEASE_S))
        for run in self.runs:
            if run.is_held and run.lease_until is not None and run.lease_until < self.now:
                run.expires(self.now)
        return True

    def board(self, phase: int, key: str) -> list[tuple[int | None, int]]:
        """Rank and submission, in the order of the board."""
        column, sign = BOARDS[key]
        entered = [each for each in self.submissions.values() if (each.phase, each.state) == (phase, "finished")]
        if key != "all":
            entered = [self._chosen([each for each in entered if each.user == user], key) for user in _users(entered)]
        with_number = [each for each in entered if column in each.scores]
        ordered = sorted(with_number, key=lambda each: (-sign * each.scores[column], each.finished_at))
        numbers = [sign * each.scores[column] for each in ordered]
        ranked = [
            (1 + sum(other > number for other in numbers), each.id)
            for number, each in zip(numbers, ordered, strict=True)
        ]
        rest = sorted((each for each in entered if column not in each.scores), key=lambda each: each.finished_at)
        return [*ranked, *((None, each.id) for each in rest)]

    def _chosen(self, own: list[Submission], key: str) -> Submission:
        column, sign = BOARDS[key]
        if key == "latest":
            return max(own, key=lambda each: each.id)
        with_number = [each for each in own if column in each.scores]
        return min(with_number or own, key=lambda each: (-sign * each.scores.get(column, 0), each.id))


def _users(submissions: list[Submission]) -> list[str]:
    return sorted({each.user for each in submissions})
