"""A sweep on Celery workers: messages carry cells, results lie in the sweep's folder, which all of them share.

Install Celery where it is missing: `pip install "celery[redis]"`. The embedded broker `folder:///PATH`, for one
machine, is MedICI's own and needs its environment (`make setup`).

A message is a hint. Workers compute only what has no result and what nobody else is at; what was handed out and is
then neither done, nor being computed, nor waiting, is handed out once more, and after that left to the next `run`.
"""

import logging
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prototyping import run_cell

from medici_training.benchmark.configuration import Config, make_config
from medici_training.benchmark.ledger import Ledger
from medici_training.benchmark.sweep import Progress, compute

JOB = "medmnist_plus.cell"
QUEUE = "medmnist_plus"
LOOK_S = 0.5
QUIET_LOOKS = 4
"""So often in a row nothing waits and nothing is computed before what is left counts as lost."""
VISIBILITY_S = 7 * 24 * 3600
"""Redis hands a message out again after so long; longer than any cell takes."""


def serve(broker: str, places: Mapping[str, str]) -> None:
    """Be a worker until SIGTERM or Ctrl-C; a cell that is being computed is finished first."""
    app = application(broker, places)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # only JSON is accepted: what Celery says of root and pickle can't happen
        worker = app.Worker(
            pool="solo", queues=[QUEUE], loglevel=logging.WARNING, without_gossip=True, without_mingle=True, quiet=True
        )
        print(f"Waiting for cells from {broker}; Ctrl-C ends.", flush=True)
        worker.start()
    sys.exit(worker.exitcode)


def hand_out(broker: str, configs: Sequence[Config], ledger: Ledger, *, keep: bool) -> None:
    """Send all cells to the workers, and wait until each has a result, telling progress."""
    app = application(broker, {})
    progress = Progress(configs, ledger)
    waiting = {config.stem: config for config in configs}
    _send(app, waiting.values(), keep=keep)
    is_last, quiet = False, 0
    while waiting:
        time.sleep(LOOK_S)
        ended = [config for config in waiting.values() if ledger.path(config).is_file()]
        for config in ended:
            del waiting[config.stem]
            if (result := ledger.result(config)) is not None:
                progress.tell(config, result)
        sys.stdout.flush()
        quiet = 0 if ended or _messages(app) or _any_computed(waiting.values(), ledger) else quiet + 1
        if waiting and quiet >= QUIET_LOOKS:
            if is_last:
                return
            print(f"{len(waiting)} cells were lost with their workers: handing them out once more.", flush=True)
            _send(app, waiting.values(), keep=keep)
            is_last, quiet = True, 0


def application(broker: str, places: Mapping[str, str]) -> Any:
    """Celery with the one job. Raises ValueError with one sentence where Celery or the broker's code is missing."""
    try:
        from celery import Celery  # noqa: PLC0415  sweeps on one machine do without it
    except ImportError:
        raise ValueError('A broker needs Celery: `pip install "celery[redis]"`, or leave --broker out.') from None
    app = Celery("medmnist-plus", set_as_current=False)
    app.conf.update(_settings(broker))
    app.conf.update(
        task_default_queue=QUEUE,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )

    @app.task(name=JOB)
    def cell(values: dict[str, Any], keep: bool) -> None:  # noqa: FBT001  Celery's arguments are positional
        config = make_config({**values, **places}, where="A sweep's message")
        ledger = Ledger(config.output_path)
        result = compute(config, ledger, lambda one: run_cell(one, say=lambda _: None, keep=keep))
        state = "another process is at it" if result is None else result.error or f"ACC {result.acc:.4f}"
        print(f"{config.stem}: {state}", flush=True)

    return app


def _settings(broker: str) -> dict[str, Any]:
    if broker.startswith("folder://"):
        try:
            from medici_worker.protocol.broker import broker_settings  # noqa: PLC0415  MedICI's environment has it
        except ImportError:
            raise ValueError("folder:// needs MedICI's own environment (`make setup`); use redis:// here.") from None
        return broker_settings(f"folder://{Path(broker.removeprefix('folder://')).absolute()}")
    return {
        "broker_url": broker,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {"visibility_timeout": VISIBILITY_S},
    }


def _send(app: Any, configs: Any, *, keep: bool) -> None:
    for config in configs:
        app.send_task(JOB, args=(config.values(), keep), queue=QUEUE)


def _messages(app: Any) -> int:
    """How many cells wait in the queue."""
    with app.connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(QUEUE, passive=False).message_count)


def _any_computed(configs: Any, ledger: Ledger) -> bool:
    """Whether some process holds one of the cells."""
    for config in configs:
        with ledger.claimed(config) as is_free:
            if not is_free:
                return True
    return False
