"""What participants decide about the board, where its rule lets them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.queries import leaderboards
from medici_platform.context import BoardOffer, Context
from medici_platform.errors import Conflict, NotFound
from medici_platform.leaderboards import queries, rules
from medici_platform.participants.models import Participant
from medici_platform.states import State
from medici_platform.submissions.models import Submission
from medici_platform.submissions.queries import may_see


class ChoiceRefused(Conflict):
    code = "choice_refused"


def choose(session: Session, context: Context, submission: Submission, user: User, *, on_board: bool) -> None:
    """Put a submission on the board, or withdraw it. One choice holds for all boards whose rule lets choose.

    Its participant and the challenge's organizers may. Raises ChoiceRefused with one sentence.
    """
    if not may_see(submission, user):
        raise NotFound(f"You have no submission {submission.id}.")
    session.execute(
        select(Participant.id).where(Participant.id == submission.participant_id).with_for_update(key_share=True)
    )
    session.refresh(submission, ["on_board", "state"])
    refusal = _why_not_put(session, submission) if on_board else _why_not_withdraw(session, submission)
    if refusal:
        raise ChoiceRefused(refusal)
    if on_board:
        _make_room(session, submission)
    submission.on_board = on_board
    session.flush()
    context.place_on_board(session, context, submission.id)


def offer_of(session: Session, submission: Submission) -> BoardOffer:
    """What the submission's own page says and offers. The same three queries for every submission."""
    boards = leaderboards(session, submission.phase.challenge)
    stands = bool(queries.entries_with(session, submission))
    chooses = any(board.submission_rule not in rules.FORCED for board in boards)
    if not chooses or submission.state != State.FINISHED:
        return BoardOffer(stands, may_put=False, may_withdraw=False)
    return BoardOffer(
        stands,
        may_put=not submission.on_board and _why_not_put(session, submission) is None,
        may_withdraw=_why_not_withdraw(session, submission) is None,
    )


def _why_not_put(session: Session, submission: Submission) -> str | None:
    if submission.state != State.FINISHED:
        return f"Submission {submission.id} is {submission.state}: only a scored one can stand on the board."
    if submission.is_late:
        return f"Submission {submission.id} was handed in after the phase's end: it stands on no board."
    has_chosen = not submission.on_board and any(each.on_board for each in _own(session, submission))
    return rules.why_not_put(_rules(session, submission), has_chosen=has_chosen)


def _why_not_withdraw(session: Session, submission: Submission) -> str | None:
    refusal = rules.why_not_withdraw(_rules(session, submission))
    if refusal is None and not submission.on_board and not _standing_by_choice(session, submission):
        return f"Submission {submission.id} is not on the board."
    return refusal


def _standing_by_choice(session: Session, submission: Submission) -> set[int]:
    """Ids of the boards that show it and whose rule lets choose."""
    choosing = {
        board.id
        for board in leaderboards(session, submission.phase.challenge)
        if board.submission_rule not in rules.FORCED
    }
    return {entry.leaderboard_id for entry in queries.entries_with(session, submission)} & choosing


def _make_room(session: Session, submission: Submission) -> None:
    """Where one stands, it takes the place of the one chosen before; where several do, the best that stood stays."""
    names = {rule.name for rule in _rules(session, submission)} - rules.FORCED
    several = names == {rules.SEVERAL_CHOSEN}
    others = [each for each in _own(session, submission) if each.id != submission.id]
    is_first = submission.on_board is None and all(each.on_board is None for each in others)
    for each in others:
        if not several and each.on_board:
            each.on_board = None
        elif several and is_first and _standing_by_choice(session, each):
            each.on_board = True


def _own(session: Session, submission: Submission) -> list[Submission]:
    return list(
        session.scalars(
            select(Submission).where(
                Submission.participant_id == submission.participant_id,
                Submission.phase_id == submission.phase_id,
                Submission.state == State.FINISHED,
            )
        )
    )


def _rules(session: Session, submission: Submission) -> list[rules.Rule]:
    """Shown boards first: a refusal names them and no hidden one, where it can."""
    boards = sorted(leaderboards(session, submission.phase.challenge), key=lambda board: board.hidden)
    return [rules.Rule(board.title, board.submission_rule) for board in boards]
