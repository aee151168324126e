"""From a zip with a Dockerfile to an image: checked, built once per content, without network, within limits."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from medici_worker.containers.added_archives import refused_archives
from medici_worker.containers.archives import ArchiveUnusable, tar_file, tar_of_zip, text_of, uncompressed_bytes
from medici_worker.containers.build_index import CA_IN_CONTEXT, IndexDoor, lines_after_from
from medici_worker.containers.build_log import BuildLog
from medici_worker.containers.build_marks import BuildMarks, marking
from medici_worker.containers.build_policy import (
    MAX_BYTES,
    RUN_IMAGE,
    VOLUME_ADVICE,
    VOLUME_FREE,
    Base,
    CheckedDockerfile,
    Refused,
    check,
    full_name,
    mapped,
)
from medici_worker.containers.disk import MUCH_BYTES, Disk
from medici_worker.containers.engine import (
    BuildBroken,
    BuildOrder,
    BuildTimedOut,
    ContainerPlan,
    DiskNearlyFull,
    Engine,
    EngineError,
    Image,
    ImageTooLarge,
    ImageUnavailable,
    OnLog,
    PullLimits,
)
from medici_worker.containers.finding import IMAGE_LABEL, find_image, is_run_image
from medici_worker.containers.foreign_images import ForeignImages
from medici_worker.containers.image_uses import ImageUses
from medici_worker.containers.interrupt import Interrupt
from medici_worker.containers.profile import container_user
from medici_worker.outcome import RunFailure
from medici_worker.protocol import BuildPolicy, FailureKind

OFFLINE_ADVICE = (
    "The build has no network: bring your wheels along in the zip, or use a curated base such as medici/python."
)
_OFFLINE = re.compile(
    r"name resolution|could not resolve|temporary failure resolving|no matching distribution found|"
    r"failed to establish a new connection|network is unreachable",
    re.IGNORECASE,
)
MAX_TAIL = 2_000
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that can be run: its id, whom it runs as, what it came from."""

    image_id: str
    user: str
    bases: tuple[str, ...] = ()
    """Digests (or ids) of the base images."""
    volumes: tuple[str, ...] = ()
    """Paths that it declares as volumes, by itself or through its base."""
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Every name (after mapping, with its tag) that was looked up for it → the identity of the image that was found."""

    index: str | None = None
    """Address of the package index that its build could ask."""

    def refused_in(self, plan: ContainerPlan) -> str | None:
        """Why it can't run by this plan: a volume of its own would be storage without any limit."""
        places = {mount.path for mount in plan.mounts} | set(plan.profile.host.get("tmpfs", ()))
        others = [path for path in self.volumes if path not in places]
        if not others:
            return None
        return (
            f"The image, or its base, declares a volume at {others[0][:80]!r}, which is not allowed: {VOLUME_ADVICE}."
        )


