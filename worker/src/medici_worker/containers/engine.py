"""The container engine as a port. Two lives: `docker_engine.DockerEngine` and `fake_engine.FakeEngine`; one contract
suite (`tests/contract`) runs against both.

The engine may be on another machine, or on the other side of a mounted socket: bytes enter and leave through named
volumes and streams of tar, never through folders of this machine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from medici_worker.containers.disk import Disk
from medici_worker.containers.interrupt import Interrupt
from medici_worker.containers.profile import Profile
from medici_worker.images.recipes import INPUTS_LABEL, RECIPES

LABEL_WORKER = "medici.worker"
LABEL_RUN = "medici.run"
LABEL_ATTEMPT = "medici.attempt"
LABEL_UNTIL = "medici.until"
"""Seconds since 1970: whoever finds the container or volume after that moment may remove it, whosever it is."""

LABEL_BUILD = "medici.build"
"""Of a submission's build: its steps' containers and all images that it makes carry it, with the build's `mark`."""

GIB = 1024**3
BUILD_FILE_BYTES = 20 * GIB
"""The largest file of a build's step. By it the containers of steps are known: no other container has this limit."""
CURATED = frozenset(recipe.tag for recipe in RECIPES.values())

OnLog = Callable[[bytes], None]
"""Receives a container's stdout and stderr as they come, in a thread of the engine's."""


class EngineError(Exception):
    """The engine failed, or refused what it should have done: the system's fault."""


class ImageUnavailable(EngineError):
    """The engine works, but this image is neither there nor to be had."""


class ImageBroken(EngineError):
    """The engine works, but can't unpack this image. Its author's fault."""


class StartRefused(Exception):
    """The image holds nothing that could be started: no command, or one that is not there. Its author's fault."""


class PlaceTaken(StartRefused):
    """The image has a file where one of our folders belongs, so that it can't be mounted there."""


class BuildBroken(Exception):
    """A step of the Dockerfile failed."""


class BuildTimedOut(Exception):
    """The build ran over its time limit and was stopped."""


class ImageTooLarge(Exception):
    """The build added more to its base images than it may, and was stopped or undone; or what is pulled is larger."""


class DiskNearlyFull(Exception):
    """The build or pull was stopped because hardly any room was left on the engine's disk."""


@dataclass(frozen=True, slots=True)
class PullLimits:
    """Of one image: how long it may take, what all its layers may have on their way, the disk that they go to."""

    time_s: float = 3600.0
    layer_bytes: int | None = None
    disk: Disk | None = None


@dataclass(frozen=True, slots=True)
class EngineInfo:
    engine_id: str
    name: str
    version: str
    cpus: int
    memory_bytes: int
    architecture: str = ""
    """Of its machine, in the words of images: amd64, arm64."""
    root: str = ""
    """Where the engine keeps its images, on its own machine; "" when it does not say."""
    product: str = ""
    """docker or podman."""
    kernel: str = ""
    runtime: str = ""
    """The OCI runtime of containers that ask for none."""
    runtimes: frozenset[str] = frozenset()
    """Names of the OCI runtimes that it knows."""
    walls: frozenset[str] = frozenset()
    """What it puts around every container: seccomp, userns, rootless, apparmor, selinux."""


@dataclass(frozen=True, slots=True)
class Image:
    image_id: str
    user: str = ""
    digests: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    created_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    """Paths that the image declares as volumes (VOLUME)."""
    architecture: str = ""

    @property
    def digest(self) -> str:
        """What names this image best: the registry's digest where it has one, else its id."""
        return self.digests[0] if self.digests else self.image_id

    @property
    def identity(self) -> str:
        """What a phase is pinned to. Of a curated image, what it was made from, so that two machines with the same
        recipe agree; else the registry's digest, else the id. The label alone says nothing: images inherit it.
        """
        made_from = self.labels.get(INPUTS_LABEL)
        return f"recipe:{made_from}" if made_from and CURATED.intersection(self.tags) else self.digest

    def is_pinned_by(self, pin: str) -> bool:
        """Whether it is the image that `pin` names: an identity of it, its id, or any of its registries' digests."""
        digests = {digest.rpartition("@")[2] for digest in self.digests}
        return pin in {self.identity, self.image_id} or pin.rpartition("@")[2] in digests


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume. With `size_bytes` it lives in memory, holds no more than that, and is gone when unmounted."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    inodes: int | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    volume: str
    path: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """All of one container: what runs, what it sees, and the profile that holds it."""

    name: str
    image: str
    profile: Profile
    mounts: tuple[Mount, ...] = ()
    command: tuple[str, ...] | None = None
    """None: the image's own command."""
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """How an image is built; the Dockerfile is called `Dockerfile` and has been checked.

    `file_bytes`: the largest file of a step; `pids`: processes of a step; `bases`: ids of the base images; `disk`:
    watched while it builds; `image_bytes`: what it may add to them; `network`: of its steps, `arguments`: their build
    arguments; `mark`: what the Dockerfile's stages carry as LABEL_BUILD, by which its steps and what it leaves are
    known (without one, nothing is watched); `stop`: ends it.
    """

    tag: str
    time_s: float
    memory_bytes: int
    cpus: float
    labels: Mapping[str, str] = field(default_factory=dict)
    file_bytes: int = BUILD_FILE_BYTES
    pids: int = 4096
    stages: int = 1
    bases: frozenset[str] = frozenset()
    disk: Disk | None = None
    image_bytes: int = 20 * GIB
    network: str = "none"
    arguments: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    stop: Interrupt = field(default_factory=Interrupt, compare=False)


