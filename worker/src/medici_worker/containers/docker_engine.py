"""The engine over its HTTP API (Docker 20.10 or newer, Podman's socket): local, remote, or behind a mounted socket.

The low-level client is used because every inspection that the high-level one adds is a round trip of a run.
"""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import docker
import requests
from docker.errors import APIError, ImageNotFound, NotFound
from docker.utils.socket import frames_iter

from medici_worker.containers.build_traces import clear_dead_images, clear_dead_steps
from medici_worker.containers.docker_build import build
from medici_worker.containers.docker_errors import engine_errors, explanation, is_images_fault, is_place_taken
from medici_worker.containers.docker_load import load, pull
from medici_worker.containers.docker_streams import body
from medici_worker.containers.docker_users import user_id
from medici_worker.containers.engine import (
    BUILD_FILE_BYTES,
    LABEL_BUILD,
    BuildOrder,
    ContainerPlan,
    EngineError,
    EngineInfo,
    Exit,
    Found,
    Image,
    ImageUnavailable,
    OnLog,
    PlaceTaken,
    PullLimits,
    StartRefused,
    Volume,
)
from medici_worker.containers.interrupt import Interrupt

CALL_TIMEOUT_S = 120
CONNECTIONS = 64
LOG_GRACE_S = 5.0
OOM_SETTLE_S = 0.3
CONFLICT = 409
SIGKILLED = 137
CHUNK_BYTES = 256 * 1024
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The machine's words in those of images."""
NO_HEALTHCHECK = {"test": ["NONE"]}
"""An image's own would be run by the engine, as often as the image says, beside the container's limits."""
UNTAGGED = "<none>:<none>"
"""What the engine lists as the tag of an image whose tag was given to a newer one."""


