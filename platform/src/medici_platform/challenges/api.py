from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from medici_bundles.faults import BundleRejected
from medici_platform.accounts.access import MaybeUser, Organizer, SignedIn
from medici_platform.accounts.models import User
from medici_platform.challenges import importing
from medici_platform.challenges.queries import get_challenge, visible_challenges
from medici_platform.challenges.schemas import ChallengeOut, ImportOut, present
from medici_platform.context import Context
from medici_platform.errors import InvalidRequest, NotAllowed, NotFound
from medici_platform.paging import Listing, Page, fetch_slice, listing
from medici_platform.uploads import heard_out, receive_form
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1/challenges", tags=["challenges"])


@router.get("")
def list_challenges(
    user: MaybeUser, page: Page, context: CurrentContext, session: CurrentSession
) -> Listing[ChallengeOut]:
    rows = fetch_slice(session, visible_challenges(user), page)
    return listing(rows, lambda challenge: present(challenge, context.now()))


@router.post("", status_code=HTTPStatus.CREATED)
async def import_bundle(
    request: Request,
    user: Organizer,
    context: CurrentContext,
    publish: Annotated[bool, Query()] = False,
    slug: Annotated[str | None, Query(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)] = None,
) -> ImportOut:
    """Make a challenge from a bundle, uploaded as a zip in the form field `file`."""
    async with (
        heard_out(request),
        receive_form(
            request, context.storage, file_field="file", limit_bytes=context.settings.max_upload_bytes
        ) as form,
    ):
        return await run_in_threadpool(_import, context, form.reception.path, user, publish=publish, slug=slug)


def _import(context: Context, path: Path, user: User, *, publish: bool, slug: str | None) -> ImportOut:
    try:
        stored = importing.store_bundle(path, context.storage)
    except BundleRejected as error:
        raise InvalidRequest(str(error), code="bundle_rejected") from error
    now = context.now()
    with context.database.write() as session:
        owner = session.get_one(User, user.id)
        challenge = importing.create_challenge(session, stored, owner, slug=slug, now=now)
        if publish:
            challenge.published_at = now
        return ImportOut(slug=challenge.slug, title=challenge.title, published=publish, remarks=list(stored.remarks))


@router.get("/{slug}")
def show_challenge(slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> ChallengeOut:
    return present(get_challenge(session, slug, user), context.now())


@router.post("/{slug}/publish")
def publish(slug: str, user: SignedIn, context: CurrentContext, session: CurrentSession) -> ChallengeOut:
    challenge = get_challenge(session, slug, user)
    if not (user.is_admin or challenge.owner_id == user.id):
        raise NotAllowed("Only the organizers of this challenge may do this.")
    challenge.published_at = challenge.published_at or context.now()
    return present(challenge, context.now())


@router.get("/{slug}/logo", response_class=FileResponse)
def show_logo(slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> FileResponse:
    challenge = get_challenge(session, slug, user)
    if challenge.logo_sha256 is None or challenge.logo_type is None:
        raise NotFound("This challenge has no logo.")
    return FileResponse(
        context.storage.path(challenge.logo_sha256),
        media_type=challenge.logo_type,
        headers={"Cache-Control": "public, max-age=3600"},
    )


@router.get("/{slug}/kit", response_class=FileResponse)
def download_kit(slug: str, user: MaybeUser, context: CurrentContext, session: CurrentSession) -> FileResponse:
    """The starting kit: public data, training and submission programs, the scoring program."""
    challenge = get_challenge(session, slug, user)
    if challenge.kit_sha256 is None:
        raise NotFound("This challenge has no starting kit.")
    return FileResponse(
        context.storage.path(challenge.kit_sha256), filename=f"{challenge.slug}-kit.zip", media_type="application/zip"
    )
