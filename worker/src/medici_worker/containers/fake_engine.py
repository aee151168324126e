"""An engine in memory, for tests that are about everything but containers.

Containers are Python functions, found by their command line:

    def predict(inside: Inside) -> int:
        inside.write("/mnt/out/y.csv", inside.read("/mnt/in/x.csv"))
        return 0

    FakeEngine(programs={"predict": predict})

A build reads FROM, USER, VOLUME, CMD, `RUN false`, `RUN sleep N` and `RUN fill N` of the Dockerfile. Limits on time,
and on the size of volumes and builds, hold; those on memory do not, a program raises `MemoryError` instead.
"""

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from medici_worker.containers.archives import tar_end, tar_file, tar_folder
from medici_worker.containers.dockerfile import base_of, parse
from medici_worker.containers.engine import (
    BUILD_FILE_BYTES,
    BuildBroken,
    BuildOrder,
    ContainerPlan,
    DiskNearlyFull,
    EngineError,
    EngineInfo,
    Exit,
    Found,
    Image,
    ImageBroken,
    ImageTooLarge,
    ImageUnavailable,
    OnLog,
    PullLimits,
    StartRefused,
    Volume,
)
from medici_worker.containers.fake_images import FakeImage, dockerfile_in, named_image, saved_image, words
from medici_worker.containers.fake_inside import FakeVolume, Inside, Killed, Program
from medici_worker.containers.interrupt import Interrupt

KILLED_CODE = 137
NOT_FOUND_CODE = 127
ON_EVERY_ENGINE = ("medici/python:latest",)


class FakeRunning:
    def __init__(self, engine: "FakeEngine", inside: Inside, program: Program) -> None:
        self._engine = engine
        self._inside = inside
        self._exit: Exit | None = None
        self._thread = threading.Thread(target=self._run, args=(program,), daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> Exit | None:
        self._thread.join(timeout_s)
        return self._exit

    def kill(self) -> None:
        self._inside.killed.set()

    def remove(self) -> None:
        self.kill()
        self._engine.remove_container(self._inside.plan.name)

    def _run(self, program: Program) -> None:
        try:
            self._exit = Exit(program(self._inside), out_of_memory=False)
        except Killed:
            self._exit = Exit(KILLED_CODE, out_of_memory=False)
        except MemoryError:
            self._exit = Exit(KILLED_CODE, out_of_memory=True)
        except Exception as error:  # noqa: BLE001 - a program that fails is a container that exits 1
            self._inside.print(f"{type(error).__name__}: {error}\n")
            self._exit = Exit(1, out_of_memory=False)


class FakeHolder:
    def __init__(self, engine: "FakeEngine", plan: ContainerPlan) -> None:
        self._engine = engine
        self._plan = plan

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        volume, below = self._volume(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(tar))) as opened:
            for member in opened:
                file = opened.extractfile(member) if member.isreg() else None
                if file is not None:
                    self._write(volume, f"{below}/{member.name}".strip("/"), file.read())

    def get(self, path: str) -> Iterator[bytes]:
        volume, _ = self._volume(path)
        name = path.rpartition("/")[2]
        yield tar_folder(name)
        for file, content in volume.files.items():
            yield from tar_file(f"{name}/{file}", content)
        for file, target in volume.links.items():
            link = tarfile.TarInfo(f"{name}/{file}")
            link.type, link.linkname = tarfile.SYMTYPE, target
            yield link.tobuf()
        yield tar_end()

    def holds(self) -> bool:
        return self._engine.runs(self._plan.name)

    def remove(self) -> None:
        self._engine.remove_container(self._plan.name)

    def _volume(self, path: str) -> tuple[FakeVolume, str]:
        for mount in self._plan.mounts:
            if path == mount.path or path.startswith(mount.path + "/"):
                return self._engine.volume_contents[mount.volume], path[len(mount.path) :]
        raise EngineError(f"The container {self._plan.name} has nothing at {path}.")

    def _write(self, volume: FakeVolume, name: str, content: bytes) -> None:
        try:
            volume.write(name, content)
        except OSError as error:
            raise EngineError(str(error)) from error