class DockerfileNotes:
    """Remembers the Dockerfile of each archive by its sha256, so that a known image needs no download."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, sha256: str) -> str | None:
        try:
            return (self._folder / sha256).read_bytes().decode()
        except FileNotFoundError:
            return None

    def put(self, sha256: str, text: str) -> None:
        """What is too long to be built is not worth a note."""
        if len(text.encode()) > MAX_BYTES:
            return
        draft = self._folder / f".{sha256}.{time.monotonic_ns()}"
        draft.write_bytes(text.encode())  # as text, line ends would come back as others
        draft.replace(self._folder / sha256)

    def clean(self, unused_s: float) -> None:
        """Forget those that are older than this."""
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > unused_s:
                path.unlink(missing_ok=True)


class Builder:
    """Builds on one engine. `fetch` brings the archive to this machine and is called only when it is needed.

    What takes long is broken off with `Interrupted` when `stop` is set.
    """

    def __init__(
        self,
        engine: Engine,
        notes: DockerfileNotes,
        uses: ImageUses,
        door: IndexDoor,
        *,
        engine_cpus: int,
        worker: str,
        disk: Disk | None = None,
    ) -> None:
        self._engine = engine
        self._uses = uses
        self._door = door
        self._disk = disk
        self.notes = notes
        self._engine_cpus = engine_cpus
        self._worker = worker
        self._users: dict[str, str] = {}
        self._marks = BuildMarks(worker)
        self._foreign = ForeignImages(engine, worker, disk)

    def image_for(
        self,
        sha256: str,
        fetch: Callable[[], Path],
        policy: BuildPolicy,
        on_log: OnLog,
        stop: Interrupt | None = None,
    ) -> BuiltImage:
        """Raises `RunFailure`: image_refused, build_failed, build_timeout, archive_rejected."""
        text = self.notes.get(sha256)
        if text is None:
            text = _dockerfile_of(fetch())
            self.notes.put(sha256, text)
        checked = check(text, policy, after_from=self._index_lines(policy))
        _refuse(checked.refused)
        stop = stop or Interrupt()
        bases = [self._resolve(base, policy, stop) for base in checked.bases]
        tag = image_tag(sha256, checked, bases, policy.index)
        image = self._engine.image(tag)
        if image is None:
            archive = fetch()
            require_small(archive, policy.context_bytes, FailureKind.BUILD_FAILED)
            _refuse(refused_archives(archive, checked.added, stop))
            self._build(archive, checked, self._order(tag, checked, bases, policy, stop), on_log, policy.index)
            image = self._engine.image(tag)
            if image is not None:
                below = min(base.size_bytes for base in bases)
                self._uses.note(image.image_id, added_bytes=max(image.size_bytes - below, 0))
        else:
            on_log(b"This archive has been built before; its image is used again.\n")
        if image is None:
            raise EngineError(f"The image {tag} was built, but the engine does not have it.")
        names = {full_name(one.image): base.identity for one, base in zip(checked.bases, bases, strict=True)}
        return replace(self._built(image, tuple(base.digest for base in bases), names), index=policy.index)

    def local(self, reference: str, policy: BuildPolicy, stop: Interrupt | None = None) -> BuiltImage:
        """An image by name, mapped, pulled and pinned as the policy says. Raises `ImageUnavailable`."""
        name = mapped(reference, policy.image_map)
        image = self._find(name, policy, stop)
        if is_run_image(image):
            raise ImageUnavailable(f"The image {reference} was built from a submission; it is nobody else's to use.")
        return self._built(image, (image.digest,), {full_name(name): image.identity})

    def loaded_image(
        self,
        sha256: str,
        fetch: Callable[[], Path],
        policy: BuildPolicy,
        on_log: OnLog,
        stop: Interrupt | None = None,
    ) -> BuiltImage:
        """The saved image in an archive, loaded once. Raises `RunFailure`: archive_rejected, image_refused."""
        return self._built(self._foreign.loaded(sha256, fetch, on_log, stop, limit_bytes=policy.image_bytes), (), {})

    def referenced_image(
        self, reference: str, policy: BuildPolicy, on_log: OnLog, stop: Interrupt | None = None
    ) -> BuiltImage:
        """The image of a reference with a digest, pulled as the policy says. Raises `RunFailure`: image_refused."""
        return self._built(self._foreign.referenced(reference, policy, on_log, stop), (), {})

    def user_of(self, image: Image) -> str:
        """Whom containers of this image run as; looked up once per image.

        Not in one with volumes of its own: it will be refused, and a container of it fills them when it is created.
        """
        if image.image_id not in self._users:
            name = image.user.partition(":")[0]
            named = bool(name) and not name.isdigit() and name != "root"
            runs = VOLUME_FREE.issuperset(image.volumes)
            number = self._engine.user_id(image.image_id, name) if named and runs else None
            self._users[image.image_id] = container_user(image.user, number)
        return self._users[image.image_id]

    def _built(self, image: Image, bases: tuple[str, ...], names: Mapping[str, str]) -> BuiltImage:
        self._uses.note(image.image_id)
        return BuiltImage(image.image_id, self.user_of(image), bases, image.volumes, names)

    def _order(
        self, tag: str, checked: CheckedDockerfile, bases: list[Image], policy: BuildPolicy, stop: Interrupt
    ) -> BuildOrder:
        return BuildOrder(
            tag,
            policy.time_s,
            policy.memory_bytes,
            self._cpus(policy),
            labels={IMAGE_LABEL: self._worker},
            stages=checked.stages,
            bases=frozenset(base.image_id for base in bases),
            disk=self._disk,
            image_bytes=policy.image_bytes,
            stop=stop,
        )

    def _index_lines(self, policy: BuildPolicy) -> list[str]:
        return lines_after_from(policy.index, has_ca=self._door.rules.ca is not None) if policy.index else []

    def _resolve(self, base: Base, policy: BuildPolicy, stop: Interrupt) -> Image:
        """The second lock: whatever the names say, an image that was built from a submission is never a base."""
        image = self._found(base, policy, stop)
        if is_run_image(image):
            raise RunFailure(
                FailureKind.IMAGE_REFUSED,
                f"Line {base.line} of the Dockerfile: the base image {base.written} is not allowed.",
                private_detail=f"{base.image} was built from a submission.",
            )
        return image

    def _found(self, base: Base, policy: BuildPolicy, stop: Interrupt) -> Image:
        if self._disk is not None and self._disk.is_low:  # one Dockerfile may have several large images fetched
            raise EngineError("The build was not begun: hardly any room is left on the engine's disk.")
        try:
            return self._find(base.image, policy, stop)
        except ImageUnavailable as error:
            choices = ", ".join(policy.allowed_bases)
            shown = base.written if base.written == base.image else f"{base.written} (here: {base.image})"
            raise RunFailure(
                FailureKind.IMAGE_REFUSED,
                f"Line {base.line} of the Dockerfile: the base image {shown} does not exist on the worker, "
                f"and could not be fetched; allowed are {choices}.",
                private_detail=str(error),
            ) from error

    def _find(self, name: str, policy: BuildPolicy, stop: Interrupt | None) -> Image:
        try:
            return find_image(self._engine, name, policy, stop, PullLimits(disk=self._disk))
        except DiskNearlyFull as error:
            raise EngineError("An image was not fetched: hardly any room is left on the engine's disk.") from error

    def _build(
        self, archive: Path, checked: CheckedDockerfile, order: BuildOrder, on_log: OnLog, index: str | None
    ) -> None:
        tail, log = bytearray(), BuildLog(checked, on_log)

        def keep(data: bytes) -> None:
            tail.extend(data)
            del tail[:-20_000]
            log(data)

        free_bytes = self._disk.free_bytes if self._disk else 0
        try:
            with self._marks.one() as mark, self._door.open(index, order.time_s, keep) as network:
                order = replace(order, network=network.name, arguments=network.arguments, mark=mark)
                self._engine.build(self._context(archive, checked.sent_with(marking(mark)), index), order, keep)
        except BuildTimedOut as error:
            detail = f"The limit is {order.time_s:g} s."
            raise RunFailure(FailureKind.BUILD_TIMEOUT, detail, private_detail=str(error)) from error
        except ImageTooLarge as error:
            detail = f"It added more to its base images than the limit of {order.image_bytes // MIB} MiB."
            raise RunFailure(FailureKind.BUILD_FAILED, detail, private_detail=str(error)) from error
        except DiskNearlyFull as error:
            raise self._disk_filled(free_bytes) from error
        except BuildBroken as error:
            raise build_failure(str(error), tail.decode(errors="replace"), log.own_step, index) from error
        except ArchiveUnusable as error:
            raise RunFailure(FailureKind.ARCHIVE_REJECTED, str(error)) from error

    def _context(self, archive: Path, dockerfile: str, index: str | None) -> Iterator[bytes]:
        if index and (certificates := self._door.rules.ca_text()):
            yield from tar_file(CA_IN_CONTEXT, certificates)
        yield from tar_of_zip(archive, replace={"Dockerfile": dockerfile.encode()})

    def _disk_filled(self, before_bytes: int) -> Exception:
        """Whose fault it is: the build's that took much, else nobody's who can be named."""
        taken = self._disk.taken_since(before_bytes) if self._disk else 0
        if taken < MUCH_BYTES:
            return EngineError("The build was stopped: hardly any room is left on the engine's disk.")
        detail = "It was stopped because it filled the worker's disk."
        return RunFailure(FailureKind.BUILD_FAILED, detail, private_detail=f"It took {taken} bytes.")

    def _cpus(self, policy: BuildPolicy) -> float:
        return min(policy.cpus, self._engine_cpus)


def image_tag(sha256: str, checked: CheckedDockerfile, bases: list[Image], index: str | None = None) -> str:
    """Named by all that decides the content: the archive, the Dockerfile as it is sent, the bases' ids, the index."""
    parts = [sha256, checked.text, *(base.image_id for base in bases), *([index] if index else [])]
    return f"{RUN_IMAGE}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"


