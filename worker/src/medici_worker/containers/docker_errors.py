"""What the SDK raises, turned into facts of ours."""

import contextlib
from collections.abc import Iterator

import requests
from docker.errors import APIError, DockerException

from medici_worker.containers.engine import EngineError

_NOT_STARTABLE = ("executable file not found", "no such file or directory", "permission denied", "exec format error")
_NOT_ENTERABLE = ("environment variable", "is not a directory", "chdir to cwd", "must be an absolute path")
"""What the engine says of an image's own environment or working directory."""
_NO_PLACE = ("not a directory", "is a directory", "file exists", "too many levels of symbolic links")
"""What it says beside `mount` and `rootfs` when an image has a file, or a link, where a folder is to be mounted."""


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


def is_images_fault(reason: str) -> bool:
    said = reason.lower()
    return any(words in said for words in _NOT_ENTERABLE) or (
        "exec" in said and any(words in said for words in _NOT_STARTABLE)
    )


def is_place_taken(reason: str) -> bool:
    said = reason.lower()
    return "mount" in said and "rootfs" in said and any(words in said for words in _NO_PLACE)
