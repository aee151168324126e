from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.models import Phase
from medici_platform.challenges.queries import find_phase, leaderboards
from medici_platform.challenges.rules import build_policy
from medici_platform.challenges.schemas import PhaseName
from medici_platform.challenges.shown_scores import shown_columns
from medici_platform.errors import MediciError
from medici_platform.paging import Page, fetch_slice
from medici_platform.participants.shell import Shell, open_shell
from medici_platform.presentation.visitors import CurrentVisitor, Visitor, redirect, require_own_page
from medici_platform.submissions import queries, service
from medici_platform.submissions.intake import Intake
from medici_platform.submissions.rules import Quota, late_sentence, takes_late
from medici_platform.submissions.schemas import CheckOut, FormOut
from medici_platform.web import CurrentSession
from medici_worker.protocol import Limits

router = APIRouter(prefix="/challenges/{slug}", include_in_schema=False)


@dataclass(frozen=True)
class Offer:
    """What a phase takes, and what the participant has left of it."""

    phase: Phase
    form: FormOut
    limits: Limits
    image_map: dict[str, str]
    """Pattern of a public image name → image that runs in its place."""
    other_bases: list[str]
    """Patterns of images that are used as they are named."""
    quota: Quota | None
    refusal: MediciError | None
    """Why nothing can be submitted at the moment."""
    late: str
    """What happens to what is submitted now, after the phase's end; empty before it."""


@router.get("/submit")
def submit_form(
    slug: str, visitor: CurrentVisitor, _: SignedIn, session: CurrentSession, phase: PhaseName = None
) -> Response:
    return _render_form(session, visitor, slug, phase)


@router.post("/submit")
async def submit(
    slug: str,
    request: Request,
    visitor: CurrentVisitor,
    user: SignedIn,
    phase: PhaseName = None,
    *,
    check: bool = False,
) -> Response:
    """The phase stands in the form's address, so that a refusal comes before the file."""
    require_own_page(request)
    intake = Intake(request, visitor.context, user, slug=slug, phase_name=phase, form_token=visitor.form_token)
    try:
        if check:
            found = await intake.check()
            return await run_in_threadpool(_show_again, visitor, slug, phase, intake.answers, found=found)
        submission = await intake.take_in()
    except MediciError as error:
        return await run_in_threadpool(_show_again, visitor, slug, phase, intake.answers, error=error)
    return redirect(f"/submissions/{submission.id}")


@router.get("/submissions")
def list_submissions(
    slug: str,
    visitor: CurrentVisitor,
    user: SignedIn,
    page: Page,
    session: CurrentSession,
    *,
    public: bool = False,
) -> Response:
    """Your own (or, for organizers, everybody's), or those that are public."""
    shell = open_shell(session, visitor, slug)
    statement = (
        queries.public_submissions_of(shell.challenge) if public else queries.submissions_of(shell.challenge, user)
    )
    rows = fetch_slice(session, statement, page)
    columns = (
        [] if public else shown_columns(leaderboards(session, shell.challenge), organizes=shell.organizes).values()
    )
    return visitor.render("submissions.html", shell=shell, rows=rows, columns=list(columns), public=public)


def _show_again(
    visitor: Visitor,
    slug: str,
    phase: str | None,
    answers: Mapping[str, Any],
    *,
    error: MediciError | None = None,
    found: CheckOut | None = None,
) -> Response:
    with visitor.context.database.read() as session:
        return _render_form(session, visitor, slug, phase, answers, error=error, found=found)


def _render_form(
    session: Session,
    visitor: Visitor,
    slug: str,
    phase_name: str | None,
    answers: Mapping[str, Any] = MappingProxyType({}),
    *,
    error: MediciError | None = None,
    found: CheckOut | None = None,
) -> Response:
    shell = open_shell(session, visitor, slug)
    phase = find_phase(shell.challenge, phase_name, now=visitor.context.now())
    return visitor.render(
        "submit.html",
        error.status if error else 200,
        shell=shell,
        offer=_offer(session, visitor, shell, phase),
        error=error.message if error else None,
        found=found,
        answers=answers,
    )


def _offer(session: Session, visitor: Visitor, shell: Shell, phase: Phase) -> Offer:
    now = visitor.context.now()
    quota = queries.quota_of(session, phase, shell.participant, now=now) if shell.participant else None
    policy = build_policy(phase, visitor.context.settings)
    return Offer(
        phase=phase,
        form=queries.form_of(phase, visitor.context.settings),
        limits=Limits.model_validate({**phase.limits, "gpus": phase.gpus}),
        image_map=policy.image_map,
        other_bases=[base for base in policy.allowed_bases if not _is_mapped(base, policy.image_map)],
        quota=quota,
        refusal=_refusal(session, visitor, shell, phase),
        late=late_sentence(phase) if takes_late(phase, now) else "",
    )


def _refusal(session: Session, visitor: Visitor, shell: Shell, phase: Phase) -> MediciError | None:
    if visitor.user is None:
        return None
    try:
        service.require_may_submit(session, shell.challenge, phase, visitor.user, now=visitor.context.now())
    except MediciError as error:
        return error
    return None


def _is_mapped(base: str, image_map: Mapping[str, str]) -> bool:
    return any(fnmatchcase(base, pattern) for pattern in image_map)
