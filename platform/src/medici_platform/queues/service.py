import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from medici_platform.errors import Conflict, InvalidRequest, NotFound
from medici_platform.queues import queries
from medici_platform.queues.models import DEFAULT_QUEUE, Queue, Worker
from medici_platform.security import hash_token, new_token
from medici_worker.protocol import WorkerHello

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,38}")
MIN_CREDENTIAL = 32


def get_queue(session: Session, name: str = DEFAULT_QUEUE) -> Queue:
    """Made on first use."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is not a queue's name: use lower-case letters, digits, _ and -.")
    queue = queries.queue_by_name(session, name)
    if queue is None:
        queue = Queue(name=name)
        session.add(queue)
        session.flush()
    return queue


def enroll_worker(session: Session, *, name: str, queue: str, now: datetime, replace: bool = False) -> str:
    """The worker's credential, shown once. `replace` gives an enrolled worker a new credential; the old one ends."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name):
        raise InvalidRequest(f"{name!r} is not a worker's name: use letters, digits, . _ and -.")
    worker = session.scalar(select(Worker).where(Worker.name == name))
    if worker is not None and worker.revoked_at is None and not replace:
        raise Conflict(f"A worker named {name!r} is enrolled: revoke it first, or choose another name.")
    credential = new_token("worker")
    queue_id = get_queue(session, queue).id
    if worker is None:
        worker = Worker(name=name, enrolled_at=now, gpus=[])
        session.add(worker)
    worker.queue_id = queue_id
    worker.credential_hash = hash_token(credential)
    worker.enrolled_at = now
    worker.revoked_at = None
    session.flush()
    return credential


def enroll_worker_with(session: Session, credential: str, *, name: str, queue: str, now: datetime) -> None:
    """Enrol a worker whose credential its operator has made. Nothing changes when it has it: a revoked one stays so."""
    if len(credential) < MIN_CREDENTIAL:
        raise InvalidRequest(f"A worker's credential must have {MIN_CREDENTIAL} characters or more.")
    holder = session.scalar(select(Worker).where(Worker.credential_hash == hash_token(credential)))
    if holder is not None and holder.name != name:
        raise Conflict(f"The worker {holder.name!r} has this credential: each needs one of its own.")
    if holder is None:
        enroll_worker(session, name=name, queue=queue, now=now, replace=True)
        worker = session.scalars(select(Worker).where(Worker.name == name)).one()
        worker.credential_hash = hash_token(credential)


def revoke_worker(session: Session, name: str, *, now: datetime) -> None:
    worker = session.scalar(select(Worker).where(Worker.name == name, Worker.revoked_at.is_(None)))
    if worker is None:
        raise NotFound(f"No worker named {name!r} is enrolled.")
    worker.revoked_at = now


def note_hello(worker: Worker, hello: WorkerHello, *, now: datetime) -> bool:
    """Whether it can take runs again that it could not take before."""
    is_back = worker.is_low_on_disk and not hello.is_low_on_disk
    worker.hostname = hello.hostname[:255]
    worker.version = hello.version[:40]
    worker.slots = hello.slots
    worker.gpus = list(hello.gpus)
    worker.is_low_on_disk = hello.is_low_on_disk
    worker.engine = dict(hello.engine)
    worker.is_engine_away = hello.is_engine_away
    worker.seen_at = now
    return is_back
