"""Uploads stream: from the socket to a draft on the storage's disk, hashed and counted on the way."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from streaming_form_data import StreamingFormDataParser
from streaming_form_data.parser import ParseFailedException
from streaming_form_data.targets import BaseTarget, ValueTarget
from streaming_form_data.validators import MaxSizeValidator, ValidationError

from medici_platform.errors import InvalidRequest, TooLarge
from medici_platform.storage import Reception, Storage, StoredFile

FIELD_LIMIT_BYTES = 64 * 1024
MULTIPART_OVERHEAD_BYTES = 1024**2
MAX_PARTS = 100
MAX_AROUND_BYTES = 32 * 1024
"""Heads of parts, and what belongs to no field: the parser keeps a head until it has all of it."""
_MULTIPART = re.compile(r"""multipart/form-data\s*;\s*boundary="?([0-9A-Za-z'()+_,./:=?-]{1,70})"?""", re.IGNORECASE)
"""With RFC 2046's characters of a boundary, but for the blank."""


class _FileTarget(BaseTarget):  # type: ignore[misc]
    def __init__(self, reception: Reception) -> None:
        super().__init__()
        self.reception = reception

    @property
    def received_bytes(self) -> int:
        return self.reception.size_bytes

    def on_data_received(self, chunk: bytes) -> None:
        self.reception.write(chunk)


class _FieldTarget(ValueTarget):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(validator=MaxSizeValidator(FIELD_LIMIT_BYTES))
        self.received_bytes = 0

    def on_data_received(self, chunk: bytes) -> None:
        super().on_data_received(chunk)
        self.received_bytes += len(chunk)


@dataclass(frozen=True)
class ReceivedForm:
    filename: str
    file: StoredFile
    reception: Reception
    fields: dict[str, str]


@asynccontextmanager
async def receive_form(
    request: Request,
    storage: Storage,
    *,
    file_field: str,
    fields: tuple[str, ...] = (),
    text_field: str | None = None,
    limit_bytes: int,
) -> AsyncIterator[ReceivedForm]:
    """The multipart form with one file. Nothing of it is left behind unless the caller keeps the file.

    `text_field`: one of the fields, whose text may come instead of a file; the form may then be a JSON object too.
    Raises InvalidRequest for a body that is no such form, TooLarge over the limit and StorageFull without room for it
    (at once, if the header tells).
    """
    storage.require_room(_check_declared_size(request, limit_bytes))
    with storage.receive(limit_bytes=limit_bytes) as reception:
        target = _FileTarget(reception)
        if text_field and _is_json(request):
            texts = await _read_json(request, fields)
        else:
            texts = await _read_parts(request, file_field, target, fields)
        filename = _plain_name(target.multipart_filename) if target.multipart_filename else ""
        instead = texts[text_field].strip() if text_field else ""
        if filename and instead:
            raise InvalidRequest(f"Send either a file or {text_field!r}, not both.", code="bad_form")
        if instead:
            filename = f"{text_field}.txt"
            reception.write(instead.encode() + b"\n")
        _require_content(file_field, text_field, filename, reception)
        stored = await run_in_threadpool(reception.complete)
        yield ReceivedForm(filename, stored, reception, texts)


def _require_content(file_field: str, text_field: str | None, filename: str, reception: Reception) -> None:
    if not filename:
        instead = f", or send {text_field!r}" if text_field else ""
        raise InvalidRequest(f"No file was sent: attach one as the form field {file_field!r}{instead}.", code="no_file")
    if reception.size_bytes == 0:
        raise InvalidRequest("The file is empty: it holds not a single byte.", code="no_file")


async def _read_parts(
    request: Request, file_field: str, target: _FileTarget, fields: tuple[str, ...]
) -> dict[str, str]:
    values = {name: _FieldTarget() for name in fields}
    await _parse(request, {file_field: target, **values})
    return {name: value.value.decode("utf-8", "replace") for name, value in values.items()}


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def _read_json(request: Request, fields: tuple[str, ...]) -> dict[str, str]:
    """Fields that are no texts are handed on as JSON."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FIELD_LIMIT_BYTES:
            raise TooLarge("The JSON body is larger than the form can be.")
    try:
        sent = json.loads(body)
        json.dumps(sent, ensure_ascii=False).encode()  # half of a pair of surrogates is JSON, but no text
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON in UTF-8.", code="bad_form") from error
    if not isinstance(sent, dict):
        raise InvalidRequest("The body must be a JSON object.", code="bad_form")
    texts = {name: sent.get(name) for name in fields}
    return {
        name: "" if text is None else text if isinstance(text, str) else json.dumps(text)
        for name, text in texts.items()
    }


def _plain_name(sent: str) -> str:
    """The last part of the name, without control characters."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[:255] or "upload.zip"


async def _parse(request: Request, targets: Mapping[str, "_FileTarget | _FieldTarget"]) -> None:
    marker = _part_marker(request)
    parts = received_bytes = 0
    try:
        parser = StreamingFormDataParser(headers={"Content-Type": request.headers["content-type"]})
        for name, target in targets.items():
            parser.register(name, target)
        async for chunk in request.stream():
            parts += chunk.count(marker)
            received_bytes += len(chunk)
            if parts > MAX_PARTS:
                raise InvalidRequest(f"The form holds more than {MAX_PARTS} parts: send one file.", code="bad_form")
            await run_in_threadpool(parser.data_received, chunk)
            if received_bytes - sum(target.received_bytes for target in targets.values()) > MAX_AROUND_BYTES:
                raise InvalidRequest("The form holds more around its fields than any form needs.", code="bad_form")
    except ClientDisconnect as error:
        raise InvalidRequest("The upload broke off before its end: send it again.", code="upload_broken") from error
    except (ParseFailedException, ValidationError, KeyError, ValueError, RecursionError) as error:
        raise InvalidRequest("The body must be a multipart/form-data form with one file.", code="bad_form") from error


def _part_marker(request: Request) -> bytes:
    """What begins every part; each costs the parser time, whatever is in it. Raises InvalidRequest."""
    found = _MULTIPART.fullmatch(request.headers.get("content-type", ""))
    if found is None:
        raise InvalidRequest("The body must be a multipart/form-data form with one file.", code="bad_form")
    return f"--{found[1]}".encode()


def _check_declared_size(request: Request, limit_bytes: int) -> int:
    """What the header says; 0 when it says nothing."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes + MULTIPART_OVERHEAD_BYTES:
        raise TooLarge(f"The file is larger than the limit of {limit_bytes / 1024**2:,.0f} MiB for one upload.")
    return int(declared) if declared.isdigit() else 0
