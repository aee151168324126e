from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Leaderboard, LeaderboardColumn, Phase, ReferenceResult, Task
from medici_platform.challenges.queries import leaderboards
from medici_platform.errors import NotFound
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.participants.rules import may_organize
from medici_platform.runs.models import Run, Score
from medici_platform.states import State
from medici_platform.submissions.models import Submission


def entries_of(board: Leaderboard, phase: Phase, participant_id: int | None = None) -> Select[LeaderboardEntry]:
    """In the order of the board, as it was numbered when scores arrived."""
    statement = select(LeaderboardEntry).where(
        LeaderboardEntry.leaderboard_id == board.id, LeaderboardEntry.phase_id == phase.id
    )
    if participant_id is not None:
        statement = statement.where(LeaderboardEntry.participant_id == participant_id)
    return statement.order_by(LeaderboardEntry.place, LeaderboardEntry.id)


def shown_entries(board: Leaderboard, phase: Phase) -> Select[LeaderboardEntry]:
    """With what a board tells of their submissions."""
    submission = joinedload(LeaderboardEntry.submission)
    return entries_of(board, phase).options(
        submission.load_only(Submission.fact_sheet, Submission.is_public),
        submission.lazyload(Submission.participant),
        submission.lazyload(Submission.phase),
    )


def reference_rows(session: Session, board: Leaderboard) -> Sequence[ReferenceResult]:
    """In the order of the bundle's file."""
    return session.scalars(
        select(ReferenceResult).where(ReferenceResult.leaderboard_id == board.id).order_by(ReferenceResult.position)
    ).all()


def entries_with(session: Session, submission: Submission) -> Sequence[LeaderboardEntry]:
    return session.scalars(
        select(LeaderboardEntry)
        .where(LeaderboardEntry.submission_id == submission.id)
        .order_by(LeaderboardEntry.leaderboard_id)
    ).all()


def task_scores(session: Session, submission_ids: Sequence[int]) -> dict[int, dict[str, dict[str, float]]]:
    """Submission id → index of a task, as text → column key → number, of runs that have finished."""
    found: dict[int, dict[str, dict[str, float]]] = defaultdict(dict)
    rows = session.execute(
        select(Run.submission_id, Task.index, Score.key, Score.value)
        .join(Task, Task.id == Run.task_id)
        .join(Score, Score.run_id == Run.id)
        .where(Run.submission_id.in_(submission_ids), Run.state == State.FINISHED)
        .order_by(Run.submission_id, Task.index, Score.key)
    )
    for submission_id, index, key, value in rows:
        found[submission_id].setdefault(str(index), {})[key] = value
    return found


def reported_tasks(session: Session, submission_ids: Sequence[int]) -> dict[int, list[int]]:
    """Submission id → indexes of the tasks whose scoring program wrote detailed results."""
    found: dict[int, list[int]] = defaultdict(list)
    for submission_id, index in session.execute(
        select(Run.submission_id, Task.index)
        .join(Task, Task.id == Run.task_id)
        .where(Run.submission_id.in_(submission_ids), Run.detailed_html.is_not(None))
        .order_by(Run.submission_id, Task.index)
    ):
        found[submission_id].append(index)
    return found


class Report(NamedTuple):
    html: str
    """As the scoring program wrote it."""
    canaries: list[str]
    """Of its task."""


def get_report(session: Session, entry: LeaderboardEntry, task: int | None) -> Report:
    """The first one, or that of a task. Raises NotFound."""
    statement = (
        select(Run.detailed_html, Task.canaries)
        .join(Task, Task.id == Run.task_id)
        .where(Run.submission_id == entry.submission_id, Run.detailed_html.is_not(None))
        .order_by(Task.index)
        .limit(1)
    )
    row = session.execute(statement if task is None else statement.where(Task.index == task)).first()
    if row is None or row[0] is None:
        raise NotFound("This entry has no detailed results.")
    return Report(row[0], row[1])


def shown_boards(session: Session, challenge: Challenge, user: User | None) -> list[Leaderboard]:
    """Hidden boards exist for the organizers alone."""
    organizes = may_organize(user, challenge)
    return [board for board in leaderboards(session, challenge) if organizes or not board.hidden]


def choose_board(boards: Sequence[Leaderboard], key: str | None) -> Leaderboard:
    """The first one, or the one with this key."""
    for board in boards:
        if key is None or board.key == key:
            return board
    raise NotFound("This challenge has no such leaderboard, or it is not shown yet.")


def shown_columns(board: Leaderboard, challenge: Challenge, user: User | None) -> list[LeaderboardColumn]:
    organizes = may_organize(user, challenge)
    return [column for column in board.columns if organizes or not column.hidden]
