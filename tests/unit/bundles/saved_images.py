"""Saved images written byte by byte, so that they can lie."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def layer(files: dict[str, bytes]) -> bytes:
    return tar([file(name, content) for name, content in files.items()])


def file(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


def tar(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for info, content in members:
            packed.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def config(layers: list[bytes], **said: Any) -> bytes:
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"User": "1000", "Cmd": ["run"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(one)}" for one in layers]},
            **said,
        }
    ).encode()


LAYERS = [layer({"a": b"1"}), layer({"b": b"2"})]
CONFIG = config(LAYERS)


def legacy(layers: list[bytes] = LAYERS, config: bytes = CONFIG, **manifest: Any) -> dict[str, bytes]:
    """The members that Docker before version 25 writes."""
    names = [f"{number:064x}/layer.tar" for number in range(len(layers))]
    said = {"Config": f"{sha256(config)}.json", "RepoTags": ["medici/python:latest"], "Layers": names, **manifest}
    files = {f"{sha256(config)}.json": config, **dict(zip(names, layers, strict=True))}
    return {**files, "manifest.json": json.dumps([said]).encode(), "repositories": b'{"medici/python":{"latest":"x"}}'}


def oci(layers: list[bytes] = LAYERS, config: bytes = CONFIG, *, compressed: bool = False) -> dict[str, bytes]:
    """An OCI layout, without Docker's manifest.json."""
    blobs = [gzip.compress(one) if compressed else one for one in layers]
    manifest = json.dumps({"config": _blob(config), "layers": [_blob(one) for one in blobs]}).encode()
    files = {f"blobs/sha256/{sha256(one)}": one for one in [*blobs, config, manifest]}
    index = {"manifests": [{**_blob(manifest), "mediaType": "application/vnd.oci.image.manifest.v1+json"}]}
    return {"oci-layout": b"{}", "index.json": json.dumps(index).encode(), **files}


def with_docker_manifest(files: dict[str, bytes], config: bytes = CONFIG) -> dict[str, bytes]:
    """What Docker 25 and newer add to an OCI layout."""
    manifest = json.loads(next(json.dumps(json.loads(one)) for one in files.values() if b'"layers": [{"digest"' in one))
    said = {
        "Config": f"blobs/sha256/{sha256(config)}",
        "RepoTags": None,
        "Layers": [f"blobs/sha256/{one['digest'][7:]}" for one in manifest["layers"]],
    }
    return {**files, "manifest.json": json.dumps([said]).encode()}


def saved_image(folder: Path, files: dict[str, bytes], *others: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = folder / "image.tar"
    path.write_bytes(tar([*(file(name, content) for name, content in files.items()), *others]))
    return path


def _blob(content: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{sha256(content)}", "size": len(content)}
