"""One play: the platform and the model, side by side, and what is done to both."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
from hypothesis import strategies as st
from sqlalchemy import select

from medici_platform.challenges.models import Task
from medici_platform.runs.models import Run as RunRow
from medici_platform.states import State, may_follow
from medici_platform.submissions.models import Submission as SubmissionRow
from tests.trust.lives.model import FIRST, LEASE_S, SECOND, Attempt, Model, Run, Submission
from tests.trust.lives.observed import expected, observed
from tests.trust.lives.stage import MORNING, Stage

Thing = TypeVar("Thing")
Draw = Callable[[st.SearchStrategy[Any]], Any]

OK, CREATED, EMPTY = 200, 201, 204
UNKNOWN, FORBIDDEN, MISSING, CONFLICT, GONE, INVALID = 401, 403, 404, 409, 410, 422


class Play:
    def __init__(self, stage: Stage, draw: Draw) -> None:
        stage.reset()
        self.stage = stage
        self.draw = draw
        self.model = Model(MORNING)
        self.done: Counter[str] = Counter()
        self._states: dict[int, State] = {}

    def check(self) -> None:
        """After every step the database says what the model says; then a second passes."""
        self._hand_on()
        with self.stage.database.read() as session:
            found = observed(session)
            rows = session.execute(select(RunRow.id, RunRow.state, RunRow.token_hash, RunRow.worker_id)).all()
        for facts, wanted in expected(self.model).items():
            assert (facts, found[facts]) == (facts, wanted)
        states = {row.id: row.state for row in rows}
        before = {run: self._states.get(run, State.SUBMITTED) for run in states}
        assert all(may_follow(before[run], state) for run, state in states.items() if state != before[run])
        assert all(row.token_hash and row.worker_id for row in rows if row.state.is_held)
        self._states = states
        self.advance(1)

    # ---- what the steps share ----

    def choose(self, things: Sequence[Thing]) -> Thing:
        return things[self.draw(st.integers(0, len(things) - 1))]

    def advance(self, seconds: float) -> None:
        self.stage.platform.clock.advance(seconds=seconds)
        self.model.now += timedelta(seconds=seconds)

    @property
    def lease(self) -> datetime:
        return self.model.now + timedelta(seconds=LEASE_S)

    @property
    def waiting(self) -> list[Run]:
        return [run for run in self.model.runs if run.state == "queued"]

    @property
    def live(self) -> list[Attempt]:
        return [attempt for attempt in self.model.attempts if attempt.is_live]

    @property
    def over(self) -> list[Attempt]:
        return [attempt for attempt in self.model.attempts if not attempt.is_live]

    def call(self, attempt: Attempt, what: str, body: Any = None) -> httpx.Response:
        return self.stage.of_run(attempt.run.id, attempt.token, what, body)

    def of_submission(self, submission: Submission, user: str, what: str, method: str = "POST") -> httpx.Response:
        return self.stage.call(method, f"/api/v1/submissions/{submission.id}/{what}", self.stage.tokens[user])

    def enter(self, submission: Submission) -> None:
        """Its runs, one a task, are queued by now."""
        with self.stage.database.read() as session:
            runs = select(RunRow.id, Task.index).join(Task, Task.id == RunRow.task_id).order_by(RunRow.id)
            rows = session.execute(runs.where(RunRow.submission_id == submission.id)).all()
        submission.runs = [Run(number, submission, task) for number, task in rows]
        submission.others = self.model.everything
        self.model.everything.append(submission)
        self.model.submissions[submission.id] = submission

    def _hand_on(self) -> None:
        """What has succeeded in the first phase is entered into the second, once."""
        origins = {each.origin for each in self.model.submissions.values()}
        for each in [*self.model.submissions.values()]:
            if (each.phase, each.state) == (FIRST, "finished") and each.id not in origins:
                with self.stage.database.read() as session:
                    number = session.scalar(select(SubmissionRow.id).where(SubmissionRow.origin_id == each.id))
                assert number is not None
                kept = {"user": each.user, "kind": each.kind, "submitted_at": each.submitted_at}
                self.enter(Submission(number, phase=SECOND, origin=each.id, counts=False, **kept))