class DockerEngine:
    """`base_url` as in DOCKER_HOST (None: the local socket)."""

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = base_url
        with engine_errors("be reached"):
            self.api = docker.APIClient(
                base_url=base_url,
                version="auto",
                timeout=CALL_TIMEOUT_S,
                max_pool_size=CONNECTIONS,
                num_pools=CONNECTIONS,
            )

    def ping(self) -> None:
        with engine_errors("answer"):
            self.api.ping()

    def describe(self) -> EngineInfo:
        with engine_errors("describe itself"):
            info = self.api.info()
            parts = self.api.version().get("Components") or ()
        return EngineInfo(
            engine_id=info.get("ID", ""),
            name=info.get("Name", ""),
            version=info.get("ServerVersion", ""),
            cpus=int(info["NCPU"]),
            memory_bytes=int(info["MemTotal"]),
            architecture=ARCHITECTURES.get(info.get("Architecture", ""), info.get("Architecture", "")),
            root=info.get("DockerRootDir", ""),
            product="podman" if any("podman" in part.get("Name", "").lower() for part in parts) else "docker",
            kernel=info.get("KernelVersion", ""),
            runtime=info.get("DefaultRuntime", ""),
            runtimes=frozenset(info.get("Runtimes") or ()),
            walls=frozenset(_walls(info.get("SecurityOptions") or ())),
        )

    def image(self, reference: str) -> Image | None:
        with engine_errors(f"inspect the image {reference}"):
            try:
                found = self.api.inspect_image(reference)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None
        config = found.get("Config") or {}
        return Image(
            image_id=found["Id"],
            user=config.get("User") or "",
            digests=tuple(found.get("RepoDigests") or ()),
            tags=tuple(found.get("RepoTags") or ()),
            size_bytes=found.get("Size", 0),
            created_at=_created_at(found.get("Created", "")),
            labels=config.get("Labels") or {},
            volumes=tuple(sorted(config.get("Volumes") or ())),
            architecture=found.get("Architecture", ""),
        )

    def images(self, label: str) -> list[Image]:
        with engine_errors("list images"):
            return [_listed(one) for one in self.api.images(filters={"label": label})]

    def images_named(self, pattern: str) -> list[Image]:
        with engine_errors("list images"):
            return [_listed(one) for one in self.api.images(filters={"reference": pattern})]

    def load(self, tar: Iterable[bytes], stop: Interrupt | None = None) -> str:
        return load(self.api, tar, stop or Interrupt())

    def tag(self, image_id: str, reference: str) -> None:
        repository, _, tag = reference.rpartition(":")
        with engine_errors(f"name an image {reference}"):
            self.api.tag(image_id, repository, tag)

    def pull(self, reference: str, stop: Interrupt | None = None, limits: PullLimits | None = None) -> Image:
        pull(self.api, reference, stop or Interrupt(), limits or PullLimits())
        image = self.image(reference)
        if image is None:
            raise ImageUnavailable(f"The image {reference} was pulled, but the engine does not have it.")
        return image

    def build(self, context: Iterable[bytes], order: BuildOrder, on_log: OnLog) -> str:
        return build(self.api, context, order, on_log)

    def clear_builds(self, *, now: float, file_bytes: int = BUILD_FILE_BYTES, idle: str | None = None) -> int:
        with engine_errors("clear away what builds left"):
            clear_dead_images(self.api, now=now, idle=idle)
            return clear_dead_steps(self.api, now=now, file_bytes=file_bytes)

    def remove_image(self, reference: str) -> None:
        with engine_errors(f"remove the image {reference}"), contextlib.suppress(NotFound):
            try:
                self.api.remove_image(reference)
            except APIError as error:
                if error.status_code != CONFLICT:
                    raise

    def user_id(self, image_id: str, user_name: str) -> int | None:
        with engine_errors(f"read the users of {image_id}"):
            return user_id(self.api, image_id, user_name)

    def create_volume(self, volume: Volume) -> None:
        options: dict[str, str] | None = None
        if volume.size_bytes is not None:
            inodes = f",nr_inodes={volume.inodes}" if volume.inodes else ""
            # noexec would break nothing of ours, but some programs unpack and run helpers beside their output.
            mount = f"size={volume.size_bytes}{inodes},mode=1777,nosuid,nodev"
            options = {"type": "tmpfs", "device": "tmpfs", "o": mount}
        with engine_errors(f"create the volume {volume.name}"):
            self.api.create_volume(volume.name, driver="local", driver_opts=options, labels=dict(volume.labels))

    def volumes(self, *, name_contains: str = "", labels: Mapping[str, str] | None = None) -> list[Volume]:
        filters: dict[str, Any] = {}
        if name_contains:
            filters["name"] = name_contains
        if labels:
            filters["label"] = _label_filters(labels)
        with engine_errors("list volumes"):
            found = self.api.volumes(filters=filters).get("Volumes") or []
        return [Volume(name=one["Name"], labels=one.get("Labels") or {}) for one in found]

    def remove_volume(self, name: str) -> bool:
        with engine_errors(f"remove the volume {name}"):
            try:
                self.api.remove_volume(name)
            except NotFound:
                return True
            except APIError as error:
                if error.status_code == CONFLICT:
                    return False
                raise
        return True

    def start(self, plan: ContainerPlan, on_log: OnLog) -> "DockerRunning":
        container_id = self._create(plan)
        running = DockerRunning(self.api, container_id)
        try:
            running.follow(on_log)
            self._start(container_id)
        except BaseException:
            with contextlib.suppress(EngineError):
                running.remove()
            raise
        return running

    def hold(self, plan: ContainerPlan) -> "DockerHolder":
        container_id = self._create(plan)
        self._start(container_id)
        return DockerHolder(self.api, container_id)

    def containers(self, labels: Mapping[str, str]) -> list[Found]:
        with engine_errors("list containers"):
            found = self.api.containers(all=True, filters={"label": _label_filters(labels)})
        return [Found(name=one["Names"][0].lstrip("/"), labels=one.get("Labels") or {}) for one in found]

    def remove_container(self, name: str) -> None:
        remove_container(self.api, name)

    def close(self) -> None:
        self.api.close()

    def _create(self, plan: ContainerPlan) -> str:
        host = self.api.create_host_config(**plan.profile.host, binds=[_bind(mount) for mount in plan.mounts])
        with engine_errors(f"create the container {plan.name}"):
            try:
                made = self.api.create_container(
                    plan.image,
                    command=list(plan.command) if plan.command is not None else None,
                    user=plan.profile.user,
                    environment={**plan.profile.environment, **plan.environment},
                    working_dir=plan.working_dir,
                    name=plan.name,
                    labels={LABEL_BUILD: "", **plan.labels},  # the image's own would have it taken for a build's step
                    healthcheck=NO_HEALTHCHECK,
                    host_config=host,
                )
            except APIError as error:
                if "No command specified" in explanation(error):
                    raise StartRefused("The image names no command (CMD or ENTRYPOINT).") from error
                if is_images_fault(explanation(error)):
                    raise StartRefused(explanation(error)) from error
                raise
        return str(made["Id"])

    def _start(self, container_id: str) -> None:
        with engine_errors("start a container"):
            try:
                self.api.start(container_id)
            except APIError as error:
                reason = explanation(error)
                if is_place_taken(reason):
                    raise PlaceTaken(reason) from error
                if is_images_fault(reason):
                    raise StartRefused(reason) from error
                raise


