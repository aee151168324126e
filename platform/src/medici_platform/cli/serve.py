"""`medici up` and `medici clock`."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from medici_platform import migrate
from medici_platform.app import create_app, make_context
from medici_platform.cli.output import CommandFailed, notes
from medici_platform.cli.settings import DataDir, local_settings
from medici_platform.clock import Clock
from medici_platform.context import Context
from medici_platform.observability import set_up_logging
from medici_platform.queues.models import DEFAULT_QUEUE
from medici_platform.queues.service import enroll_worker
from medici_platform.settings import Settings

WORKER_GRACE_S = 40
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_LIBC = ctypes.CDLL(None)


def up(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Serve without a worker of its own.")] = False,
) -> None:
    """Serve the platform: web, clock and one worker on the embedded defaults, until Ctrl-C."""
    url = f"http://{host}:{port}"
    public_url = os.environ.get("MEDICI_PUBLIC_URL") or url
    settings = local_settings(data_dir, embedded=True, public_url=public_url)
    _require_free(host, port)
    set_up_logging(settings)
    migrate.upgrade(settings.database, settings.migrations_dir)
    context = make_context(settings)
    worker = None if no_worker else LocalWorker(context, url)
    notes.print(f"MedICI serves at {url} (data in {settings.data_dir}); Ctrl-C ends it.")
    notes.print(f"Its people: medici admin create-user NAME --organizer --data-dir {settings.data_dir}")
    server = uvicorn.Server(
        uvicorn.Config(create_app(context=context), host=host, port=port, log_level="warning", ws="none", http="h11")
    )
    if worker:
        worker.start()
    _serve_until_signal(server, before_end=worker.stop if worker else None)


def _serve_until_signal(server: uvicorn.Server, *, before_end: Callable[[], None] | None) -> None:
    """The worker ends first, while the platform still answers: it reports its run, or gives it back to the queue."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    serving = threading.Thread(target=server.run, name="web")
    serving.start()
    while serving.is_alive() and not stopping.wait(0.5):
        pass
    notes.print("Ending.")
    if before_end:
        before_end()
    server.should_exit = True
    serving.join()


def clock(data_dir: DataDir = None) -> None:
    """Run the clock: it expires leases and sends lost hints again. Several may run; one works."""
    settings = local_settings(data_dir)
    set_up_logging(settings)
    migrate.require_current(settings.database, settings.migrations_dir)
    running = Clock(make_context(settings))

    def end(_signal: int, _frame: FrameType | None) -> None:
        running.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    running.run()


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class LocalWorker:
    """The embedded worker: a process of its own, started again whenever it ends."""

    def __init__(self, context: Context, url: str) -> None:
        self._environment = self._enroll(context, url)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name="worker-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        process = self._process
        if process and process.poll() is None:
            process.terminate()
            try:
                process.wait(WORKER_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(5)

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            try:
                self._process = self._begin()
                self._process.wait()
                said = "The worker has ended"
            except OSError as error:  # no memory, no files left to open: it passes
                said = f"The worker can't be started ({error})"
            if not self._stopping.wait(1):
                notes.print(f"{said}; starting it again.")

    def _begin(self) -> subprocess.Popen[bytes]:
        """A session of its own: Ctrl-C reaches this process, which then ends the worker in order. Should this process
        be killed, the kernel ends the worker: it would take hints that it can no longer claim.
        """
        return subprocess.Popen(
            [sys.executable, "-m", "medici_worker"],
            env=self._environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock, no allocation
        )

    @staticmethod
    def _enroll(context: Context, url: str) -> dict[str, str]:
        settings: Settings = context.settings
        with context.database.write() as session:
            credential = enroll_worker(session, name="local", queue=DEFAULT_QUEUE, now=context.now(), replace=True)
        state = Path(settings.data_dir).resolve() / "worker"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            **os.environ,
            "MEDICI_URL": url,
            "MEDICI_WORKER_CREDENTIAL": credential,
            "MEDICI_BROKER_URL": settings.broker,
            "MEDICI_WORKER_STATE_DIR": str(state),
        }


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandFailed(
                f"Port {port} on {host} cannot be used ({error.strerror}): choose another with --port."
            ) from error
