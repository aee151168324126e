"""Everything that the database says of submissions and runs, and what it should say, in one form."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Leaderboard, Phase, Task
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.queues.models import Worker
from medici_platform.runs.models import Run, RunAttempt, RunLog, Score
from medici_platform.submissions.models import Submission
from tests.trust.lives.model import BOARDS, TASKS, Model

Facts = dict[str, dict[Any, Any]]


def observed(session: Session) -> Facts:
    runs = select(Run.id, Run.submission_id, Task.index, Run.state, Run.attempt, Run.attempts_left, Run.lease_until)
    attempts = select(RunAttempt.run_id, RunAttempt.attempt, Worker.name, RunAttempt.outcome).join(Worker)
    scores = select(Score.run_id, Score.key, Score.value)
    submissions = select(
        Submission.id, Submission.phase_id, Submission.state, Submission.counts, Submission.origin_id, Submission.scores
    )
    phases = dict(session.execute(select(Phase.id, Phase.index)).all())
    return {
        "runs": {
            row.id: (row.submission_id, row.index, row.state.value, row.attempt, row.attempts_left, row.lease_until)
            for row in session.execute(runs.join(Task, Task.id == Run.task_id))
        },
        "attempts": {(row.run_id, row.attempt): (row.name, row.outcome) for row in session.execute(attempts)},
        "scores": {(row.run_id, row.key): row.value for row in session.execute(scores)},
        "submissions": {
            row.id: (phases[row.phase_id], row.state.value, row.counts, row.origin_id, row.scores)
            for row in session.execute(submissions)
        },
        "boards": _boards(session),
        "logs": _logs(session),
    }


def _boards(session: Session) -> dict[Any, Any]:
    entries = (
        select(Phase.index, Leaderboard.key, LeaderboardEntry.rank, LeaderboardEntry.submission_id)
        .join(Phase, Phase.id == LeaderboardEntry.phase_id)
        .join(Leaderboard, Leaderboard.id == LeaderboardEntry.leaderboard_id)
        .order_by(LeaderboardEntry.place)
    )
    boards: dict[Any, Any] = {(phase, key): [] for phase in TASKS for key in BOARDS}
    for phase, key, rank, submission in session.execute(entries):
        boards[phase, key].append((rank, submission))
    return boards


def _logs(session: Session) -> dict[Any, Any]:
    logs: dict[Any, Any] = defaultdict(str)
    for row in session.execute(select(RunLog.run_id, RunLog.attempt, RunLog.stage, RunLog.text).order_by(RunLog.id)):
        logs[row.run_id, row.attempt, row.stage] += row.text
    return dict(logs)


def expected(model: Model) -> Facts:
    runs = {run.id: run for run in model.runs}
    return {
        "runs": {
            run.id: (run.submission.id, run.task, run.state, len(run.attempts), run.attempts_left, run.lease_until)
            for run in runs.values()
        },
        "attempts": {
            (run.id, attempt.number): (attempt.worker, attempt.outcome)
            for run in runs.values()
            for attempt in run.attempts
        },
        "scores": {(run.id, key): value for run in runs.values() for key, value in run.scores.items()},
        "submissions": {
            each.id: (each.phase, each.state, each.counts, each.origin, each.scores)
            for each in model.submissions.values()
        },
        "boards": {(phase, key): model.board(phase, key) for phase in TASKS for key in BOARDS},
        "logs": {
            (run.id, attempt.number, stage): log
            for run in runs.values()
            for attempt in run.attempts
            for stage, log in attempt.logs.items()
        },
    }
