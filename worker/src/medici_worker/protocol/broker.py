"""The hint that travels through the broker: protocol version and run id, nothing else."""

import json
import os
import uuid
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any

from kombu.transport import filesystem

RUN_JOB = "medici.run"
"""Celery's name of the one job: `medici.run(protocol, run_id)`."""


CONNECT_TIMEOUT_S = 5
"""Of a broker whose machine is silent: an upload is answered all the same, and the clock sends the hint again."""
POLLING_S = 0.02
"""How often a worker looks into the embedded broker's folder: the longest that a hint waits there."""


def queue_name(queue: str, *, gpus: int) -> str:
    """Runs that need GPUs travel apart, so that a worker without one never takes their hints."""
    return f"{queue}.gpu" if gpus else queue


class Channel(filesystem.Channel):
    """The parent's `_put` can be read half written, and its `_get` leaves what it reads to everybody's /tmp."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        """Write under a temporary name and rename: a consumer never reads half a message."""
        folder = Path(self.data_folder_out)
        name = f"{monotonic_ns():020}_{uuid.uuid4()}.{queue}.msg"
        draft = folder / f".{name}.draft"
        try:
            draft.write_bytes(json.dumps(payload, default=str).encode())
            draft.replace(folder / name)
        finally:
            draft.unlink(missing_ok=True)

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002 - the parent's signature
        """The oldest message, taken by a rename: exactly one consumer gets it. One that can't be read is dropped."""
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names alone, fifty times a second
            if name.startswith(".") or name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.taken"
            try:
                (folder / name).rename(taken)
                content = taken.read_bytes()
                taken.unlink()
                return json.loads(content)
            except (OSError, ValueError):
                continue
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel


def broker_settings(broker_url: str) -> dict[str, Any]:
    """Celery settings for `redis://…`, or for `folder:///path`: the embedded broker."""
    common: dict[str, Any] = {
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "task_create_missing_queues": True,
    }
    if not broker_url.startswith("folder://"):
        # Redelivery of a hint is harmless, but one that comes before the longest run has ended is noise.
        options = {"visibility_timeout": 24 * 3600, "socket_connect_timeout": CONNECT_TIMEOUT_S}
        return {**common, "broker_url": broker_url, "broker_transport_options": options}
    folder = Path(broker_url.removeprefix("folder://"))
    for name in ("messages", "control"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder, 0o700)  # noqa: PTH101 - Path.chmod follows the same call
    return {
        **common,
        "broker_url": "filesystem://localhost",
        "broker_transport": f"{__name__}:Transport",
        "broker_transport_options": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "polling_interval": POLLING_S,
        },
    }
