"""Entries and ranks, written when a submission ends, a choice is made, a freeze ends, or a challenge has changed."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Leaderboard, Phase, phase_task
from medici_platform.challenges.queries import leaderboards, primary_column
from medici_platform.context import Context
from medici_platform.leaderboards import numbering, queries, rules
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.states import State
from medici_platform.submissions.models import Submission


def place_on_board(session: Session, context: Context, submission_id: int) -> None:
    """Choose the participant's entries anew and number the boards. One phase at a time."""
    submission = session.get_one(Submission, submission_id)
    session.execute(select(Phase.id).where(Phase.id == submission.phase_id).with_for_update(key_share=True))
    _update(session, context, submission.phase, participant_id=submission.participant_id)


def renumber_boards(session: Session, context: Context, challenge_id: int) -> None:
    """All entries of all phases chosen and numbered anew: the challenge's boards have changed."""
    for phase in session.scalars(
        select(Phase)
        .where(Phase.challenge_id == challenge_id)
        .order_by(Phase.index)
        .with_for_update(of=Phase, key_share=True)
    ).all():
        _update(session, context, phase)


def phases_to_thaw(session: Session, *, now: datetime) -> Sequence[int]:
    """Those that ended frozen."""
    return session.scalars(select(Phase.id).where(*_ended_frozen(now)).order_by(Phase.id)).all()


def thaw_phase(session: Session, context: Context, phase_id: int, *, now: datetime) -> None:
    """What was handed in during a freeze enters the boards when its phase has ended."""
    frozen = select(Phase).where(Phase.id == phase_id, *_ended_frozen(now))
    phase = session.scalar(frozen.with_for_update(of=Phase, key_share=True))
    if phase is not None:
        phase.thawed_at = now
        _update(session, context, phase)


def _ended_frozen(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Phase.freeze_at.is_not(None), Phase.thawed_at.is_(None), Phase.ends_at <= now


def _update(session: Session, context: Context, phase: Phase, *, participant_id: int | None = None) -> None:
    """The entries of one participant, or of all, on every board of the phase."""
    submissions = _scored_submissions(session, phase, participant_id)
    has_tasks = _counts_tasks(session, phase) > 1
    for board in leaderboards(session, phase.challenge):
        standing = _standing(context, board, submissions)
        _write_entries(session, board, phase, standing, participant_id)
        if has_tasks:
            _write_task_scores(session, board, phase, [entry.submission_id for entry in standing])
        numbering.number_board(session, board, phase.id)


def _scored_submissions(session: Session, phase: Phase, participant_id: int | None) -> Sequence[Submission]:
    """What may stand on a board: neither late, nor handed in during a freeze that still lasts."""
    statement = select(Submission).where(
        Submission.phase_id == phase.id, Submission.state == State.FINISHED, Submission.is_late.is_(False)
    )
    if phase.freeze_at is not None and phase.thawed_at is None:
        statement = statement.where(Submission.submitted_at < phase.freeze_at)
    if participant_id is not None:
        statement = statement.where(Submission.participant_id == participant_id)
    return session.scalars(statement.order_by(Submission.participant_id, Submission.id)).all()


def _standing(context: Context, board: Leaderboard, submissions: Sequence[Submission]) -> list[LeaderboardEntry]:
    """The entries as they should be: new rows that only say what is wanted."""
    column = primary_column(board)
    by_value = not numbering.is_ordered_by_ranks(board)
    entries = []
    for participant_id, group in groupby(submissions, key=lambda each: each.participant_id):
        own = {each.id: each for each in group}
        candidates = [
            rules.Candidate(
                each.id,
                rules.sort_value(each.scores.get(column.key), descending=column.descending),
                each.finished_at or context.now(),
                each.on_board,
            )
            for each in own.values()
        ]
        entries += [
            LeaderboardEntry(
                participant_id=participant_id,
                submission_id=chosen.submission_id,
                scores=own[chosen.submission_id].scores,
                sort_value=chosen.sort_value,
                scored_at=chosen.scored_at,
                entries=len(candidates),
            )
            for chosen in rules.standing(candidates, board.submission_rule, by_value=by_value)
        ]
    return entries


def _write_entries(
    session: Session, board: Leaderboard, phase: Phase, wanted: list[LeaderboardEntry], participant_id: int | None
) -> None:
    """Rows that stand already are changed in place; the others come and go."""
    found = session.scalars(queries.entries_of(board, phase, participant_id)).all()
    known = {entry.submission_id: entry for entry in found}
    for entry in wanted:
        present = known.pop(entry.submission_id, None)
        if present is None:
            entry.leaderboard_id, entry.phase_id = board.id, phase.id
            session.add(entry)
            continue
        for name in ("scores", "sort_value", "scored_at", "entries"):
            setattr(present, name, getattr(entry, name))
    for gone in known.values():
        session.delete(gone)
    session.flush()


def _write_task_scores(session: Session, board: Leaderboard, phase: Phase, submission_ids: list[int]) -> None:
    by_task = queries.task_scores(session, submission_ids)
    rows = queries.entries_of(board, phase).where(LeaderboardEntry.submission_id.in_(submission_ids))
    for entry in session.scalars(rows):
        entry.task_scores = by_task.get(entry.submission_id, {})


def _counts_tasks(session: Session, phase: Phase) -> int:
    return session.scalar(select(func.count()).where(phase_task.c.phase_id == phase.id)) or 0
