"""The package index that a phase's builds may ask: whether this worker's operator allows it, and the door to it.

A build has no route to any network. Its steps share the inside of `gate`, a container without network, where
127.0.0.1:3128 leads through a socket in a shared folder to `proxy`, which asks the index and nobody else.
"""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from medici_worker.containers.engine import (
    LABEL_UNTIL,
    LABEL_WORKER,
    ContainerPlan,
    Engine,
    EngineError,
    Mount,
    OnLog,
    Running,
    StartRefused,
    Volume,
)
from medici_worker.containers.index_door.gate import PORT
from medici_worker.containers.profile import relay

GIB = 1024**3
MIB = 1024**2
PORTS = {"http": 80, "https": 443}
LINK = "/link"
CA_FILE = "/etc/medici-index-ca.pem"
CA_IN_CONTEXT = ".medici-index-ca.pem"
READY_S = 30.0
OVERDUE_S = 600.0


class IndexNotAllowed(EngineError):
    """The phase names an index that this worker's operator has not listed."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """`host:port` pairs: to which a tunnel leads, and which are asked in plain HTTP."""

    tunnels: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexRules:
    """What the worker's operator allows: patterns of index addresses, hosts that these send on to (`host` or
    `host:port`), private networks in which all of them may lie, the engine's network on which they are asked.
    """

    patterns: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    private_networks: tuple[str, ...] = ()
    network: str = "bridge"
    ca: Path | None = None
    limit_bytes: int = 20 * GIB
    """That pass in one build."""

    def require(self, url: str) -> None:
        """Raises `IndexNotAllowed`."""
        parts = _parts(url)
        if parts is None or not any(_fits(parts, pattern) for pattern in self.patterns):
            raise IndexNotAllowed(
                f"The phase lets builds ask the package index {url}, and this worker's operator does not: list it in "
                "MEDICI_WORKER_BUILD_INDEXES, or take it out of the phase."
            )

    def reachable(self, url: str) -> Reachable:
        """Of an index and the hosts that it sends on to. These are asked as the index is, but for the ports that say it
        themselves: through a tunnel to a plain host a build could say anything.
        """
        parts = _parts(url)
        if parts is None:
            return Reachable()
        own = f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
        further = [host.lower() if ":" in host else f"{host.lower()}:443" for host in self.hosts]
        schemes = {own: parts.scheme} | {pair: _scheme(pair, parts.scheme) for pair in further if pair != own}
        return Reachable(
            tunnels=tuple(pair for pair, scheme in schemes.items() if scheme == "https"),
            plain=tuple(pair for pair, scheme in schemes.items() if scheme == "http"),
        )

    def ca_text(self) -> bytes | None:
        return self.ca.read_bytes() if self.ca else None


@dataclass(frozen=True, slots=True)
class BuildNetwork:
    """What the builder is told: the network of its steps, and arguments that are no part of the image."""

    name: str = "none"
    arguments: Mapping[str, str] = field(default_factory=dict)


def index_arguments(url: str, *, has_ca: bool) -> dict[str, str]:
    """Names that pip reads → values. They are declared after each FROM, since a build hears of no others."""
    arguments = {"PIP_INDEX_URL": url, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    parts = _parts(url)
    if parts is not None and parts.scheme == "http":
        arguments["PIP_TRUSTED_HOST"] = parts.netloc
    if has_ca:
        arguments |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), CA_FILE)
    return arguments


def lines_after_from(url: str, *, has_ca: bool) -> list[str]:
    copied = [f"COPY {CA_IN_CONTEXT} {CA_FILE}"] if has_ca else []
    return copied + [f"ARG {name}" for name in index_arguments(url, has_ca=has_ca)]


class IndexDoor:
    """Opens for one build at a time; what it consists of is gone when it closes."""

    def __init__(self, engine: Engine, rules: IndexRules, *, image: str, worker: str, engine_cpus: int) -> None:
        self._engine = engine
        self._image = image
        self._worker = worker
        self._engine_cpus = engine_cpus
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self.rules = rules

    @property
    def names(self) -> frozenset[str]:
        """Of all doors that are being opened or are open: what belongs to one is called by its name, or `NAME-…`."""
        with self._lock:
            return frozenset(self._names)

    @contextlib.contextmanager
    def open(self, url: str | None, time_s: float, on_log: OnLog) -> Iterator[BuildNetwork]:
        """For a build that may take so long. Raises `IndexNotAllowed`, `EngineError`."""
        if url is None:
            yield BuildNetwork()
            return
        self.rules.require(url)
        name = f"medici-door-{uuid.uuid4().hex[:12]}"
        labels = {LABEL_WORKER: self._worker, LABEL_UNTIL: str(int(time.time() + time_s + OVERDUE_S))}
        address = f"http://127.0.0.1:{PORT}"
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), address)
        arguments = index_arguments(url, has_ca=self.rules.ca is not None)
        with (
            self._known(name),
            self._link(Volume(name, labels, MIB)),
            self._started(self._proxy(name, url, labels), on_log),
            self._started(self._gate(name, labels), on_log),
        ):
            yield BuildNetwork(f"container:{name}-gate", {**proxies, **arguments})

    @contextlib.contextmanager
    def _known(self, name: str) -> Iterator[None]:
        with self._lock:
            self._names.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._names.discard(name)

    @contextlib.contextmanager
    def _link(self, volume: Volume) -> Iterator[None]:
        """What the two containers meet in."""
        self._engine.create_volume(volume)
        try:
            yield
        finally:
            with contextlib.suppress(EngineError):
                self._engine.remove_volume(volume.name)

    def _proxy(self, name: str, url: str, labels: Mapping[str, str]) -> ContainerPlan:
        reachable = self.rules.reachable(url)
        rules = {
            "tunnels": reachable.tunnels,
            "plain": reachable.plain,
            "networks": list(self.rules.private_networks),
            "limit_bytes": self.rules.limit_bytes,
        }
        return self._plan(name, "proxy", labels, json.dumps(rules), network=self.rules.network)

    def _gate(self, name: str, labels: Mapping[str, str]) -> ContainerPlan:
        return self._plan(name, "gate", labels)

    def _plan(
        self, name: str, role: str, labels: Mapping[str, str], *arguments: str, network: str = "none"
    ) -> ContainerPlan:
        source = files("medici_worker.containers.index_door").joinpath(f"{role}.py").read_text()
        return ContainerPlan(
            name=f"{name}-{role}",
            image=self._image,
            profile=relay(engine_cpus=self._engine_cpus, network=network),
            mounts=(Mount(name, LINK, read_only=False),),
            command=("python3", "-I", "-c", source, f"{LINK}/proxy.sock", *arguments),
            labels=labels,
        )

    @contextlib.contextmanager
    def _started(self, plan: ContainerPlan, on_log: OnLog) -> Iterator[Running]:
        ready = threading.Event()

        def read(data: bytes) -> None:
            if ready.is_set():
                on_log(b"".join(b"[index] " + line for line in data.splitlines(keepends=True)))
            elif b"ready\n" in data:
                ready.set()

        try:
            running = self._engine.start(plan, read)
        except StartRefused as error:
            raise EngineError(f"The way to the package index could not be opened: {error}") from error
        try:
            if not ready.wait(READY_S):
                raise EngineError(
                    f"The way to the package index did not open: does the image {self._image} hold python3, and is the "
                    f"engine's network {self.rules.network} there?"
                )
            yield running
        finally:
            running.remove()


def _fits(url: SplitResult, pattern: str) -> bool:
    """Host and path apart: a `*` in the host would else reach over a slash, into a path on any host."""
    if pattern == "*":
        return True
    scheme, _, rest = pattern.partition("://")
    host, slash, path = rest.partition("/")
    return (
        url.scheme == scheme and fnmatchcase(url.netloc.lower(), host.lower()) and fnmatchcase(url.path, slash + path)
    )


def _scheme(pair: str, otherwise: str) -> str:
    port = int(pair.rpartition(":")[2])
    return next((scheme for scheme, known in PORTS.items() if known == port), otherwise)


def _parts(url: str) -> SplitResult | None:
    """None for what is no plain address of an index."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_plain = parts.username is None and not parts.query and not parts.fragment and url.isascii() and url.isprintable()
    return parts if is_plain and parts.scheme in PORTS and parts.hostname and port != 0 and " " not in url else None