class FakeEngine:
    """`programs` by command line; `images` are there from the start, those of `registry` can be pulled by their names
    with digest; all have the command "python".
    """

    def __init__(
        self,
        programs: Mapping[str, Program] | None = None,
        *,
        images: Iterable[str] = ON_EVERY_ENGINE,
        registry: Iterable[str] = (),
        cpus: int = 8,
    ) -> None:
        self.programs = dict(programs or {})
        self.volume_contents: dict[str, FakeVolume] = {}
        self.plans: list[ContainerPlan] = []
        """Every container that was started, in order."""
        self.builds: list[str] = []
        """The Dockerfiles that were built, as the builder saw them."""
        self._cpus = cpus
        self._images: dict[str, FakeImage] = {name: named_image(name) for name in images}
        self._registry = frozenset(registry)
        self._containers: dict[str, ContainerPlan] = {}
        self._ended: set[str] = set()
        self._inside: dict[str, Inside] = {}
        self._lock = threading.RLock()

    def ping(self) -> None:
        """It answers."""

    def restart(self) -> None:
        """As when it is killed and started again: what ran has ended, and what lay in memory is gone."""
        with self._lock:
            self._ended |= self._containers.keys()
            for inside in self._inside.values():
                inside.killed.set()
            for volume in self.volume_contents.values():
                if volume.plan.size_bytes is not None:
                    volume.files.clear()

    def runs(self, name: str) -> bool:
        with self._lock:
            return name in self._containers and name not in self._ended

    def describe(self) -> EngineInfo:
        return EngineInfo(
            "fake", "fake", "0", self._cpus, 64 * 1024**3, architecture="amd64", product="fake", runtime="runfake",
            runtimes=frozenset({"runfake", "runsc"}), walls=frozenset({"seccomp"}),
        )  # fmt: skip

    def image(self, reference: str) -> Image | None:
        found = self._find_image(reference)
        return replace(found.image, tags=self._tags(found.image.image_id)) if found else None

    def images(self, label: str) -> list[Image]:  # noqa: ARG002 - all that were built carry it
        return [
            one.image
            for name, one in self._images.items()
            if name in one.image.tags and name.startswith("medici/run-image:")
        ]

    def images_named(self, pattern: str) -> list[Image]:
        fitting = [name for name in list(self._images) if fnmatchcase(name, pattern)]
        return [replace(self._images[name].image, tags=(name,)) for name in fitting]

    def load(self, tar: Iterable[bytes], stop: Interrupt | None = None) -> str:
        try:
            loaded, names = saved_image(b"".join((stop or Interrupt()).passing(tar)))
        except (KeyError, ValueError, tarfile.TarError) as error:
            raise ImageBroken(f"The fake engine could not load an image: {error}") from error
        if names:
            raise EngineError(f"The saved image brought a name along: {names[0]}.")
        self._images[loaded.image.image_id] = loaded
        return loaded.image.image_id

    def tag(self, image_id: str, reference: str) -> None:
        found = self._find_image(image_id)
        if found is None:
            raise EngineError(f"No such image: {image_id}")
        self._images[reference] = found

    def pull(
        self,
        reference: str,
        stop: Interrupt | None = None,  # noqa: ARG002 - it takes no time
        limits: PullLimits | None = None,  # noqa: ARG002 - and no room
    ) -> Image:
        if reference in self._registry:
            made = named_image(reference)
            self._images[reference] = replace(made, image=replace(made.image, tags=(), digests=(reference,)))
            return self._images[reference].image
        raise ImageUnavailable(f"The image {reference} could not be pulled: there is no registry.")

    def build(self, context: Iterable[bytes], order: BuildOrder, on_log: OnLog) -> str:
        text = dockerfile_in(b"".join(order.stop.passing(context)))
        self.builds.append(text)
        command: tuple[str, ...] = ()
        user = ""
        volumes: tuple[str, ...] = ()
        size_bytes = 0
        if order.disk is not None and order.disk.is_low:
            raise DiskNearlyFull("The disk was nearly full.")
        steps = parse(text).instructions
        for number, step in enumerate(steps, start=1):  # one more gives the image its labels
            on_log(f"Step {number}/{len(steps) + 1} : {step.keyword} {step.value}\n".encode())
            if step.keyword == "FROM" and self._find_image(base_of(step, {})[0]) is None:
                raise BuildBroken(f"pull access denied for {step.value}")
            if step.keyword == "RUN" and step.value == "false":
                raise BuildBroken("The command '/bin/sh -c false' returned a non-zero code: 1")
            if step.keyword == "RUN" and step.value.startswith("sleep "):
                order.stop.event.wait(min(float(step.words[1]), order.time_s))
                order.stop.check()
            if step.keyword == "RUN" and step.value.startswith("fill "):
                size_bytes += int(step.words[1])
            if size_bytes > order.image_bytes:
                raise ImageTooLarge(f"The build added {size_bytes} bytes to its base images.")
            command = words(step.value) if step.keyword == "CMD" else command
            user = step.value if step.keyword == "USER" else user
            volumes += step.words if step.keyword == "VOLUME" else ()
        image_id = f"sha256:{hashlib.sha256((text + order.tag).encode()).hexdigest()}"
        image = Image(
            image_id,
            user,
            tags=(order.tag,),
            size_bytes=size_bytes,
            created_at=datetime.now(UTC),
            labels=order.labels,
            volumes=volumes,
        )
        self._images[order.tag] = FakeImage(image, command)
        return image_id

    def clear_builds(
        self,
        *,
        now: float,  # noqa: ARG002 - it leaves none
        file_bytes: int = BUILD_FILE_BYTES,  # noqa: ARG002
        idle: str | None = None,  # noqa: ARG002
    ) -> int:
        return 0

    def remove_image(self, reference: str) -> None:
        """An image goes with its last name."""
        found = self._images.pop(reference, None)
        if found is not None and not self._tags(found.image.image_id):
            self._images.pop(found.image.image_id, None)

    def user_id(self, image_id: str, user_name: str) -> int | None:  # noqa: ARG002 - every image has the same users
        return {"root": 0, "toor": 0, "app": 1000}.get(user_name)

    def create_volume(self, volume: Volume) -> None:
        with self._lock:
            self.volume_contents.setdefault(volume.name, FakeVolume(volume))

    def volumes(self, *, name_contains: str = "", labels: Mapping[str, str] | None = None) -> list[Volume]:
        with self._lock:
            plans = [one.plan for one in self.volume_contents.values()]
        return [one for one in plans if name_contains in one.name and _carries(one.labels, labels or {})]

    def remove_volume(self, name: str) -> bool:
        with self._lock:
            if any(mount.volume == name for plan in self._containers.values() for mount in plan.mounts):
                return False
            self.volume_contents.pop(name, None)
            return True

    def start(self, plan: ContainerPlan, on_log: OnLog) -> FakeRunning:
        image = self._create(plan)
        command = plan.command if plan.command is not None else image.command
        if not command:
            self.remove_container(plan.name)
            raise StartRefused("The image names no command (CMD or ENTRYPOINT).")
        inside = Inside(plan, self.volume_contents, on_log)
        self._inside[plan.name] = inside
        return FakeRunning(self, inside, self.programs.get(" ".join(command), _not_found))

    def hold(self, plan: ContainerPlan) -> FakeHolder:
        self._create(plan)
        return FakeHolder(self, plan)

    def containers(self, labels: Mapping[str, str]) -> list[Found]:
        with self._lock:
            plans = list(self._containers.values())
        return [Found(plan.name, plan.labels) for plan in plans if _carries(plan.labels, labels)]

    def remove_container(self, name: str) -> None:
        with self._lock:
            self._containers.pop(name, None)
            inside = self._inside.pop(name, None)
        if inside is not None:
            inside.killed.set()

    def close(self) -> None:
        """Nothing is open."""

    def _create(self, plan: ContainerPlan) -> FakeImage:
        image = self._find_image(plan.image)
        if image is None:
            raise EngineError(f"No such image: {plan.image}")
        with self._lock:
            if plan.name in self._containers:
                raise EngineError(f"The container name {plan.name} is already in use.")
            for mount in plan.mounts:
                self.create_volume(Volume(mount.volume))  # as the engine does
            self._containers[plan.name] = plan
            self.plans.append(plan)
        return image

    def _tags(self, image_id: str) -> tuple[str, ...]:
        names = [name for name, one in list(self._images.items()) if one.image.image_id == image_id]
        return tuple(name for name in names if "sha256:" not in name)

    def _find_image(self, reference: str) -> FakeImage | None:
        by_id = (one for one in self._images.values() if one.image.image_id == reference)
        return self._images.get(reference) or self._images.get(f"{reference}:latest") or next(by_id, None)


def finished(engine: FakeEngine, *, within_s: float = 5.0) -> bool:
    """Whether no container is left, after waiting for those that are being cleared away."""
    deadline = time.monotonic() + within_s
    while engine.containers({}) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not engine.containers({})


def _not_found(inside: Inside) -> int:
    inside.print("executable file not found\n")
    return NOT_FOUND_CODE


def _carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(key in labels and value in {"", labels[key]} for key, value in wanted.items())
