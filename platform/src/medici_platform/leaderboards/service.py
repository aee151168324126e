"""Entries and ranks, written when a submission ends."""

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Leaderboard, Phase
from medici_platform.challenges.queries import leaderboards, primary_column
from medici_platform.context import Context
from medici_platform.leaderboards import rules
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.states import State
from medici_platform.submissions.models import Submission


def place_on_board(session: Session, context: Context, submission_id: int) -> None:
    """Choose the participant's entry anew and number the board. One board of one phase at a time."""
    submission = session.get_one(Submission, submission_id)
    session.execute(select(Phase.id).where(Phase.id == submission.phase_id).with_for_update())
    for board in leaderboards(session, submission.phase.challenge):
        _choose_entry(session, context, board, submission)
        _number(session, board, submission.phase_id)


def _choose_entry(session: Session, context: Context, board: Leaderboard, submission: Submission) -> None:
    scored = {each.id: each for each in _scored_submissions(session, submission)}
    column = primary_column(board)
    candidates = [
        rules.Candidate(
            each.id,
            rules.sort_value(each.scores.get(column.key), descending=column.descending),
            each.finished_at or context.now(),
        )
        for each in scored.values()
    ]
    chosen = rules.pick(candidates, board.submission_rule)
    entry = session.scalar(
        select(LeaderboardEntry).where(
            LeaderboardEntry.leaderboard_id == board.id,
            LeaderboardEntry.phase_id == submission.phase_id,
            LeaderboardEntry.participant_id == submission.participant_id,
        )
    )
    if chosen is None:
        if entry is not None:
            session.delete(entry)
        return
    if entry is None:
        entry = LeaderboardEntry(
            leaderboard_id=board.id, phase_id=submission.phase_id, participant_id=submission.participant_id
        )
        session.add(entry)
    entry.submission_id = chosen.submission_id
    entry.scores = scored[chosen.submission_id].scores
    entry.sort_value = chosen.sort_value
    entry.scored_at = chosen.scored_at
    entry.entries = len(candidates)


def _scored_submissions(session: Session, submission: Submission) -> list[Submission]:
    return list(
        session.scalars(
            select(Submission).where(
                Submission.participant_id == submission.participant_id,
                Submission.phase_id == submission.phase_id,
                Submission.state == State.FINISHED,
            )
        )
    )


def _number(session: Session, board: Leaderboard, phase_id: int) -> None:
    """Ranks and places in one statement, whatever the board's length; rows that keep theirs are not written."""
    session.flush()
    entry = LeaderboardEntry
    unranked_last = entry.sort_value.is_(None)
    order = (unranked_last, entry.sort_value.desc(), entry.scored_at, entry.id)
    numbered = (
        select(
            entry.id,
            entry.sort_value,
            func.rank().over(order_by=(unranked_last, entry.sort_value.desc())).label("rank"),
            func.row_number().over(order_by=order).label("place"),
        )
        .where(entry.leaderboard_id == board.id, entry.phase_id == phase_id)
        .subquery()
    )
    rank = case((numbered.c.sort_value.is_(None), None), else_=numbered.c.rank)
    session.execute(
        update(entry)
        .where(
            entry.id == numbered.c.id,
            (entry.place != numbered.c.place) | entry.rank.is_distinct_from(rank),
        )
        .values(rank=rank, place=numbered.c.place)
        .execution_options(synchronize_session=False)
    )
