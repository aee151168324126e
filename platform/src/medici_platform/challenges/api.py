from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from medici_platform.accounts.access import MaybeUser, Organizer, SignedIn, opened_by
from medici_platform.accounts.models import User
from medici_platform.accounts.rules import Scope
from medici_platform.challenges import service
from medici_platform.challenges.importing import Order, import_bundle
from medici_platform.challenges.models import Challenge, Phase
from medici_platform.challenges.queries import get_challenge, phase_by_index, visible_challenges
from medici_platform.challenges.schemas import ChallengeOut, ImportOut, OrganizersOut, PinsOut, present
from medici_platform.context import Context
from medici_platform.errors import NotFound
from medici_platform.look_throughs import look_through
from medici_platform.paging import Listing, Page, fetch_slice, listing
from medici_platform.uploads import receive_form
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1/challenges", tags=["challenges"])

DryRun = Annotated[bool, Query(description="Report what would happen, and store nothing.")]


@router.get("")
@opened_by(Scope.READ)
def list_challenges(
    user: MaybeUser, page: Page, context: CurrentContext, session: CurrentSession
) -> Listing[ChallengeOut]:
    rows = fetch_slice(session, visible_challenges(user), page)
    return listing(rows, lambda challenge: present(challenge, context.now()))


@router.post("", status_code=HTTPStatus.CREATED)
async def import_challenge(
    request: Request,
    response: Response,
    user: Organizer,
    context: CurrentContext,
    publish: Annotated[bool, Query()] = False,
    slug: Annotated[str | None, Query(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)] = None,
    dry_run: DryRun = False,
) -> ImportOut:
    """Make a challenge from a bundle, uploaded as a zip in the form field `file`."""
    if dry_run:
        response.status_code = HTTPStatus.OK
    return await _receive(request, context, Order(user_id=user.id, slug=slug, publish=publish, dry_run=dry_run))


@router.put("/{slug}")
async def update_challenge(
    slug: str, request: Request, user: SignedIn, context: CurrentContext, dry_run: DryRun = False
) -> ImportOut:
    """Replace a challenge by a new version of its bundle. Submissions, participants and publication stay."""
    await run_in_threadpool(_require_may_update, context, slug, user)
    return await _receive(request, context, Order(user_id=user.id, slug=slug, updates=True, dry_run=dry_run))


def _require_may_update(context: Context, slug: str, user: User) -> None:
    with context.database.read() as session:
        service.require_organizer_of(get_challenge(session, slug, user), user)


async def _receive(request: Request, context: Context, order: Order) -> ImportOut:
    async with receive_form(
        request, context.storage, file_field="file", limit_bytes=context.settings.max_upload_bytes
    ) as form:
        return await look_through(request, order.user_id, import_bundle, context, form.reception.path, order)


@router.get("/{slug}")
@opened_by(Scope.READ)
def show_challenge(slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> ChallengeOut:
    return present(get_challenge(session, slug, user), context.now())


@router.post("/{slug}/publish")
def publish(slug: str, user: SignedIn, context: CurrentContext, session: CurrentSession) -> ChallengeOut:
    challenge = get_challenge(session, slug, user)
    service.require_organizer_of(challenge, user)
    challenge.published_at = challenge.published_at or context.now()
    return present(challenge, context.now())


@router.get("/{slug}/logo", response_class=FileResponse)
@opened_by(Scope.READ)
def show_logo(slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> FileResponse:
    challenge = get_challenge(session, slug, user)
    if challenge.logo_sha256 is None or challenge.logo_type is None:
        raise NotFound("This challenge has no logo.")
    return FileResponse(
        context.storage.path(challenge.logo_sha256),
        media_type=challenge.logo_type,
        headers={"Cache-Control": "private, max-age=3600"},
    )


@router.get("/{slug}/kit", response_class=FileResponse)
@opened_by(Scope.READ)
def download_kit(slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> FileResponse:
    """The starting kit: public data, training and submission programs, the scoring program."""
    challenge = get_challenge(session, slug, user)
    if challenge.kit_sha256 is None:
        raise NotFound("This challenge has no starting kit.")
    return FileResponse(
        context.storage.path(challenge.kit_sha256), filename=f"{challenge.slug}-kit.zip", media_type="application/zip"
    )


@router.get("/{slug}/collaborators")
@opened_by(Scope.READ)
def show_collaborators(slug: str, user: SignedIn, session: CurrentSession) -> OrganizersOut:
    challenge = get_challenge(session, slug, user)
    service.require_organizer_of(challenge, user)
    return _organizers(challenge)


@router.put("/{slug}/collaborators/{username}")
def add_collaborator(slug: str, username: str, user: SignedIn, session: CurrentSession) -> OrganizersOut:
    """Let another user organize this challenge (its owner, administrators)."""
    challenge = get_challenge(session, slug, user)
    service.add_collaborator(session, challenge, user, username=username)
    return _organizers(challenge)


@router.delete("/{slug}/collaborators/{username}")
def remove_collaborator(slug: str, username: str, user: SignedIn, session: CurrentSession) -> OrganizersOut:
    challenge = get_challenge(session, slug, user)
    service.remove_collaborator(challenge, user, username=username)
    return _organizers(challenge)


@router.get("/{slug}/pins")
@opened_by(Scope.READ)
def show_pins(slug: str, user: SignedIn, session: CurrentSession) -> list[PinsOut]:
    challenge = get_challenge(session, slug, user)
    service.require_organizer_of(challenge, user)
    return [_pins(phase) for phase in challenge.phases]


@router.delete("/{slug}/phases/{index}/pins")
def clear_pins(slug: str, index: int, user: SignedIn, session: CurrentSession) -> PinsOut:
    """Forget which images this phase was pinned to: the next run pins what it finds."""
    challenge = get_challenge(session, slug, user)
    service.require_organizer_of(challenge, user)
    phase = phase_by_index(challenge, index)
    service.clear_pins(phase)
    return _pins(phase)


def _organizers(challenge: Challenge) -> OrganizersOut:
    return OrganizersOut(
        owner=challenge.owner.username, collaborators=sorted(each.username for each in challenge.collaborators)
    )


def _pins(phase: Phase) -> PinsOut:
    return PinsOut(index=phase.index, phase=phase.name, pins=phase.image_pins)
