"""Files that are not its own: the root, the test set, the answers, other runs, the engine."""

import contextlib
import os
import socket

from .attempts import ATTEMPTS, attempt, stopped


def _written(path: str) -> str:
    with open(path, "a"):
        return f"{path} opened"


for _path in ("/spoilt", "/etc/passwd", "/usr/bin/spoilt", "/dev/spoilt"):
    ATTEMPTS[f"write {_path}"] = lambda path=_path: _written(path)  # type: ignore[misc]


@attempt("write to the test set")
def write_input() -> str:
    return _written("/mnt/in/spoilt")


@attempt("change a file of the test set")
def change_input() -> str:
    return _written("/mnt/in/case.txt")


@attempt("delete from the test set")
def delete_input() -> str:
    os.rename("/mnt/in/case.txt", "/mnt/in/gone.txt")
    os.rename("/mnt/in/gone.txt", "/mnt/in/case.txt")
    return "could be moved"


@attempt("read the reference data")
def reference() -> str:
    return f"{os.listdir('/app/input/ref')}"


@attempt("read other runs' files")
def other_runs() -> str:
    for place in ("/bench", "/data", "/app/input/res", "/var/lib/docker/volumes"):
        with contextlib.suppress(OSError):
            return f"{place}: {os.listdir(place)[:3]}"
    raise stopped("nothing there")


@attempt("call the container engine")
def engine_socket() -> str:
    for place in (
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
    ):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(place)
            return f"{place} answers"
    raise stopped("no socket")
