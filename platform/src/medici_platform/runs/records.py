"""Records: made and signed when an attempt has ended, in the same transaction, and compared with the one before."""

import json
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from medici_platform.challenges.queries import score_filter
from medici_platform.context import Context
from medici_platform.runs.comparing import Comparison, compare, is_comparable
from medici_platform.runs.models import Run, RunRecord, SigningKey
from medici_platform.runs.record_facts import facts_of
from medici_platform.runs.record_format import Record, for_participant
from medici_platform.signing import Signer, identity_of, signer_of
from medici_platform.states import State
from medici_worker.protocol import Report


def keep(
    session: Session, context: Context, run: Run, scores: dict[str, float], report: Report | None
) -> Comparison | None:
    """Returns how it compares with the attempt before. Called last: the key's row is locked after all others.

    `report`: None when its worker was lost. What was cancelled has no record.
    """
    if run.state not in (State.FINISHED, State.FAILED):
        return None
    record = facts_of(context.settings, run, scores, report)
    comparison = with_the_one_before(record, _before(session, run), organizes=True)
    signer = signer_of(context.settings.secret_key)
    _publish(session, context, signer)
    session.add(
        RunRecord(
            run_id=run.id,
            attempt=run.attempt,
            created_at=context.now(),
            document=signer.sign(_participants_copy(session, context, run, record).model_dump(mode="json")),
            organizers_document=signer.sign(record.model_dump(mode="json")),
            differs=None if comparison is None or comparison.reproduced is None else not comparison.reproduced,
        )
    )
    session.flush()
    return comparison


def with_the_one_before(record: Record, earlier: Iterable[Record], *, organizes: bool) -> Comparison | None:
    """`earlier`: the organizers' copies of the run's earlier attempts, the latest first."""
    before = next((each for each in earlier if is_comparable(each)), None)
    return compare(before, record, organizes=organizes) if before is not None else None


def _before(session: Session, run: Run) -> Iterable[Record]:
    rows = session.scalars(select(RunRecord).where(RunRecord.run_id == run.id).order_by(RunRecord.attempt.desc()))
    return (record_in(row.organizers_document) for row in rows)


def record_in(document: str) -> Record:
    """Of our own database."""
    return Record.model_validate(json.loads(document)["record"])


def _participants_copy(session: Session, context: Context, run: Run, record: Record) -> Record:
    phase, secret_key = run.submission.phase, context.settings.secret_key
    shown = score_filter(session, phase.challenge, organizes=False)
    return for_participant(
        record,
        scores=shown.visible(record.scores, hidden_phase=phase.hidden),
        exact=not phase.hidden,
        identity=lambda name, sha256: identity_of(secret_key, f"{phase.challenge_id} {name}", sha256),
    )


def _publish(session: Session, context: Context, signer: Signer) -> None:
    """Several processes may be the first to use a key at the same time."""
    if session.get(SigningKey, signer.key_id) is not None:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"key_id": signer.key_id, "public_key": signer.public_key, "first_used_at": context.now()}
    session.execute(dialect.insert(SigningKey).values(row).on_conflict_do_nothing())
