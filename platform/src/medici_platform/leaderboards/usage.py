"""What submissions, runs and entries hold on to, asked before a challenge is replaced by its new version."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.challenges.models import Leaderboard
from medici_platform.context import Usage
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.leaderboards.service import renumber_boards
from medici_platform.runs.models import Run
from medici_platform.submissions.models import Submission

__all__ = ["renumber_boards", "usage_of"]


def usage_of(session: Session, challenge_id: int) -> Usage:
    submitted = select(Submission.phase_id).where(Submission.challenge_id == challenge_id).distinct()
    run = select(Run.task_id).join(Run.submission).where(Submission.challenge_id == challenge_id).distinct()
    entered = (
        select(LeaderboardEntry.leaderboard_id)
        .join(Leaderboard, Leaderboard.id == LeaderboardEntry.leaderboard_id)
        .where(Leaderboard.challenge_id == challenge_id)
        .distinct()
    )
    return Usage(
        phases=frozenset(session.scalars(submitted)),
        tasks=frozenset(session.scalars(run)),
        leaderboards=frozenset(session.scalars(entered)),
    )
