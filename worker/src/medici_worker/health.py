"""`python -m medici_worker.health`: whether the worker of this state folder lives and reaches its platform."""

import sys
import urllib.error
import urllib.request

from medici_worker.locks import FileLock
from medici_worker.settings import WorkerSettings

TIMEOUT_S = 5


def fault(settings: WorkerSettings) -> str | None:
    """One sentence, or None when all is well."""
    lock = FileLock(settings.state_dir / "worker.lock")
    if lock.try_take():
        lock.free()
        return f"No worker is at work on {settings.state_dir}."
    try:
        urllib.request.urlopen(f"{settings.url.rstrip('/')}/healthz", timeout=TIMEOUT_S).close()  # noqa: S310 - our setting
    except (OSError, urllib.error.URLError) as error:
        return f"The platform at {settings.url} does not answer: {error}."
    return None


if __name__ == "__main__":
    sys.exit(fault(WorkerSettings()))
