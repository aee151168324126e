"""A challenge as a bundle, with or without what participants handed in."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.accounts.access import SignedIn
from medici_platform.challenges.exporting import Export, export_challenge
from medici_platform.challenges.models import Challenge
from medici_platform.challenges.queries import get_challenge
from medici_platform.challenges.service import require_organizer_of
from medici_platform.presentation.formats import inert_cell
from medici_platform.storage import Storage
from medici_platform.submissions.models import Submission
from medici_platform.web import CurrentContext, CurrentSession

router = APIRouter(prefix="/api/v1/challenges/{slug}", tags=["challenges"])

FOLDER = "submissions"
FACTS = ("id", "participant", "phase", "kind", "state", "submitted_at", "is_late", "failure", "file", "sha256")


@router.get("/export", response_class=StreamingResponse)
def export(
    slug: str,
    user: SignedIn,
    context: CurrentContext,
    session: CurrentSession,
    submissions: Annotated[bool, Query(description="With all submissions, as files and as a table.")] = False,
) -> StreamingResponse:
    """The challenge as a bundle, a zip that any import takes (organizers)."""
    challenge = get_challenge(session, slug, user)
    require_organizer_of(challenge, user)
    made = export_challenge(session, challenge, context.storage)
    if submissions:
        _add_submissions(session, challenge, context.storage, made)
    return StreamingResponse(
        made.stream(),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{challenge.slug}.zip"'},
    )


def _add_submissions(session: Session, challenge: Challenge, storage: Storage, made: Export) -> None:
    rows = session.scalars(
        select(Submission).where(Submission.challenge_id == challenge.id).order_by(Submission.id)
    ).all()
    made.add_bytes(f"{FOLDER}/submissions.csv", submissions_csv(rows).encode())
    for row in rows:
        made.add_file(f"{FOLDER}/{_file_name(row)}", storage.path(row.sha256))


def submissions_csv(rows: Sequence[Submission]) -> str:
    """One line a submission, in the order in which they came, with every score that any of them has."""
    keys = sorted({key for row in rows for key in row.scores})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*FACTS, *(inert_cell(key) for key in keys)])
    for row in rows:
        facts = [
            row.id,
            inert_cell(row.username),
            inert_cell(row.phase.name),
            row.kind,
            row.state.value,
            row.submitted_at.isoformat(),
            row.is_late,
            row.failure or "",
            _file_name(row),
            row.sha256,
        ]
        table.writerow([*facts, *(repr(row.scores[key]) if key in row.scores else "" for key in keys)])
    return text.getvalue()


def _file_name(row: Submission) -> str:
    return f"{row.id}-{re.sub(r'[^A-Za-z0-9._-]', '_', row.filename)[-100:]}"
