"""The Celery side: a hint comes, a run is claimed. Nothing else travels through the broker."""

import logging
import sys
import threading
import warnings
from typing import Any

import structlog
from celery import Celery, signals
from celery.exceptions import Reject
from celery.platforms import SecurityWarning
from celery.worker.request import Request

from medici_worker.hints import Taken
from medici_worker.protocol import PROTOCOL_VERSION
from medici_worker.protocol.broker import RUN_JOB, broker_settings, queue_name
from medici_worker.settings import WorkerSettings
from medici_worker.worker import WorkerProcess, greet, worker_process

_log = structlog.get_logger("medici.worker")


def serve(settings: WorkerSettings) -> None:
    """Be a worker until SIGTERM or Ctrl-C."""
    configure_logging(settings.log_level)
    with worker_process(settings) as process:
        welcome = greet(process)
        _log.info("welcome", worker=welcome.name, queue=welcome.queue, slots=settings.slots)
        process.prewarm()
        threading.Thread(target=process.keep_in_touch, name="hello", daemon=True).start()
        queues = [welcome.queue]
        if process.has_gpus:
            queues.append(queue_name(welcome.queue, gpus=1))
        consume(celery_app(settings.broker_url, process), process, queues)


class HintRequest(Request):  # type: ignore[misc]
    """A hint that can't be acknowledged, because its broker has gone, ends the connection, and the next one is new.

    Celery would log that and go on, with a channel that has no room for another hint: the worker would wait forever.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "connection_errors": ()})


def celery_app(broker_url: str, process: WorkerProcess) -> Celery:
    app = Celery("medici-worker", set_as_current=False)
    app.conf.update(broker_settings(broker_url))
    app.conf.update(
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )

    @app.task(name=RUN_JOB, Request=HintRequest)  # type: ignore[untyped-decorator]
    def run(protocol: int, run_id: int) -> None:
        if protocol != PROTOCOL_VERSION:
            _log.error("hint_of_another_version", run_id=run_id, protocol=protocol, ours=PROTOCOL_VERSION)
            return
        if process.take_run(run_id) is Taken.NOT_TRIED:
            raise Reject("This worker is shutting down.", requeue=True)

    return app


def consume(app: Celery, process: WorkerProcess, queues: list[str]) -> None:
    """Celery's own worker loop: threads, one per slot; a warm shutdown on SIGTERM and SIGINT."""

    def stop(**_: Any) -> None:
        process.stop()

    signals.setup_logging.connect(_keep_our_logging)
    signals.worker_shutting_down.connect(stop)
    with warnings.catch_warnings():
        # Only JSON is accepted, so what this warns of (pickle as root) can't happen.
        warnings.simplefilter("ignore", SecurityWarning)
        worker = app.Worker(
            hostname=f"medici@{process.name}",
            pool="threads",
            concurrency=process.settings.slots,
            queues=queues,
            loglevel=logging.WARNING,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        worker.start()


def configure_logging(level: str) -> None:
    """One line per event on stderr; libraries speak from WARNING on."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("celery.app.trace").setLevel(logging.ERROR)  # a hint left to the next worker is no trouble
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def _keep_our_logging(**_: Any) -> None:
    """A receiver of this signal keeps Celery from configuring logging itself."""
