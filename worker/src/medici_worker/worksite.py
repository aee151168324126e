"""What every run of a worker shares: its engine, the caches on it, a place for files of a moment."""

import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medici_worker.containers.bench import BenchPool
from medici_worker.containers.build_index import IndexDoor, IndexRules
from medici_worker.containers.builds import Builder, DockerfileNotes
from medici_worker.containers.datasets import Datasets
from medici_worker.containers.disk import Disk
from medici_worker.containers.engine import Engine, EngineInfo
from medici_worker.containers.image_uses import ImageUses
from medici_worker.containers.profile import keeper
from medici_worker.programs import Programs

DEFAULT_HOLDER_IMAGE = "medici/python:latest"


@dataclass
class Worksite:
    """Made once per process by `open_worksite`; shared by its runs, which may be several at a time."""

    engine: Engine
    info: EngineInfo
    worker: str
    """Stable name of this worker on its engine: containers and volumes carry it as a label."""
    scratch: Path
    benches: BenchPool
    builder: Builder
    door: IndexDoor
    """For builds that may ask a package index."""
    uses: ImageUses
    datasets: Datasets
    programs: Programs
    disk: Disk
    runtime: str | None = None
    gpu_models: Mapping[str, str] = field(default_factory=dict)
    """By the GPUs' ids."""

    def close(self) -> None:
        self.benches.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def open_worksite(  # noqa: PLR0913 - keyword-only settings of one place
    engine: Engine,
    state_folder: Path,
    *,
    worker: str | None = None,
    image_owner: str | None = None,
    lock_folder: Path | None = None,
    holder_image: str = DEFAULT_HOLDER_IMAGE,
    runtime: str | None = None,
    prewarm: bool = True,
    disk: Disk | None = None,
    indexes: IndexRules | None = None,
    gpu_models: Mapping[str, str] | None = None,
) -> Worksite:
    """`state_folder` keeps small notes between starts and files of running work; `lock_folder` is the machine's.

    Builds stop when `disk` is low; None: never. Built images are `image_owner`'s, by default the worker's.
    """
    state_folder.mkdir(parents=True, exist_ok=True)
    name = worker or socket.gethostname()
    info = engine.describe()
    profile = keeper(engine_cpus=info.cpus)
    disk = disk or Disk(state_folder, reserve_bytes=0)
    notes, uses = DockerfileNotes(state_folder / "dockerfiles"), ImageUses(state_folder / "image-uses")
    door = IndexDoor(engine, indexes or IndexRules(), image=holder_image, worker=name, engine_cpus=info.cpus)
    datasets = Datasets(
        engine,
        state_folder / "datasets",
        lock_folder or state_folder / "locks",
        holder_image=holder_image,
        profile=profile,
        worker=name,
        disk=disk,
    )
    return Worksite(
        engine=engine,
        info=info,
        worker=name,
        scratch=Path(tempfile.mkdtemp(prefix="run-", dir=state_folder)),
        benches=BenchPool(engine, image=holder_image, profile=profile, worker=name, prewarm=prewarm),
        builder=Builder(engine, notes, uses, door, engine_cpus=info.cpus, worker=image_owner or name, disk=disk),
        door=door,
        uses=uses,
        datasets=datasets,
        programs=Programs(state_folder / "programs"),
        disk=disk,
        runtime=runtime,
        gpu_models=gpu_models or {},
    )
