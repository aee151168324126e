"""What a submission's participant changes afterwards, and what its organizers start."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.accounts.access import SignedIn
from medici_platform.errors import MediciError
from medici_platform.presentation.forms import PostedForm
from medici_platform.presentation.visitors import CurrentVisitor, Visitor, redirect
from medici_platform.submissions import queries, service
from medici_platform.submissions.fact_sheets import questions_of
from medici_platform.submissions.models import Submission
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(prefix="/submissions/{submission_id}", include_in_schema=False)


@router.get("/facts")
def facts_form(submission_id: Id, visitor: CurrentVisitor, user: SignedIn, session: CurrentSession) -> Response:
    submission = queries.get_submission(session, submission_id, user)
    service.require_own(submission, user, "change what its fact sheet says")
    return _render(visitor, submission, submission.fact_sheet)


@router.post("/facts")
def edit_facts(
    submission_id: Id, visitor: CurrentVisitor, user: SignedIn, fields: PostedForm, session: CurrentSession
) -> Response:
    submission = queries.get_submission(session, submission_id, user)
    questions = questions_of(submission.phase.challenge.fact_sheet)
    answers = {question.key: fields.get(question.field, "") for question in questions}
    try:
        service.edit_facts(submission, user, answers)
    except MediciError as error:
        return _render(visitor, submission, answers, error=error)
    return redirect(f"/submissions/{submission.id}")


@router.post("/start")
def start(
    submission_id: Id, user: SignedIn, _: PostedForm, context: CurrentContext, session: CurrentSession
) -> Response:
    submission = queries.get_submission(session, submission_id, user)
    service.start(session, context, submission, user)
    return redirect(f"/submissions/{submission.id}")


@router.post("/publicity")
def set_publicity(submission_id: Id, user: SignedIn, fields: PostedForm, session: CurrentSession) -> Response:
    """The field `public` says `yes` or `no`."""
    submission = queries.get_submission(session, submission_id, user)
    service.set_publicity(submission, user, public=fields.get("public") == "yes")
    return redirect(f"/submissions/{submission.id}")


def _render(
    visitor: Visitor, submission: Submission, answers: Mapping[str, Any], error: MediciError | None = None
) -> Response:
    challenge = submission.phase.challenge
    return visitor.render(
        "facts.html",
        error.status if error else HTTPStatus.OK,
        submission=submission,
        challenge=challenge,
        questions=questions_of(challenge.fact_sheet),
        answers=answers,
        error=error.message if error else None,
    )
