"""From a bundle to a challenge, new or known. All files are stored first, then one transaction records everything."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_bundles import schema
from medici_bundles.checker import check_bundle
from medici_bundles.faults import BundleRejected
from medici_bundles.reader import open_bundle
from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge
from medici_platform.challenges.queries import get_challenge
from medici_platform.challenges.recording import record
from medici_platform.challenges.rules import may_organize, may_own
from medici_platform.challenges.schemas import ImportOut, summarise
from medici_platform.challenges.storing import StoredBundle, store_bundle, withheld_remarks
from medici_platform.challenges.updating import changed_tasks, require_keeps_what_is_used
from medici_platform.context import Context
from medici_platform.errors import Conflict, InvalidRequest, NotAllowed
from medici_platform.queues.queries import queue_by_name


@dataclass(frozen=True)
class Order:
    """What is asked for beside the bundle itself."""

    user_id: int
    slug: str | None = None
    """Another name than the bundle's own."""
    publish: bool = False
    dry_run: bool = False
    updates: bool = False
    """The bundle is a new version of the challenge of that name."""


@dataclass
class _Links:
    """What the bundle names and the platform has to find."""

    remarks: list[str] = field(default_factory=list)
    queue_id: int | None = None
    collaborators: list[User] = field(default_factory=list)


def import_bundle(context: Context, path: Path, order: Order) -> ImportOut:
    """Raises InvalidRequest with all faults of the bundle at once."""
    with _faults_told():
        return _check(context, path, order) if order.dry_run else _import(context, path, order)


@contextmanager
def _faults_told() -> Iterator[None]:
    try:
        yield
    except BundleRejected as error:
        faults = [{"file": fault.file, "line": fault.line, "message": fault.message} for fault in error.faults]
        raise InvalidRequest(str(error), code="bundle_rejected", details={"faults": faults}) from error


def _check(context: Context, path: Path, order: Order) -> ImportOut:
    """All that an import would say; nothing is stored."""
    report = check_bundle(path)
    if report.faults:
        raise BundleRejected(report.faults)
    with open_bundle(path) as bundle:
        definition, read = bundle.definition, bundle.report
    slug = order.slug or definition.slug
    with context.database.read() as session:
        user = session.get_one(User, order.user_id)
        challenge = _target(session, slug, user, order)
        remarks = withheld_remarks(definition)
        if challenge:
            require_keeps_what_is_used(challenge, definition, context.usage_of(session, challenge.id))
        links = _find_links(session, definition, user, slug, challenge)
        published = order.publish if challenge is None else challenge.published_at is not None
        version = challenge.version + 1 if challenge else 1
    return ImportOut(
        slug=slug,
        title=definition.title,
        version=version,
        published=published,
        dry_run=True,
        format=read.format,
        ignored=list(read.ignored),
        mapped=list(read.mapped),
        notes=list(read.notes),
        remarks=[*remarks, *links.remarks],
        summary=summarise(definition),
    )


def _import(context: Context, path: Path, order: Order) -> ImportOut:
    with open_bundle(path) as bundle:
        slug = order.slug or bundle.definition.slug
    with context.database.read() as session:  # before gigabytes are packed for a refusal
        _target(session, slug, session.get_one(User, order.user_id), order)
    stored = store_bundle(path, context.storage, slug=slug)
    with context.database.write() as session:
        user = session.get_one(User, order.user_id)
        known = _target(session, slug, user, order)
        remarks = [*stored.remarks]
        if known:
            challenge = known
            remarks += _update(session, context, challenge, stored)
        else:
            challenge = _create(session, context, slug, user, stored)
        remarks += _link(session, challenge, stored.definition, user)
        if order.publish:
            challenge.published_at = challenge.published_at or context.now()
        session.flush()
        if known:
            context.renumber(session, context, challenge.id)
        return _report(challenge, stored, remarks)


def _target(session: Session, slug: str, user: User, order: Order) -> Challenge | None:
    """The challenge to update, or None where one is to be made. Raises Conflict, NotFound or NotAllowed."""
    if order.updates:
        challenge = get_challenge(session, slug, user)
        if not may_organize(user, challenge):
            raise NotAllowed("Only the organizers of this challenge may do this.")
        return challenge
    if session.scalar(select(Challenge.id).where(Challenge.slug == slug)) is not None:
        raise Conflict(
            f"A challenge named {slug!r} exists already: give this one another `slug`, or pass --slug NAME; "
            "--update makes it a new version of that one.",
            code="slug_taken",
        )
    return None


def _create(session: Session, context: Context, slug: str, owner: User, stored: StoredBundle) -> Challenge:
    challenge = Challenge(
        slug=slug, owner_id=owner.id, owner=owner, version=1, created_at=context.now(), published_at=None
    )
    record(challenge, stored)
    session.add(challenge)
    return challenge


def _update(session: Session, context: Context, challenge: Challenge, stored: StoredBundle) -> list[str]:
    session.execute(select(Challenge.id).where(Challenge.id == challenge.id).with_for_update(key_share=True))
    usage = context.usage_of(session, challenge.id)
    require_keeps_what_is_used(challenge, stored.definition, usage)
    with changed_tasks(challenge, usage) as remarks:
        freezes = {phase.index: phase.freeze_at for phase in challenge.phases}
        record(challenge, stored)
    for phase in challenge.phases:
        if freezes.get(phase.index) != phase.freeze_at:
            phase.thawed_at = None
    challenge.version += 1
    return remarks


def _link(session: Session, challenge: Challenge, definition: schema.ChallengeDefinition, user: User) -> list[str]:
    links = _find_links(session, definition, user, challenge.slug, challenge if challenge.id else None)
    challenge.queue_id = links.queue_id
    known = {each.id for each in challenge.collaborators}
    challenge.collaborators += [each for each in links.collaborators if each.id not in known]
    return links.remarks


def _find_links(
    session: Session, definition: schema.ChallengeDefinition, user: User, slug: str, challenge: Challenge | None
) -> _Links:
    links = _Links()
    if definition.queue:
        queue = queue_by_name(session, definition.queue)
        links.queue_id = queue.id if queue else None
        if queue is None:
            links.remarks.append(f"queue: there is no queue {definition.queue!r} here, the default one runs it")
    owner_id = challenge.owner_id if challenge else user.id
    names = list(dict.fromkeys(name.lower() for name in definition.collaborators))
    found = _users(session, names)
    links.remarks += [
        f"collaborators: there is no user {name!r} here; once there is: "
        f"`medici challenge collaborators {slug} --add {name}`"
        for name in names
        if name not in found
    ]
    named = [found[name] for name in names if name in found and found[name].id != owner_id]
    if challenge and not may_own(user, challenge):
        organizing = {each.id for each in challenge.collaborators}
        added = [each.username for each in named if each.id not in organizing]
        if added:
            links.remarks.append(f"collaborators: only the owner can add {', '.join(added)}")
    else:
        links.collaborators = named
    return links


def _users(session: Session, names: Sequence[str]) -> dict[str, User]:
    if not names:
        return {}
    return {user.username: user for user in session.scalars(select(User).where(User.username.in_(names)))}


def _report(challenge: Challenge, stored: StoredBundle, remarks: list[str]) -> ImportOut:
    read = stored.report
    return ImportOut(
        slug=challenge.slug,
        title=challenge.title,
        version=challenge.version,
        published=challenge.published_at is not None,
        format=read.format,
        ignored=list(read.ignored),
        mapped=list(read.mapped),
        notes=list(read.notes),
        remarks=remarks,
        summary=summarise(stored.definition),
    )
