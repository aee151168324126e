"""What the SDK raises, turned into facts of ours."""

import contextlib
from collections.abc import Iterator

import requests
from docker.errors import APIError, DockerException

from medici_worker.containers.engine import EngineError


@contextlib.contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Everything that the SDK may raise becomes an `EngineError` that names what was tried."""
    try:
        yield
    except (DockerException, requests.RequestException, OSError) as error:
        raise EngineError(f"The container engine could not {action}: {explanation(error)}") from error


def explanation(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    return str(error)
