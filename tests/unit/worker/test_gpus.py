"""GPUs: found in a table, leased by lock, by several processes at once."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from medici_worker.gpus import Gpu, GpuPool, GpuTableInvalid, find_gpus

TABLE = "GPU-a, NVIDIA H100, 81559 MiB; GPU-b, NVIDIA H100, 81559 MiB; GPU-c, NVIDIA A2, 15356 MiB"


def test_a_table_names_gpus():
    assert find_gpus(TABLE) == (
        Gpu("GPU-a", "NVIDIA H100", "81559 MiB"),
        Gpu("GPU-b", "NVIDIA H100", "81559 MiB"),
        Gpu("GPU-c", "NVIDIA A2", "15356 MiB"),
    )


def test_an_empty_table_is_none():
    assert find_gpus("") == ()


def test_a_table_that_is_none():
    with pytest.raises(GpuTableInvalid, match="not as 'GPU-a'"):
        find_gpus("GPU-a")


def test_a_machine_without_nvidia_smi_has_none(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert find_gpus() == ()


def test_nvidia_smi_is_asked(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU-a, NVIDIA H100 80GB HBM3, 81559 MiB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gpus() == (Gpu("GPU-a", "NVIDIA H100 80GB HBM3", "81559 MiB"),)


def test_a_driver_without_a_device_has_none(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gpus() == ()


def test_gpus_are_leased_to_one_at_a_time(tmp_path):
    pool, other = GpuPool(find_gpus(TABLE), tmp_path), GpuPool(find_gpus(TABLE), tmp_path)
    first = pool.lease(2)
    assert first.ids == ("GPU-a", "GPU-b")
    assert other.lease(2) is None
    second = other.lease(1)
    assert second.ids == ("GPU-c",)
    first.free()
    assert other.lease(2).ids == ("GPU-a", "GPU-b")


def test_what_is_not_needed_is_given_back(tmp_path):
    pool = GpuPool(find_gpus(TABLE), tmp_path)
    lease = pool.lease_up_to(3)
    pool.keep(lease, 1)
    assert lease.ids == ("GPU-a",)
    assert pool.lease(2).ids == ("GPU-b", "GPU-c")


def use_gpus(folder: Path, rounds: int, taken, clashes) -> None:
    pool = GpuPool(find_gpus(TABLE), folder)
    for _ in range(rounds):
        with pool.leased(1) as lease:
            if lease is None:
                continue
            marker = folder / f"in-use-{lease.ids[0]}"
            try:
                marker.touch(exist_ok=False)
            except FileExistsError:
                clashes.value += 1
                continue
            time.sleep(0.001)
            marker.unlink()
            taken.value += 1


def test_processes_never_share_a_gpu(tmp_path):
    context = multiprocessing.get_context("fork")
    taken, clashes = context.Value("i", 0), context.Value("i", 0)
    processes = [context.Process(target=use_gpus, args=(tmp_path, 50, taken, clashes)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 4
    assert clashes.value == 0
    assert taken.value > 50


def hold_and_die(folder: Path) -> None:
    GpuPool(find_gpus(TABLE), folder).lease(3)
    os._exit(9)


def test_a_dead_process_holds_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    process = context.Process(target=hold_and_die, args=(tmp_path,))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    assert GpuPool(find_gpus(TABLE), tmp_path).lease(3) is not None
