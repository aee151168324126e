"""Who a user that an image names is: read from the image's own list, of which nothing is believed but a number."""

import base64
import contextlib
import io
import json
import re
import tarfile
import time
import uuid
from typing import Any

import docker
from docker.errors import APIError, NotFound

from medici_worker.containers.engine import LABEL_BUILD, LABEL_UNTIL

MAX_BYTES = 1024**2
"""As large as a list of users can be: whoever made the image decides how large the file is."""
PROBE_S = 600
"""After that, the container is taken for one that was left behind."""
_NAME, _NUMBER = 0, 2
_STAT = "X-Docker-Container-Path-Stat"
_NO_FILE = 0o1 << 31 | 0o1 << 27
"""Folders and links, in the engine's own bits."""
_UID = re.compile(r"[0-9]{1,10}")


def user_id(api: docker.APIClient, image_id: str, user_name: str) -> int | None:
    """Read from a container that is created and never started. None: the image does not say it."""
    probe = f"medici-user-{uuid.uuid4().hex[:16]}"
    try:
        api.create_container(
            image_id,
            ["-"],
            name=probe,
            network_disabled=True,
            working_dir="/",
            host_config=api.create_host_config(mounts=_empty_volumes(api, image_id)),
            labels={LABEL_BUILD: "", LABEL_UNTIL: str(int(time.time() + PROBE_S))},
        )
        passwd = _single_file(api, probe, "/etc/passwd")
    except (APIError, tarfile.TarError):
        return None
    finally:
        with contextlib.suppress(NotFound):
            api.remove_container(probe, force=True, v=True)
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) > _NUMBER and fields[_NAME] == user_name and _UID.fullmatch(fields[_NUMBER]):
            return int(fields[_NUMBER])
    return None


def _empty_volumes(api: docker.APIClient, image_id: str) -> list[docker.types.Mount]:
    """For the places that the image declares as volumes: into those that it makes by itself, an engine copies all that
    the image has there.
    """
    declared = api.inspect_image(image_id)["Config"].get("Volumes") or {}  # type: ignore[no-untyped-call]
    return [docker.types.Mount(path, None, type="volume", no_copy=True) for path in declared]


def _single_file(api: docker.APIClient, container: str, path: str) -> str:
    """Empty when it is not there, no regular file, or too large: asked first, since an engine sends all or hangs."""
    raw: Any = api  # the SDK has no call for this one
    url = raw._url("/containers/{0}/archive", container)  # noqa: SLF001 - see above
    said = raw.head(url, params={"path": path}, timeout=raw.timeout).headers.get(_STAT)
    stat = json.loads(base64.b64decode(said)) if said else {}
    if stat.get("mode", _NO_FILE) & _NO_FILE or stat["size"] > MAX_BYTES:
        return ""
    stream, _ = api.get_archive(container, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        member = tar.next()
        file = tar.extractfile(member) if member is not None and member.isreg() else None
        return file.read().decode(errors="replace") if file is not None else ""
