"""The worker's real code on engines in memory, against a real platform over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medici_worker.client import PlatformClient
from medici_worker.containers.fake_engine import ON_EVERY_ENGINE, FakeEngine
from medici_worker.containers.fake_inside import Inside
from medici_worker.gpus import GpuPool
from medici_worker.settings import WorkerSettings
from medici_worker.worker import WorkerProcess
from medici_worker.worksite import open_worksite


def answer(inside: Inside) -> int:
    """A participant's container."""
    inside.print("predicting\n")
    inside.write("/mnt/out/answer.txt", b"0.5")
    return 0


def score(inside: Inside) -> int:
    given = inside.read("/app/input/res/answer.txt").decode().strip()
    inside.print("scoring\n")
    inside.write("/app/output/scores.txt", f"f1: {given}\nseconds: 2\n".encode())
    return 0


@contextmanager
def worker(folder: Path, url: str, credential: str) -> Iterator[tuple[WorkerProcess, FakeEngine]]:
    settings = WorkerSettings(
        url=url, credential=credential, state_dir=folder / "state", lock_dir=folder / "locks", grace_s=0.5
    )
    programs = {"true": answer, "python /app/program/score.py /app/input /app/output": score}
    engine = FakeEngine(programs, images=(*ON_EVERY_ENGINE, "medici/codalab:latest"))
    site = open_worksite(engine, settings.state_dir, worker=folder.name, lock_folder=settings.lock_dir)
    process = WorkerProcess(
        settings,
        engine=engine,
        client=PlatformClient(url, credential),
        gpus=GpuPool((), settings.lock_dir),
        site=site,
    )
    try:
        yield process, engine
    finally:
        process.close()
