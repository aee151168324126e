from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.queries import find_phase, get_challenge
from medici_platform.challenges.schemas import PhaseName
from medici_platform.paging import Listing, Page, fetch_slice, listing
from medici_platform.participants.queries import find_participant
from medici_platform.participants.rules import require_approved
from medici_platform.submissions import queries
from medici_platform.submissions.intake import take_in
from medici_platform.submissions.schemas import QuotaOut, SubmissionOut, present
from medici_platform.web import CurrentContext, CurrentSession, Id

router = APIRouter(prefix="/api/v1", tags=["submissions"])

FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post("/challenges/{slug}/submissions", status_code=HTTPStatus.CREATED, openapi_extra=FORM)
async def submit(
    slug: str, request: Request, user: SignedIn, context: CurrentContext, phase: PhaseName = None
) -> SubmissionOut:
    """Upload a zip as the form field `file`. It is checked before it costs anything."""
    return await take_in(request, context, user, slug=slug, phase_name=phase)


@router.get("/challenges/{slug}/submissions")
def list_submissions(slug: str, user: SignedIn, page: Page, session: CurrentSession) -> Listing[SubmissionOut]:
    """Your own, newest first; everybody's for the challenge's organizers."""
    challenge = get_challenge(session, slug, user)
    shown = queries.scores_shown_to(session, challenge, user)
    rows = fetch_slice(session, queries.submissions_of(challenge, user), page)
    return listing(rows, lambda submission: present(submission, shown))


@router.get("/challenges/{slug}/quota")
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
def show_submission(submission_id: Id, user: SignedIn, session: CurrentSession) -> SubmissionOut:
    submission = queries.get_submission(session, submission_id, user)
    return present(submission, queries.scores_shown_to(session, submission.phase.challenge, user))


@router.get("/submissions/{submission_id}/file", response_class=FileResponse)
def download_submission(
    submission_id: Id, user: SignedIn, context: CurrentContext, session: CurrentSession
) -> FileResponse:
    """The uploaded file, byte for byte."""
    submission = queries.get_submission(session, submission_id, user)
    return FileResponse(
        context.storage.path(submission.sha256), filename=submission.filename, media_type="application/zip"
    )
