"""From a bundle to a challenge. All files are packed and stored first, then one transaction records everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_bundles import schema
from medici_bundles.kit import build_kit
from medici_bundles.reader import Bundle, open_bundle
from medici_platform.accounts.models import User
from medici_platform.challenges.html import render_page
from medici_platform.challenges.models import (
    Challenge,
    ChallengePage,
    Leaderboard,
    LeaderboardColumn,
    Phase,
    Task,
)
from medici_platform.errors import Conflict
from medici_platform.storage import Storage, StoredFile

MEBIBYTE = 1024**2
NO_FILES = ""
LOGO_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class StoredBundle:
    """A bundle whose files are in the storage."""

    definition: schema.ChallengeDefinition
    files: dict[str, StoredFile]
    """Path in the bundle → stored zip."""
    pages: list[ChallengePage]
    terms: str
    logo: StoredFile | None
    kit: StoredFile
    remarks: tuple[str, ...]


def store_bundle(path: Path, storage: Storage) -> StoredBundle:
    """Raises medici_bundles' BundleRejected with all faults at once."""
    with open_bundle(path) as bundle:
        definition = bundle.definition
        return StoredBundle(
            definition=definition,
            files={NO_FILES: _store_no_files(storage)}
            | {file: _store(bundle, file, storage) for file in _data_files(definition)},
            pages=_pages(bundle, definition),
            terms=render_page(definition.terms, bundle.terms_text) if definition.terms else "",
            logo=_store_logo(bundle, storage),
            kit=_store_kit(bundle, storage),
            remarks=(*bundle.report.ignored, *bundle.report.notes),
        )


def create_challenge(
    session: Session, stored: StoredBundle, owner: User, *, slug: str | None, now: datetime
) -> Challenge:
    definition = stored.definition
    slug = slug or definition.slug
    if session.scalar(select(Challenge.id).where(Challenge.slug == slug)) is not None:
        raise Conflict(
            f"A challenge named {slug!r} exists already: give this one another `slug`, or pass --slug NAME.",
            code="slug_taken",
        )
    tasks = {task.index: _task(task, stored.files) for task in definition.tasks}
    challenge = Challenge(
        slug=slug,
        title=definition.title,
        description=definition.description,
        terms=stored.terms,
        logo_sha256=stored.logo.sha256 if stored.logo else None,
        logo_type=LOGO_TYPES.get(Path(definition.image or "").suffix.lower()),
        kit_sha256=stored.kit.sha256,
        owner_id=owner.id,
        owner=owner,
        docker_image=definition.docker_image,
        auto_approve=definition.registration_auto_approve,
        show_detailed_results=definition.enable_detailed_results,
        created_at=now,
        published_at=None,
        pages=stored.pages,
        tasks=list(tasks.values()),
        phases=[_phase(phase, tasks) for phase in definition.phases],
        leaderboards=[_leaderboard(board) for board in definition.leaderboards],
    )
    session.add(challenge)
    session.flush()
    return challenge


def _data_files(definition: schema.ChallengeDefinition) -> list[str]:
    named = [
        file
        for task in definition.tasks
        for file in (task.input_data, task.reference_data, task.scoring_program)
        if file is not None
    ]
    return sorted(set(named))


def _store(bundle: Bundle, file: str, storage: Storage) -> StoredFile:
    draft = storage.draft()
    try:
        sha256, size_bytes = bundle.pack(file, draft)
        storage.keep(draft, sha256)
    finally:
        draft.unlink(missing_ok=True)
    return StoredFile(sha256, size_bytes)


def _store_no_files(storage: Storage) -> StoredFile:
    """The reference data of a task that has none: a program that needs no answers gets an empty folder."""
    with storage.receive(limit_bytes=MEBIBYTE) as reception:
        reception.write(b"PK\x05\x06" + bytes(18))
        stored = reception.complete()
        storage.keep(reception.path, stored.sha256)
    return stored


def _store_logo(bundle: Bundle, storage: Storage) -> StoredFile | None:
    image = bundle.image_bytes
    if image is None:
        return None
    with storage.receive(limit_bytes=5 * MEBIBYTE) as reception:
        reception.write(image)
        stored = reception.complete()
        storage.keep(reception.path, stored.sha256)
    return stored


