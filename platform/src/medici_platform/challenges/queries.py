from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from medici_bundles.schema import Solution
from medici_platform.accounts.models import User
from medici_platform.challenges.models import (
    Challenge,
    ChallengeFile,
    Leaderboard,
    LeaderboardColumn,
    Phase,
    challenge_collaborator,
)
from medici_platform.challenges.rules import ScoreFilter, current_phase
from medici_platform.errors import NotFound


def visible_challenges(user: User | None) -> Select[Challenge]:
    """Published ones, the drafts that one organizes, and everything for administrators."""
    # A phase leads back to its challenge: that way the collaborators need not be loaded a second time.
    phases = (
        selectinload(Challenge.phases).joinedload(Phase.challenge, innerjoin=True).lazyload(Challenge.collaborators)
    )
    statement = select(Challenge).options(phases).order_by(Challenge.published_at.desc(), Challenge.id)
    if user and user.is_admin:
        return statement
    published = Challenge.published_at.is_not(None)
    if user is None:
        return statement.where(published)
    collaborates = Challenge.id.in_(
        select(challenge_collaborator.c.challenge_id).where(challenge_collaborator.c.user_id == user.id)
    )
    return statement.where(or_(published, Challenge.owner_id == user.id, collaborates))


def get_challenge(session: Session, slug: str, user: User | None) -> Challenge:
    """Raises NotFound also for a draft that is not the asker's: its existence is not told."""
    challenge = session.scalar(visible_challenges(user).where(Challenge.slug == slug))
    if challenge is None:
        raise NotFound(f"There is no challenge named {slug!r}: `medici challenge list` shows what there is.")
    return challenge


def phases_with_tasks(session: Session, challenge: Challenge) -> Sequence[Phase]:
    """Two statements, however many phases there are."""
    statement = select(Phase).where(Phase.challenge_id == challenge.id).options(selectinload(Phase.tasks))
    return session.scalars(statement.order_by(Phase.index)).all()


def phase_by_index(challenge: Challenge, index: int) -> Phase:
    for phase in challenge.phases:
        if phase.index == index:
            return phase
    raise NotFound(f"The challenge {challenge.slug!r} has no phase with the index {index}.")


def solutions_of(challenge: Challenge) -> list[Solution]:
    """The organizers' own submissions that the bundle holds."""
    return [Solution.model_validate(said) for said in challenge.definition.get("solutions", []) if said.get("path")]


def stored_file(session: Session, challenge: Challenge, path: str) -> ChallengeFile | None:
    return session.scalar(
        select(ChallengeFile).where(ChallengeFile.challenge_id == challenge.id, ChallengeFile.path == path)
    )


def find_phase(challenge: Challenge, name: str | None, *, now: datetime) -> Phase:
    """By name (any case), by index, or the current one."""
    if not name:
        return current_phase(challenge.phases, now)
    for phase in challenge.phases:
        if name.lower() == phase.name.lower() or name == str(phase.index):
            return phase
    known = ", ".join(phase.name for phase in challenge.phases)
    raise NotFound(f"The challenge {challenge.slug!r} has no phase {name!r}: it has {known}.")


def leaderboards(session: Session, challenge: Challenge) -> Sequence[Leaderboard]:
    return session.scalars(
        select(Leaderboard)
        .where(Leaderboard.challenge_id == challenge.id)
        .options(selectinload(Leaderboard.columns))
        .order_by(Leaderboard.index)
    ).all()


def primary_column(board: Leaderboard) -> LeaderboardColumn:
    return next((column for column in board.columns if column.index == board.primary_index), board.columns[0])


def score_filter(session: Session, challenge: Challenge, *, organizes: bool) -> ScoreFilter:
    boards = leaderboards(session, challenge)
    columns = {(column.key, board.hidden or column.hidden) for board in boards for column in board.columns}
    return ScoreFilter(
        organizes=organizes,
        shown=frozenset(key for key, hidden in columns if not hidden),
        known=frozenset(key for key, _ in columns),
    )
