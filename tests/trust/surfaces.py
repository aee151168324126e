"""Everything that the platform answers to GET, whoever asks: found from the application's own routes."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from medici_platform.app import create_app
from medici_platform.settings import Settings

Values = Mapping[str, Sequence[object]]
"""Name of a parameter → what to put in its place."""


@dataclass(frozen=True)
class Surface:
    """One answer: headers and body, and whatever is inside of it."""

    reader: str
    address: str
    status: int
    content: bytes
    """In lower case."""


@dataclass(frozen=True)
class Address:
    path: str
    parameters: tuple[str, ...]
    queries: tuple[str, ...]

    def filled(self, values: Values) -> Iterator[str]:
        """Every combination of the path's parameters, bare and with each query by itself. A name without values is a
        KeyError: a new endpoint says here what it is asked for.
        """
        for chosen in product(*(values[name] for name in self.parameters)):
            path = self.path
            for name, value in zip(self.parameters, chosen, strict=True):
                path = path.replace(f"{{{name}:path}}", quote(str(value)))
                path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
            yield path
            for name in self.queries:
                yield from (f"{path}?{urlencode({name: str(value)})}" for value in values[name])


def addresses(folder: Path) -> list[Address]:
    """Of the API and of all pages. `folder`: for an application that answers nobody."""
    found = []
    for context in iter_route_contexts(create_app(Settings(data_dir=folder)).routes):
        if "GET" not in (context.methods or ()) or not context.path:
            continue
        route = getattr(context, "original_route", None) or context.route
        dependant = route.dependant if isinstance(route, APIRoute) else Dependant()
        parameters = tuple(part.partition("}")[0].partition(":")[0] for part in context.path.split("{")[1:])
        found.append(Address(context.path, parameters, tuple(sorted(set(_queries(dependant))))))
    return found


def _queries(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for below in dependant.dependencies:
        yield from _queries(below)


def read_all(reader: str, client: httpx.Client, everything: Sequence[str]) -> Iterator[Surface]:
    for address in everything:
        answer = client.get(address)
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        content = headers.encode() + b"\n\n" + _opened(answer.content)
        yield Surface(reader, address, answer.status_code, content.lower())


def _opened(body: bytes) -> bytes:
    """A zip with the names and contents of its entries, and of zips in it."""
    if not body.startswith(b"PK"):
        return body
    parts = [body]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        parts += [archive.comment]
        for info in archive.infolist():
            parts += [info.filename.encode(), info.comment, _opened(archive.read(info))]
    return b"\n".join(parts)