def build_failure(error: str, log: str, step: int, index: str | None = None) -> RunFailure:
    """Names the step, and says what an offline build lacks. The log itself has been streamed already."""
    detail = [f"Step {step} of the Dockerfile failed."] if step else []
    if _OFFLINE.search(log):
        detail.append(f"The build can ask the package index {index} and nothing else." if index else OFFLINE_ADVICE)
    return RunFailure(
        FailureKind.BUILD_FAILED, " ".join(detail), private_detail=f"{error}\n\n{log[-MAX_TAIL:]}".strip()
    )


def require_small(archive: Path, limit_bytes: int, otherwise: FailureKind) -> None:
    """Before anything of it is unpacked."""
    try:
        size_bytes = uncompressed_bytes(archive)
    except ArchiveUnusable as error:
        raise RunFailure(FailureKind.ARCHIVE_REJECTED, str(error)) from error
    if size_bytes > limit_bytes:
        raise RunFailure(
            otherwise,
            f"The archive's files have {-(-size_bytes // MIB)} MiB in all; the limit is {limit_bytes // MIB} MiB.",
        )


def _refuse(refused: Iterable[Refused]) -> None:
    """All at once, so that one more upload is enough. Raises `RunFailure`: image_refused."""
    sentences = "\n".join(map(str, refused))
    if sentences:
        raise RunFailure(FailureKind.IMAGE_REFUSED, sentences[:MAX_TAIL])


def _dockerfile_of(archive: Path) -> str:
    try:
        text = text_of(archive, "Dockerfile")
    except ArchiveUnusable as error:
        raise RunFailure(FailureKind.ARCHIVE_REJECTED, str(error)) from error
    if text is None:
        raise RunFailure(FailureKind.ARCHIVE_REJECTED, "The archive has no file named 'Dockerfile' at its top.")
    return text
