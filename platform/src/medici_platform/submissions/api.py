from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from medici_platform.accounts.access import MaybeUser, SignedIn, opened_by
from medici_platform.accounts.rules import Scope
from medici_platform.challenges.queries import find_phase, get_challenge
from medici_platform.challenges.schemas import PhaseName
from medici_platform.paging import Listing, Page, fetch_slice, listing
from medici_platform.participants.queries import find_participant
from medici_platform.participants.rules import require_approved
from medici_platform.submissions import queries, service
from medici_platform.submissions.intake import Intake
from medici_platform.submissions.schemas import (
    CheckOut,
    EditIn,
    FormOut,
    PublicityIn,
    PublicSubmissionOut,
    QuotaOut,
    SubmissionOut,
    present,
    present_public,
)
from medici_platform.web import CurrentContext, CurrentSession, Id, own_headers

router = APIRouter(prefix="/api/v1", tags=["submissions"])

_FIELDS = {
    "file": {"type": "string", "format": "binary"},
    "image": {"type": "string", "description": "Instead of a file: `registry/name@sha256:…`"},
    "fact_sheet": {"type": "string", "description": "JSON: question's key to answer. Or a field `fact_<key>` for each"},
}
_BY_NAME = {"image": {"type": "string"}, "fact_sheet": {"type": "object"}}

FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": _FIELDS}},
            "application/json": {"schema": {"type": "object", "required": ["image"], "properties": _BY_NAME}},
        },
    }
}


@router.post("/challenges/{slug}/submissions", status_code=HTTPStatus.CREATED, openapi_extra=FORM)
@opened_by(Scope.SUBMIT)
async def submit(
    slug: str,
    request: Request,
    response: Response,
    user: SignedIn,
    context: CurrentContext,
    phase: PhaseName = None,
    *,
    check: bool = False,
) -> SubmissionOut | CheckOut:
    """Upload a file as the form field `file`, or name an image as `image`. It is checked before it costs anything.

    With `check=true` it is looked through and nothing is stored: the answer says what it is, whether the phase takes
    it, and what it would cost.
    """
    intake = Intake(request, context, user, slug=slug, phase_name=phase)
    if not check:
        return await intake.take_in()
    response.status_code = HTTPStatus.OK
    return await intake.check()


@router.get("/challenges/{slug}/submission-form")
@opened_by(Scope.READ)
def show_form(
    slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession, phase: PhaseName = None
) -> FormOut:
    """What a phase takes and asks, so that a program can tell before it uploads."""
    challenge = get_challenge(session, slug, user)
    return queries.form_of(find_phase(challenge, phase, now=context.now()), context.settings)


@router.get("/challenges/{slug}/submissions")
@opened_by(Scope.READ)
def list_submissions(slug: str, user: SignedIn, page: Page, session: CurrentSession) -> Listing[SubmissionOut]:
    """Your own, newest first; everybody's for the challenge's organizers."""
    challenge = get_challenge(session, slug, user)
    shown = queries.scores_shown_to(session, challenge, user)
    rows = fetch_slice(session, queries.submissions_of(challenge, user), page)
    return listing(rows, lambda submission: present(submission, shown))


@router.get("/challenges/{slug}/public-submissions")
@opened_by(Scope.READ)
def list_public_submissions(
    slug: str, user: MaybeUser, page: Page, session: CurrentSession
) -> Listing[PublicSubmissionOut]:
    """Those that their participants have made public, newest first."""
    challenge = get_challenge(session, slug, user)
    return listing(fetch_slice(session, queries.public_submissions_of(challenge), page), present_public)


@router.get("/challenges/{slug}/quota")
@opened_by(Scope.READ)
def show_quota(
    slug: str, user: SignedIn, context: CurrentContext, session: CurrentSession, phase: PhaseName = None
) -> QuotaOut:
    challenge = get_challenge(session, slug, user)
    chosen = find_phase(challenge, phase, now=context.now())
    participant = require_approved(find_participant(session, challenge, user), challenge)
    quota = queries.quota_of(session, chosen, participant, now=context.now())
    return QuotaOut(
        phase=chosen.name,
        left=quota.left,
        used_today=quota.used_today,
        used_total=quota.used_total,
        max_per_day=quota.max_per_day,
        max_total=quota.max_total,
        next_day_at=quota.next_day_at,
    )


@router.get("/submissions/{submission_id}")
@opened_by(Scope.READ)
def show_submission(submission_id: Id, user: SignedIn, session: CurrentSession) -> SubmissionOut:
    submission = queries.get_submission(session, submission_id, user)
    return present(submission, queries.scores_shown_to(session, submission.phase.challenge, user))


@router.patch("/submissions/{submission_id}")
@opened_by(Scope.SUBMIT)
def edit(submission_id: Id, body: EditIn, user: SignedIn, session: CurrentSession) -> SubmissionOut:
    """Change answers of its fact sheet; those that are not named stay."""
    submission = queries.get_submission(session, submission_id, user)
    service.edit_facts(submission, user, body.fact_sheet)
    return present(submission, queries.scores_shown_to(session, submission.phase.challenge, user))


@router.post("/submissions/{submission_id}/start")
def start(submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession) -> SubmissionOut:
    """For organizers, in challenges that do not start submissions by themselves."""
    submission = queries.get_submission(session, submission_id, user)
    service.start(session, context, submission, user)
    return present(submission, queries.scores_shown_to(session, submission.phase.challenge, user))


@router.post("/submissions/{submission_id}/publicity")
def publish(submission_id: Id, body: PublicityIn, user: SignedIn, session: CurrentSession) -> SubmissionOut:
    """Let everybody who sees the challenge download your submission, or no longer."""
    submission = queries.get_submission(session, submission_id, user)
    service.set_publicity(submission, user, public=body.public)
    return present(submission, queries.scores_shown_to(session, submission.phase.challenge, user))


@router.get("/submissions/{submission_id}/file", response_class=FileResponse)
@opened_by(Scope.READ)
def download_submission(
    submission_id: Id, user: MaybeUser, context: CurrentContext, session: CurrentSession
) -> FileResponse:
    """The uploaded file, byte for byte."""
    submission = queries.get_downloadable(session, submission_id, user)
    return FileResponse(
        context.storage.path(submission.sha256),
        filename=submission.filename,
        media_type="application/octet-stream",
        headers=own_headers(submission.sha256, submission.submitted_at),
    )
