"""Records as their readers see them: the organizers' copy, or what a participant may know."""

import json
from collections.abc import Callable, Sequence
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.challenges.rules import ScoreFilter
from medici_platform.errors import NotAllowed, NotFound
from medici_platform.runs.comparing import Comparison, Difference
from medici_platform.runs.models import Run, RunRecord, SigningKey
from medici_platform.runs.record_format import Copy, Record
from medici_platform.runs.records import record_in, with_the_one_before
from medici_platform.runs.schemas import ComparisonOut, DifferenceOut, RecordOut, SigningKeyOut, SigningKeysOut


def records_for(
    session: Session, runs: Sequence[Run], shown: ScoreFilter, *, latest: bool = False
) -> dict[int, list[RecordOut]]:
    """Run id → its records, the latest attempt first; or the latest one alone."""
    rows = session.scalars(
        select(RunRecord)
        .where(RunRecord.run_id.in_([run.id for run in runs]))
        .order_by(RunRecord.run_id, RunRecord.attempt.desc())
    )
    by_id = {run.id: run for run in runs}
    by_run: Callable[[RunRecord], int] = lambda row: row.run_id  # noqa: E731 - groupby's key
    return {
        run_id: _of_run(by_id[run_id], list(group), shown, latest=latest) for run_id, group in groupby(rows, key=by_run)
    }


def document_for(
    session: Session, run: Run, shown: ScoreFilter, *, attempt: int | None, copy: Copy | None
) -> tuple[RunRecord, str]:
    """The row, and the copy of it that is downloaded. `copy` None: the one that is made for this reader."""
    if copy == "organizers" and not shown.organizes:
        raise NotAllowed("The organizers' copy of a record is for the challenge's organizers alone.")
    chosen = select(RunRecord).where(RunRecord.run_id == run.id)
    if attempt is not None:
        chosen = chosen.where(RunRecord.attempt == attempt)
    row = session.scalar(chosen.order_by(RunRecord.attempt.desc()).limit(1))
    if row is None:
        which = "This run" if attempt is None else f"Attempt {attempt} of this run"
        raise NotFound(f"{which} has no record: one is made when an attempt is scored or has failed.")
    if shown.organizes:
        return row, row.document if copy == "participant" else row.organizers_document
    record = record_in(row.document)
    if _as_visible(record, run, shown) != record:
        raise NotAllowed("This record holds a number that has been hidden since: ask the organizers about it.")
    return row, row.document


def keys_in_use(session: Session) -> SigningKeysOut:
    rows = session.scalars(select(SigningKey).order_by(SigningKey.first_used_at, SigningKey.key_id))
    return SigningKeysOut(
        keys=[
            SigningKeyOut(key_id=row.key_id, public_key=row.public_key, first_used_at=row.first_used_at) for row in rows
        ]
    )


def _of_run(run: Run, rows: Sequence[RunRecord], shown: ScoreFilter, *, latest: bool) -> list[RecordOut]:
    whole = [_as_visible(record_in(row.organizers_document), run, shown) for row in rows]
    return [
        _present(run, row, with_the_one_before(whole[place], whole[place + 1 :], organizes=shown.organizes), shown)
        for place, row in enumerate(rows[:1] if latest else rows)
    ]


def _as_visible(record: Record, run: Run, shown: ScoreFilter) -> Record:
    """By what is hidden now: a column may have been hidden, or opened, since."""
    scores = shown.visible(record.scores, hidden_phase=run.submission.phase.hidden)
    return record.model_copy(update={"scores": scores})


def _present(run: Run, row: RunRecord, comparison: Comparison | None, shown: ScoreFilter) -> RecordOut:
    document = row.organizers_document if shown.organizes else row.document
    return RecordOut(
        run=run.id,
        attempt=row.attempt,
        task=run.task.name,
        created_at=shown.moment(row.created_at, hidden_phase=run.submission.phase.hidden) or row.created_at,
        key_id=json.loads(document)["key_id"],
        comparison=_compared(comparison) if comparison else None,
        content=_as_visible(record_in(document), run, shown),
    )


def _compared(comparison: Comparison) -> ComparisonOut:
    return ComparisonOut(
        attempt_before=comparison.attempt_before,
        reproduced=comparison.reproduced,
        sentence=comparison.sentence,
        results=_told(comparison.results),
        material=_told(comparison.material),
        surroundings=_told(comparison.surroundings),
    )


def _told(differences: Sequence[Difference]) -> list[DifferenceOut]:
    return [DifferenceOut(what=each.what, before=each.before, now=each.now, text=str(each)) for each in differences]