class DockerRunning:
    """A container that runs, and the thread that reads its log."""

    def __init__(self, api: docker.APIClient, container_id: str) -> None:
        self._api = api
        self._id = container_id
        self._reader: threading.Thread | None = None

    def follow(self, on_log: OnLog) -> None:
        """Attach before the start, so that no byte is missed."""
        raw: Any = self._api  # the SDK's `attach` inspects the container first, and leaves its socket open
        with engine_errors("attach to a container"):
            response = raw.post(
                raw._url("/containers/{0}/attach", self._id),  # noqa: SLF001 - see above
                params={"stdout": 1, "stderr": 1, "stream": 1},
                headers={"Connection": "Upgrade", "Upgrade": "tcp"},
                stream=True,
            )
            stream = raw._get_raw_response_socket(response)  # noqa: SLF001 - see above
        self._reader = threading.Thread(target=_read_log, args=(response, stream, on_log), name="log", daemon=True)
        self._reader.start()

    def wait(self, timeout_s: float) -> Exit | None:
        with engine_errors("wait for a container"):
            try:
                code = int(self._api.wait(self._id, timeout=timeout_s)["StatusCode"])  # type: ignore[arg-type]
            except (requests.ReadTimeout, requests.ConnectionError) as error:
                if "timed out" in str(error).lower():
                    return None
                raise
        if self._reader is not None:
            self._reader.join(timeout=LOG_GRACE_S)
        return Exit(code=code, out_of_memory=self._out_of_memory(code))

    def kill(self) -> None:
        with engine_errors("kill a container"), contextlib.suppress(NotFound):
            try:
                self._api.kill(self._id, "SIGKILL")
            except APIError as error:
                if error.status_code != CONFLICT:  # it has ended already
                    raise

    def remove(self) -> None:
        remove_container(self._api, self._id)

    def _out_of_memory(self, code: int) -> bool:
        """The engine hears of a memory kill a moment after the exit: after a SIGKILL it is asked twice."""
        with engine_errors("inspect a container"):
            killed = bool(self._api.inspect_container(self._id)["State"].get("OOMKilled"))
            if not killed and code == SIGKILLED:
                time.sleep(OOM_SETTLE_S)
                killed = bool(self._api.inspect_container(self._id)["State"].get("OOMKilled"))
        return killed


class DockerHolder:
    def __init__(self, api: docker.APIClient, container_id: str) -> None:
        self._api = api
        self._id = container_id

    def put(self, path: str, tar: Iterable[bytes]) -> None:
        with engine_errors(f"write to {path}"):
            self._api.put_archive(self._id, path, body(tar))

    def get(self, path: str) -> Iterator[bytes]:
        with engine_errors(f"read {path}"):
            stream, _ = self._api.get_archive(self._id, path, chunk_size=CHUNK_BYTES)
            yield from stream

    def holds(self) -> bool:
        with engine_errors("inspect a container"):
            try:
                return bool(self._api.inspect_container(self._id)["State"].get("Running"))
            except NotFound:
                return False

    def remove(self) -> None:
        remove_container(self._api, self._id)


def remove_container(api: docker.APIClient, name: str) -> None:
    """With its anonymous volumes (VOLUME in an image makes some); volumes that have a name stay."""
    with engine_errors(f"remove the container {name}"), contextlib.suppress(NotFound):
        try:
            api.remove_container(name, force=True, v=True)
        except APIError as error:
            if error.status_code != CONFLICT:  # somebody else is removing it at this moment
                raise


def _read_log(response: requests.Response, stream: Any, on_log: OnLog) -> None:
    """Until the container ends. An engine that goes away ends the log; `wait` says so."""
    try:
        for _, data in frames_iter(stream, False):  # type: ignore[no-untyped-call]
            if data:
                on_log(data)
    except (OSError, ValueError):
        return
    finally:
        response.close()


def _walls(options: Iterable[str]) -> Iterator[str]:
    """Of `name=seccomp,profile=default`; a profile that allows everything is no wall."""
    for option in options:
        said = dict(part.partition("=")[::2] for part in option.split(","))
        if said.get("profile") != "unconfined":
            yield said.get("name", option)


def _listed(one: Mapping[str, Any]) -> Image:
    return Image(
        image_id=one["Id"],
        tags=tuple(tag for tag in one.get("RepoTags") or () if tag != UNTAGGED),
        size_bytes=one.get("Size", 0),
        created_at=_created_in(one["Created"]),
        labels=one.get("Labels") or {},
    )


def _bind(mount: Any) -> str:
    """Without `nocopy` the engine fills an empty volume with what the image has at that path, however much that is."""
    return f"{mount.volume}:{mount.path}:{'ro' if mount.read_only else 'rw'},nocopy"


def _label_filters(labels: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" if value else key for key, value in labels.items()]


def _created_in(seconds: int) -> datetime | None:
    """An image says itself when it was made: of years that no calendar has, nothing is known."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _created_at(text: str) -> datetime | None:
    """Of `2026-11-21T01:02:03.123456789Z`: nanoseconds are more than Python reads."""
    try:
        return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    except ValueError:
        return None