def _store_kit(bundle: Bundle, storage: Storage) -> StoredFile:
    """What participants download: everything but the hidden data and all answers."""
    draft = storage.draft()
    try:
        build_kit(bundle.folder, draft)
        with storage.receive(limit_bytes=2**62) as reception, draft.open("rb") as packed:
            while chunk := packed.read(MEBIBYTE):
                reception.write(chunk)
            stored = reception.complete()
            storage.keep(reception.path, stored.sha256)
    finally:
        draft.unlink(missing_ok=True)
    return stored


def _pages(bundle: Bundle, definition: schema.ChallengeDefinition) -> list[ChallengePage]:
    slugs: set[str] = set()
    pages = []
    for index, page in enumerate(definition.pages):
        slug = schema.slug_of(page.title) or f"page-{index + 1}"
        slug = slug if slug not in slugs else f"{slug}-{index + 1}"
        slugs.add(slug)
        pages.append(
            ChallengePage(index=index, slug=slug, title=page.title, html=render_page(page.file, bundle.page_text(page)))
        )
    return pages


def _task(task: schema.Task, files: dict[str, StoredFile]) -> Task:
    input_data = files[task.input_data] if task.input_data else None
    reference = files[task.reference_data or NO_FILES]
    program = files[task.scoring_program]
    return Task(
        index=task.index,
        name=task.name or f"Task {task.index + 1}",
        description=task.description,
        input_data_sha256=input_data.sha256 if input_data else None,
        input_data_bytes=input_data.size_bytes if input_data else 0,
        reference_data_sha256=reference.sha256,
        reference_data_bytes=reference.size_bytes,
        scoring_program_sha256=program.sha256,
        scoring_program_bytes=program.size_bytes,
    )


def _phase(phase: schema.Phase, tasks: dict[int, Task]) -> Phase:
    return Phase(
        index=phase.index,
        name=phase.name,
        description=phase.description,
        starts_at=phase.start,
        ends_at=phase.end,
        max_submissions=phase.max_submissions,
        max_submissions_per_day=phase.max_submissions_per_day,
        accepts=list(phase.accepts),
        hidden=phase.hidden,
        participant_logs=phase.logs,
        gpus=phase.limits.gpus or 0,
        limits=limits_json(phase.limits),
        scoring_limits=limits_json(phase.scoring_limits),
        build=build_json(phase.build),
        outputs=list(phase.outputs),
        tasks=[tasks[index] for index in phase.tasks],
    )


def limits_json(limits: schema.LimitSettings) -> dict[str, Any]:
    """In the units of the worker's protocol; what is not given is left to its defaults."""
    given = {
        "time_s": limits.time_s,
        "memory_bytes": _bytes(limits.memory_mb),
        "cpus": limits.cpus,
        "pids": limits.pids,
        "output_bytes": _bytes(limits.output_mb),
        "shm_bytes": _bytes(limits.shm_mb),
        "tmp_bytes": _bytes(limits.tmp_mb),
    }
    return {name: value for name, value in given.items() if value is not None}


def build_json(build: schema.BuildSettings) -> dict[str, Any]:
    given: dict[str, Any] = {
        "time_s": build.time_s,
        "memory_bytes": _bytes(build.memory_mb),
        "allowed_bases": list(build.allowed_bases) if build.allowed_bases is not None else None,
        "image_map": dict(build.image_map) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes * MEBIBYTE


def _leaderboard(board: schema.Leaderboard) -> Leaderboard:
    columns: Sequence[schema.Column] = board.columns
    return Leaderboard(
        index=board.index,
        key=board.key,
        title=board.title,
        submission_rule=board.submission_rule,
        primary_index=board.primary_index,
        hidden=board.hidden,
        columns=[
            LeaderboardColumn(
                index=column.index,
                key=column.key,
                title=column.title,
                descending=column.sorting == "desc",
                precision=column.precision,
                hidden=column.hidden,
            )
            for column in columns
        ],
    )
