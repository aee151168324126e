"""Who a user that an image names is: read from the image's own list, of which nothing is believed but a number."""

import base64
import io
import json
import re
import tarfile
from typing import Any

import docker
from docker.errors import APIError

from medici_worker.containers.engine import LABEL_BUILD

MAX_BYTES = 1024**2
"""As large as a list of users can be: whoever made the image decides how large the file is."""
_NAME, _NUMBER = 0, 2
_STAT = "X-Docker-Container-Path-Stat"
_NO_FILE = 0o1 << 31 | 0o1 << 27
"""Folders and links, in the engine's own bits."""
_UID = re.compile(r"[0-9]{1,10}")


def user_id(api: docker.APIClient, image_id: str, user_name: str) -> int | None:
    """Read from a container that is created and never started. None: the image does not say it."""
    probe = api.create_container(image_id, ["-"], network_disabled=True, working_dir="/", labels={LABEL_BUILD: ""})[
        "Id"
    ]
    try:
        passwd = _single_file(api, probe, "/etc/passwd")
    except (APIError, tarfile.TarError):
        return None
    finally:
        api.remove_container(probe, force=True, v=True)
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) > _NUMBER and fields[_NAME] == user_name and _UID.fullmatch(fields[_NUMBER]):
            return int(fields[_NUMBER])
    return None


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
