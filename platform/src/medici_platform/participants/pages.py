"""One challenge: its texts, its phases, joining it, and, for organizers, who takes part."""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.queries import get_challenge, solutions_of
from medici_platform.challenges.rules import LOG_TAIL_LINES
from medici_platform.errors import NotFound
from medici_platform.paging import Page, fetch_slice
from medici_platform.participants import queries, service
from medici_platform.participants.phase_cards import describe_phases
from medici_platform.participants.rules import ParticipantStatus
from medici_platform.participants.shell import open_shell
from medici_platform.presentation.formats import path_part
from medici_platform.presentation.forms import PostedForm
from medici_platform.presentation.visitors import CurrentVisitor, redirect
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/challenges/{slug}", include_in_schema=False)


@router.get("")
def show_challenge(slug: str, visitor: CurrentVisitor, session: CurrentSession) -> Response:
    shell = open_shell(session, visitor, slug)
    pages = shell.challenge.pages
    return visitor.render("challenge_page.html", shell=shell, page=pages[0] if pages else None, is_start=True)


@router.get("/pages/{page_slug}")
def show_page(slug: str, page_slug: str, visitor: CurrentVisitor, session: CurrentSession) -> Response:
    shell = open_shell(session, visitor, slug)
    for page in shell.challenge.pages:
        if page.slug == page_slug:
            return visitor.render("challenge_page.html", shell=shell, page=page, is_start=False)
    raise NotFound(f"The challenge {slug!r} has no page {page_slug!r}.")


@router.get("/terms")
def show_terms(slug: str, visitor: CurrentVisitor, session: CurrentSession) -> Response:
    return visitor.render("terms.html", shell=open_shell(session, visitor, slug))


@router.get("/phases")
def show_phases(slug: str, visitor: CurrentVisitor, session: CurrentSession) -> Response:
    shell = open_shell(session, visitor, slug)
    solutions = solutions_of(shell.challenge) if shell.organizes else []
    return visitor.render(
        "phases.html",
        shell=shell,
        phases=describe_phases(session, shell, visitor),
        solutions=solutions,
        tail_lines=LOG_TAIL_LINES,
    )


@router.post("/publish")
def publish(slug: str, user: SignedIn, _: PostedForm, context: CurrentContext, session: CurrentSession) -> Response:
    challenge = get_challenge(session, slug, user)
    service.require_organizer_of(challenge, user)
    challenge.published_at = challenge.published_at or context.now()
    return redirect(f"/challenges/{slug}")


@router.get("/join")
def join_form(slug: str, visitor: CurrentVisitor, _: SignedIn, session: CurrentSession) -> Response:
    return visitor.render("join.html", shell=open_shell(session, visitor, slug), error=None)


@router.post("/join")
def join(
    slug: str,
    visitor: CurrentVisitor,
    user: SignedIn,
    form: PostedForm,
    context: CurrentContext,
    session: CurrentSession,
) -> Response:
    challenge = get_challenge(session, slug, user)
    if form.get("accept") != "yes":
        shell = open_shell(session, visitor, slug)
        error = "To take part you have to accept the terms: tick the box below them."
        return visitor.render("join.html", HTTPStatus.UNPROCESSABLE_ENTITY, shell=shell, error=error)
    participant = service.join(session, challenge, user, now=context.now())
    approved = participant.status == ParticipantStatus.APPROVED
    return redirect(f"/challenges/{slug}/{'submit' if approved else 'join'}")


@router.get("/participants")
def list_participants(
    slug: str, visitor: CurrentVisitor, user: SignedIn, page: Page, session: CurrentSession
) -> Response:
    shell = open_shell(session, visitor, slug)
    service.require_organizer_of(shell.challenge, user)
    rows = fetch_slice(session, queries.participants_of(shell.challenge), page)
    return visitor.render("participants.html", shell=shell, rows=rows)


@router.post("/participants/{username}/{decision}")
def decide(
    slug: str,
    username: str,
    decision: Literal["approve", "deny"],
    user: SignedIn,
    _: PostedForm,
    context: CurrentContext,
    session: CurrentSession,
) -> Response:
    challenge = get_challenge(session, slug, user)
    status = ParticipantStatus.APPROVED if decision == "approve" else ParticipantStatus.DENIED
    service.decide(session, challenge, user, username=username, status=status, now=context.now())
    return redirect(f"/challenges/{path_part(slug)}/participants")
