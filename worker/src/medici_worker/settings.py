"""Every setting of a worker, from the environment. worker/README.md explains each; a test holds it to that."""

import os
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from medici_worker.containers.build_index import IndexRules
from medici_worker.walls import Wall

GIB = 1024**3


def default_lock_folder() -> Path:
    """The same for all workers of one user on this machine: GPUs and data sets are held by locks in it."""
    if os.geteuid() == 0:
        return Path("/var/lock/medici")
    return Path(tempfile.gettempdir()) / f"medici-locks-{os.geteuid()}"


def _env(name: str) -> AliasChoices:
    """Settings that the whole product shares have the product's prefix; both ways of writing them count."""
    return AliasChoices(f"MEDICI_WORKER_{name}", f"MEDICI_{name}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


class WorkerSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MEDICI_WORKER_", populate_by_name=True, extra="ignore")

    url: Annotated[str, Field(validation_alias=_env("URL"))] = "http://127.0.0.1:8000"
    """Where the platform answers."""
    credential: Annotated[SecretStr, Field(validation_alias=_env("CREDENTIAL"))] = SecretStr("")
    """What `medici worker enroll` printed."""
    broker_url: Annotated[str, Field(validation_alias=_env("BROKER_URL"))] = "redis://127.0.0.1:6379/0"
    """`redis://…`, or `folder:///path` for the embedded broker."""
    state_dir: Path = Path("var/worker")
    """Notes between starts, programs, files of running work. One folder per worker."""
    lock_dir: Path = Field(default_factory=default_lock_folder)
    """Locks that the workers of a machine share: GPUs and datasets."""
    slots: int = Field(default=1, ge=1, le=64)
    """Runs at the same time."""
    docker_host: Annotated[
        str | None, Field(validation_alias=AliasChoices("MEDICI_WORKER_DOCKER_HOST", "DOCKER_HOST"))
    ] = None
    """The container engine, as in DOCKER_HOST; unset: the local socket."""
    runtime: str | None = None
    """OCI runtime of participants' and scoring containers: runsc, kata, nvidia. Unset: the engine's default."""
    require: Annotated[tuple[Wall, ...], NoDecode] = (Wall.SECCOMP,)
    """Walls that the engine must have, with commas between: seccomp, userns, rootless, runtime, apparmor, selinux."""
    holder_image: str = "medici/python:latest"
    """Image of the small container that holds a run's volumes. It needs `sleep`."""
    gpus: str | None = None
    """Table of the GPUs to use (`uuid, model, memory; …`), "" for none. Unset: what nvidia-smi finds."""
    data_budget_bytes: int = Field(default=50 * GIB, ge=0)
    """Datasets at the engine: the longest unused are removed above this."""
    image_budget: int = Field(default=50, ge=0)
    """Built images at the engine: the longest unused are removed above this number."""
    image_budget_bytes: int = Field(default=100 * GIB, ge=0)
    """What they may add to their base images in all: the longest unused are removed above this."""
    disk_dir: Path | None = None
    """A folder on the disk that the engine's images lie on. Unset: the engine's own folder, else `state_dir`."""
    disk_reserve_bytes: int = Field(default=5 * GIB, ge=0)
    """With less than this left on that disk, builds are stopped and no run is claimed; 0: never."""
    build_indexes: str = ""
    """Patterns of addresses of package indexes that builds may ask where their phase names one; none: no network."""
    build_index_hosts: str = ""
    """Further hosts that these indexes send on to for files: `host` (port 443) or `host:port`."""
    build_index_private: str = ""
    """Private networks (as 10.0.0.0/8) in which these hosts may lie. Elsewhere private addresses are refused."""
    build_index_network: str = "bridge"
    """The engine's network on which the index is asked. The build itself is on none."""
    build_index_ca: Path | None = None
    """Certificates (PEM) that pip trusts in such builds; unset: those of the base image."""
    build_index_bytes: int = Field(default=20 * GIB, gt=0)
    """What may pass between one build and its index."""
    grace_s: float = Field(default=30.0, ge=0)
    """How long a running run may go on after SIGTERM before it is given back to the queue."""
    hello_s: float = Field(default=60.0, gt=0)
    """How often the worker tells the platform what it has."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much it says."""

    @property
    def indexes(self) -> IndexRules:
        return IndexRules(
            patterns=_words(self.build_indexes),
            hosts=_words(self.build_index_hosts),
            private_networks=_words(self.build_index_private),
            network=self.build_index_network,
            ca=self.build_index_ca,
            limit_bytes=self.build_index_bytes,
        )

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: str) -> str:
        return value.upper()

    @field_validator("build_index_private")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for one in _words(value):
            ip_network(one)
        return value

    @field_validator("build_index_ca")
    @classmethod
    def _is_a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"{value} is not a file")
        return value

    @field_validator("docker_host", "runtime", "disk_dir", "build_index_ca", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("require", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        named = value.replace(",", " ").split()
        for name in named:
            if name not in list(Wall):
                raise ValueError(f"MEDICI_WORKER_REQUIRE names {name!r}, which is no wall: there are {', '.join(Wall)}")
        return tuple(named)

    @field_validator("disk_dir")
    @classmethod
    def _is_a_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError(f"{value} is not a folder")
        return value

    @field_validator("state_dir", "lock_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()
