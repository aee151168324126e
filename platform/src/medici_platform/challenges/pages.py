from pathlib import PurePosixPath

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from medici_platform.accounts.access import MaybeUser, SignedIn
from medici_platform.challenges.models import Phase
from medici_platform.challenges.queries import (
    get_challenge,
    phase_by_index,
    solutions_of,
    stored_file,
    visible_challenges,
)
from medici_platform.challenges.rules import current_phase, phase_status
from medici_platform.challenges.service import require_organizer_of
from medici_platform.context import Context
from medici_platform.errors import NotFound
from medici_platform.paging import Page, fetch_slice
from medici_platform.presentation.visitors import CurrentVisitor, redirect
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(include_in_schema=False)


@router.get("/")
def start() -> Response:
    return redirect("/challenges")


@router.get("/challenges")
def list_challenges(visitor: CurrentVisitor, page: Page, context: CurrentContext, session: CurrentSession) -> Response:
    rows = fetch_slice(session, visible_challenges(visitor.user), page)
    now = context.now()
    cards = []
    for challenge in rows.rows:
        phase = current_phase(challenge.phases, now)
        cards.append((challenge, phase, phase_status(phase, now)))
    return visitor.render("challenges.html", cards=cards, rows=rows)


@router.get("/challenges/{slug}/files/{path:path}", response_class=FileResponse)
def show_file(slug: str, path: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> FileResponse:
    """A picture that the challenge's pages show."""
    file = stored_file(session, get_challenge(session, slug, user), path)
    if file is None or file.media_type is None:
        raise NotFound("This challenge has no such picture.")
    return FileResponse(
        context.storage.path(file.sha256),
        media_type=file.media_type,
        headers={"Cache-Control": "private, max-age=300"},
    )


@router.get("/challenges/{slug}/phases/{index}/public-data", response_class=FileResponse)
def download_public_data(
    slug: str, index: int, user: MaybeUser, context: CurrentContext, session: CurrentSession
) -> FileResponse:
    phase = phase_by_index(get_challenge(session, slug, user), index)
    return _download(context, phase, phase.public_data_sha256, "public-data")


@router.get("/challenges/{slug}/phases/{index}/starting-kit", response_class=FileResponse)
def download_starting_kit(
    slug: str, index: int, user: MaybeUser, context: CurrentContext, session: CurrentSession
) -> FileResponse:
    phase = phase_by_index(get_challenge(session, slug, user), index)
    return _download(context, phase, phase.starting_kit_sha256, "starting-kit")


def _download(context: Context, phase: Phase, sha256: str | None, what: str) -> FileResponse:
    if sha256 is None:
        raise NotFound(f"The phase {phase.name!r} has no {what.replace('-', ' ')} of its own.")
    name = f"{phase.challenge.slug}-{phase.index}-{what}.zip"
    return FileResponse(context.storage.path(sha256), filename=name, media_type="application/zip")


@router.get("/challenges/{slug}/solutions/{index}", response_class=FileResponse)
def download_solution(
    slug: str, index: int, user: SignedIn, context: CurrentContext, session: CurrentSession
) -> FileResponse:
    """An organizer's own submission, as the bundle holds it (organizers)."""
    challenge = get_challenge(session, slug, user)
    require_organizer_of(challenge, user)
    solution = next((each for each in solutions_of(challenge) if each.index == index), None)
    file = stored_file(session, challenge, solution.path) if solution and solution.path else None
    if file is None:
        raise NotFound(f"The challenge {slug!r} has no solution with the index {index}.")
    name = PurePosixPath(file.path).name.removesuffix(".zip")
    return FileResponse(context.storage.path(file.sha256), filename=f"{name}.zip", media_type="application/zip")