@dataclass(frozen=True, slots=True)
class Exit:
    code: int
    out_of_memory: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A container that is there, running or not."""

    name: str
    labels: Mapping[str, str]


class Running(Protocol):
    """A container that has been started."""

    def wait(self, timeout_s: float) -> Exit | None:
        """How it ended, its log fully delivered; None when it still runs after `timeout_s`."""

    def kill(self) -> None:
        """End it at once (SIGKILL). No error when it has ended already."""

    def remove(self) -> None: ...


class Holder(Protocol):
    """A container of ours that keeps volumes mounted, so that bytes can be put into them and read from them."""

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        """Unpack a tar stream below `path`. Raises `EngineError` when it does not fit."""

    def get(self, path: str) -> Iterator[bytes]:
        """The folder `path` as a tar stream, names beginning with the folder's own; links are not followed."""

    def holds(self) -> bool:
        """Whether it still runs. One that has ended holds nothing: what lay in memory is gone."""

    def remove(self) -> None: ...


class Engine(Protocol):
    """Every call may raise `EngineError`."""

    def ping(self) -> None:
        """Nothing, quickly, when the engine answers."""

    def describe(self) -> EngineInfo: ...

    def image(self, reference: str) -> Image | None: ...

    def images(self, label: str) -> list[Image]:
        """Images that carry this label: `key`, or `key=value`."""

    def pull(self, reference: str, stop: Interrupt | None = None, limits: PullLimits | None = None) -> Image:
        """Raises `ImageUnavailable`, `ImageTooLarge`, `DiskNearlyFull`, `Interrupted`."""

    def load(self, tar: Iterable[bytes], stop: Interrupt | None = None) -> str:
        """Load an image that `docker save` wrote, and that brings no name along; returns its id.

        Raises `ImageBroken`, `Interrupted`.
        """

    def tag(self, image_id: str, reference: str) -> None:
        """Give an image one more name."""

    def images_named(self, pattern: str) -> list[Image]:
        """Images whose name fits (`repository:ta*`), with the names that do."""

    def build(self, context: Iterable[bytes], order: BuildOrder, on_log: OnLog) -> str:
        """Build from a tar stream, without network unless the order names one; returns the image's id.

        Raises `BuildBroken`, `BuildTimedOut`, `ImageTooLarge`, `DiskNearlyFull`, `Interrupted`.
        """

    def clear_builds(self, *, now: float, file_bytes: int = BUILD_FILE_BYTES, idle: str | None = None) -> int:
        """Remove the containers of steps whose builder has died with its engine, and the images that led to none;
        returns how many containers.

        `now` in seconds since 1970; `file_bytes`: by which they are known; `idle`: the beginning of a worker's
        marks that builds nothing at this moment.
        """

    def remove_image(self, reference: str) -> None:
        """No error when it is not there or in use."""

    def user_id(self, image_id: str, user_name: str) -> int | None:
        """What the image's /etc/passwd says of a user."""

    def create_volume(self, volume: Volume) -> None: ...

    def volumes(self, *, name_contains: str = "", labels: Mapping[str, str] | None = None) -> list[Volume]: ...

    def remove_volume(self, name: str) -> bool:
        """False when a container still uses it. No error when it is not there."""

    def start(self, plan: ContainerPlan, on_log: OnLog) -> Running:
        """Create and start. Raises `StartRefused` when the image's command can't be started."""

    def hold(self, plan: ContainerPlan) -> Holder: ...

    def containers(self, labels: Mapping[str, str]) -> list[Found]: ...

    def remove_container(self, name: str) -> None:
        """Kill and remove, with the volumes that the engine made for it. No error when it is not there."""

    def close(self) -> None: ...
