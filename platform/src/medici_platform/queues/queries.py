from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.queues.models import DEFAULT_QUEUE, Queue, Worker


def worker_by_credential(session: Session, credential_hash: str) -> Worker | None:
    return session.scalar(select(Worker).where(Worker.credential_hash == credential_hash, Worker.revoked_at.is_(None)))


def workers(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).where(Worker.revoked_at.is_(None)).order_by(Worker.name)).all()


def queue_by_name(session: Session, name: str = DEFAULT_QUEUE) -> Queue | None:
    return session.scalar(select(Queue).where(Queue.name == name))
