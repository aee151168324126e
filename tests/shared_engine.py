"""The processes of a test run share this machine's engine: what one of them clears away, another one may be using."""

from collections.abc import Iterable
from pathlib import Path

from medici_worker.containers.datasets import PREFIX, Datasets
from medici_worker.containers.docker_engine import DockerEngine
from medici_worker.containers.profile import keeper
from medici_worker.settings import default_lock_folder
from medici_worker.worksite import DEFAULT_HOLDER_IMAGE


def forget_data(engine: DockerEngine, folder: Path, sha256s: Iterable[str]) -> None:
    """Remove these data sets from the engine, those excepted that a run uses now: by the workers' own locks."""
    there = {volume.name.removeprefix(PREFIX).partition("-")[0] for volume in engine.volumes(name_contains=PREFIX)}
    datasets = Datasets(
        engine,
        folder / "forgotten",
        default_lock_folder(),
        holder_image=DEFAULT_HOLDER_IMAGE,
        profile=keeper(engine_cpus=1),
        worker="tests",
    )
    for sha256 in there.intersection(sha256s):
        datasets.remove(sha256)
