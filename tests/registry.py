"""A container registry on this machine's loopback, as small as can be: it serves images, by tag and by digest.

Docker asks registries on 127.0.0.1 without TLS, so pulling is tried for real where no other registry can be reached.
"""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import docker

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass
class Registry:
    """Names → what is served. `asked` are the paths of all requests."""

    port: int
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tells_sizes: bool = True
    """How long an answer is; else its end tells."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def serve(self, client: docker.DockerClient, image: str, name: str, tag: str = "latest") -> str:
        """Offer an image of this machine's engine as `name:tag`; returns its reference with digest."""
        with tarfile.open(fileobj=io.BytesIO(b"".join(client.images.get(image).save()))) as saved:
            listing = json.loads(_member(saved, "manifest.json"))[0]
            config = _member(saved, listing["Config"])
            layers = [gzip.compress(_member(saved, layer), compresslevel=1, mtime=0) for layer in listing["Layers"]]
        return self.offer(config, layers, name, tag)

    def offer(self, config: bytes, layers: list[bytes], name: str, tag: str = "latest") -> str:
        """The same of an image's own parts; the layers are packed."""
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._keep(config, CONFIG),
                "layers": [self._keep(layer, LAYER) for layer in layers],
            }
        ).encode()
        digest = _digest(manifest)
        self.manifests[name, tag] = self.manifests[name, digest] = manifest
        return f"{self.address}/{name}@{digest}"

    def _keep(self, content: bytes, media_type: str) -> dict[str, Any]:
        self.blobs[_digest(content)] = content
        return {"mediaType": media_type, "size": len(content), "digest": _digest(content)}

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Media type and content of a path below /v2/."""
        name, _, rest = path.removeprefix("/v2/").rpartition("/")
        if path == "/v2/":
            return "application/json", b"{}"
        kind = name.rpartition("/")[2]
        name = name.rpartition("/")[0]
        if kind == "manifests" and (name, rest) in self.manifests:
            return MANIFEST, self.manifests[name, rest]
        if kind == "blobs" and rest in self.blobs:
            return "application/octet-stream", self.blobs[rest]
        return None


@contextmanager
def registry() -> Iterator[Registry]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.registry = Registry(server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.registry  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        held: Registry = self.server.registry  # type: ignore[attr-defined]
        held.asked.append(self.path)
        found = held.answer(self.path)
        media_type, content = found or ("application/json", b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", media_type)
        if held.tells_sizes or "/blobs/" not in self.path:
            self.send_header("Content-Length", str(len(content)))
        else:
            self.send_header("Connection", "close")
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Docker-Content-Digest", _digest(content))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silent."""


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.getmember(name)
    target = archive.extractfile(member)
    assert target is not None
    return target.read()
