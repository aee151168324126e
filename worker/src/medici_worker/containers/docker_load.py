"""Loading a saved image over the engine's HTTP API."""

import json
import re
from collections.abc import Iterable
from typing import Any

import docker

from medici_worker.containers.docker_build import body
from medici_worker.containers.docker_errors import engine_errors
from medici_worker.containers.engine import EngineError, ImageBroken

_ID = re.compile(r"Loaded image ID: (sha256:[0-9a-f]{64})")
_NO_ROOM = "no space left"
_NAMED = re.compile(r"Loaded image: (\S+)")


def load(api: docker.APIClient, tar: Iterable[bytes]) -> str:
    raw: Any = api  # the SDK's own `load_image` does not tell an error from an end
    said = ""
    with engine_errors("load an image"):
        response = raw._post(raw._url("/images/load"), data=body(tar), stream=True)  # noqa: SLF001 - see above
        raw._raise_for_status(response)  # noqa: SLF001 - see above
        for line in response.iter_lines():
            event = json.loads(line) if line.strip() else {}
            if "error" in event:
                kind = EngineError if _NO_ROOM in event["error"] else ImageBroken
                raise kind(f"The container engine could not load an image: {event['error']}")
            said += event.get("stream", "")
    if named := _NAMED.search(said):
        raise EngineError(f"The saved image brought a name along: {named[1]}.")
    ids = _ID.findall(said)
    if len(ids) != 1:
        raise EngineError(f"The container engine loaded {len(ids)} images from an archive of one.")
    return str(ids[0])
