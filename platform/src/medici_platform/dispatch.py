"""Hints to the workers, sent after the commit. What is lost here, the clock sends again."""

from dataclasses import dataclass
from typing import Protocol

import structlog
from celery import Celery
from sqlalchemy import event
from sqlalchemy.orm import Session

from medici_worker.protocol import PROTOCOL_VERSION
from medici_worker.protocol.broker import RUN_JOB, broker_settings, queue_name

log = structlog.get_logger()

ANSWER_TIMEOUT_S = 5


@dataclass(frozen=True)
class Hint:
    run_id: int
    queue: str
    gpus: int


class Dispatcher(Protocol):
    """Two lives: Celery's producer, and the tests' list."""

    def send(self, hint: Hint) -> None: ...


class CeleryDispatcher:
    def __init__(self, broker_url: str) -> None:
        self._celery = Celery("medici", set_as_current=False)
        settings = broker_settings(broker_url)
        if "broker_transport" not in settings:  # a broker that is silent keeps nobody's upload waiting for long
            settings["broker_transport_options"]["socket_timeout"] = ANSWER_TIMEOUT_S
        self._celery.conf.update(settings)

    def send(self, hint: Hint) -> None:
        self._celery.send_task(
            RUN_JOB,
            args=[PROTOCOL_VERSION, hint.run_id],
            queue=queue_name(hint.queue, gpus=hint.gpus),
            retry=False,
        )


def send_after_commit(session: Session, dispatcher: Dispatcher, hint: Hint) -> None:
    """Nothing is sent when the transaction fails; a broker that is away costs a delay, never the submission."""

    def send(_session: Session) -> None:
        try:
            dispatcher.send(hint)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the database has the run
            log.warning("hint_not_sent", run_id=hint.run_id, error=str(error))

    event.listen(session, "after_commit", send, once=True)
