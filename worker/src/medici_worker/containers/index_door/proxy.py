"""Runs inside a container with a network: a proxy that knows a few hosts, listening on a socket in a folder alone.

It resolves names itself, and connects to the address that it has looked at. The standard library alone: an image of
ours runs it.
"""

import asyncio
import contextlib
import ipaddress
import json
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024
HEAD_BYTES = 32 * 1024
HEAD_S = 30.0
CONNECT_S = 20.0
IDLE_S = 120.0
MOST_AT_ONCE = 32
NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
METHODS = ("GET", "HEAD")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*")
"""One line, without what another server could take for the end of one."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[str, int], Awaitable[Streams]]
Lookup = Callable[[str, int], Awaitable[Iterable[str]]]


class Refused(Exception):
    """One sentence for whoever reads the build's log."""


@dataclass
class Rules:
    """`tunnels`, `plain`: `host:port` pairs that are asked through CONNECT, and by GET and HEAD. `networks`: private
    ones in which these hosts may lie.
    """

    tunnels: frozenset[str]
    plain: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    limit_bytes: int
    passed_bytes: int = field(default=0)

    @classmethod
    def read(cls, text: str) -> "Rules":
        said = json.loads(text)
        networks = tuple(ipaddress.ip_network(one) for one in said["networks"])
        return cls(frozenset(said["tunnels"]), frozenset(said["plain"]), networks, int(said["limit_bytes"]))

    def require_listed(self, request: "Request") -> None:
        """Names alone: an address, however it is written, is none."""
        if not NAME.fullmatch(request.host):
            raise Refused(f"{request.host[:80]!r} is not the name of a host")
        pair = f"{request.host}:{request.port}"
        if pair not in self.tunnels | self.plain:
            raise Refused(f"{pair} is not the index that this build may ask")
        if pair not in (self.tunnels if request.method == "CONNECT" else self.plain):
            raise Refused(f"{pair} is not asked by {request.method}")

    def require_public(self, address: str) -> None:
        """A name that leads into the worker's own network is refused, unless its operator listed that network."""
        found = ipaddress.ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        if any(found in network for network in self.networks if network.version == found.version):
            return
        if not found.is_global or found.is_multicast:
            raise Refused(f"{found} is an address of a private network")

    def count(self, size_bytes: int) -> None:
        self.passed_bytes += size_bytes
        if self.passed_bytes > self.limit_bytes:
            raise Refused(f"more than {self.limit_bytes} bytes have passed in this build")


@dataclass(frozen=True)
class Request:
    method: str
    host: str
    port: int
    head: bytes
    """What the far end is sent first; empty for a tunnel."""


def parse(head: bytes) -> Request:
    """`CONNECT host:port`, or GET and HEAD of an `http://` address. Raises `Refused`."""
    lines = head.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    if CONTROL.search(lines[0]) or not all(map(HEADER.fullmatch, lines[1:])):
        raise Refused("the request can't be read")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise Refused("the request can't be read")
    method, target, _ = words
    if method == "CONNECT":
        name, colon, number = target.rpartition(":")
        if not colon or not number.isascii() or not number.isdigit():
            raise Refused("CONNECT takes host:port")
        return Request(method, name.lower(), int(number), b"")
    if method not in METHODS:
        raise Refused(f"{method[:20]!r} is not passed on")
    try:
        parts = urlsplit(target)
        host, port = (parts.hostname or "").lower(), parts.port or 80
    except ValueError as error:
        raise Refused("the address can't be read") from error
    if parts.scheme != "http" or parts.username is not None:
        raise Refused("only plain http:// addresses are passed on; https:// goes through CONNECT")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Request(method, host, port, _rewritten(method, path, f"{host}:{port}", lines[1:]))


def _rewritten(method: str, path: str, host: str, lines: list[str]) -> bytes:
    """One request a connection, to the host that was looked at."""
    dropped = ("host", "connection", "keep-alive", "upgrade", "content-length", "transfer-encoding")
    kept = [
        line
        for line in lines
        if line.partition(":")[0].lower() not in dropped and not line.lower().startswith("proxy-")
    ]
    own = [f"{method} {path} HTTP/1.1", f"Host: {host.removesuffix(':80')}", "Connection: close"]
    return "\r\n".join([*own, *kept, "", ""]).encode("latin-1")


async def look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


class Proxy:
    def __init__(self, rules: Rules, lookup: Lookup = look_up, connect: Connect = asyncio.open_connection) -> None:
        self._rules = rules
        self._connect = connect
        self._lookup = lookup
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._at_once:
            try:
                await self._pass(reader, writer)
            except Refused as refused:
                _say(f"refused: {refused}")
                _answer(writer, 403, str(refused))
            except (TimeoutError, OSError, asyncio.LimitOverrunError, asyncio.IncompleteReadError) as error:
                _say(f"failed: {error!r:.200}")
                _answer(writer, 502, "the index did not answer")
            with contextlib.suppress(OSError):
                await writer.drain()
            await _close(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S))
        self._rules.count(len(request.head))
        far_reader, far_writer = await self._connected(request)
        try:
            if request.method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(self._pipe(reader, far_writer), self._pipe(far_reader, writer))
            else:
                far_writer.write(request.head)
                await self._pipe(far_reader, writer)
        finally:
            await _close(far_writer)

    async def _connected(self, request: Request) -> Streams:
        self._rules.require_listed(request)
        addresses = list(await asyncio.wait_for(self._lookup(request.host, request.port), CONNECT_S))
        for address in addresses:
            self._rules.require_public(address)
        if not addresses:
            raise Refused(f"{request.host} has no address")
        return await asyncio.wait_for(self._connect(addresses[0], request.port), CONNECT_S)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await asyncio.wait_for(reader.read(CHUNK_BYTES), IDLE_S):
                self._rules.count(len(chunk))
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except (TimeoutError, OSError):
            writer.close()
        except Refused as refused:
            _say(f"refused: {refused}")
            writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()


def _answer(writer: asyncio.StreamWriter, status: int, sentence: str) -> None:
    content = f"{sentence}\n".encode()
    head = f"HTTP/1.1 {status} {'Forbidden' if status == 403 else 'Bad Gateway'}\r\n"  # noqa: PLR2004 - see above
    head += f"Content-Type: text/plain\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        writer.write(head.encode() + content)


def _say(line: str) -> None:
    """Into the build's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(rules: Rules, socket_path: str) -> None:
    server = await asyncio.start_unix_server(Proxy(rules).answer, socket_path, limit=HEAD_BYTES)
    os.chmod(socket_path, 0o666)  # noqa: PTH101, S103 - the other container's user; nobody else has the folder
    _say("ready")
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Rules.read(sys.argv[2]), sys.argv[1]))
