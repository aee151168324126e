"""From POST to the score on the board, beside the bare `docker run` of the very same containers.

The programs only copy one file, so that the platform's own time shows. Everything is measured in one run, by turns:
bare, platform, bare, platform … MEDICI_BENCH_ROUNDS sets how often (default 20), MEDICI_BENCH_GOAL the largest ratio
that passes (default 2.0).
"""

import os
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from medici_worker.containers.profile import hardened
from medici_worker.protocol import Limits
from tests.e2e.programs import phase, write_bundle
from tests.e2e.stack import Stack, stack, until
from tests.factories.platform import make_zip

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("MEDICI_BENCH_ROUNDS", "20"))
GOAL = float(os.environ.get("MEDICI_BENCH_GOAL", "2.0"))
WARM_UP = 3
SETTLE_S = 0.7
"""Between two measurements: what the engine and the worker do afterwards must not be charged to the next."""
MIB = 1024**2
LIMITS = {"time_s": 60, "memory_mb": 256, "cpus": 1, "pids": 64, "output_mb": 8, "shm_mb": 16, "tmp_mb": 16}
PROTOCOL_LIMITS = Limits(
    time_s=60,
    memory_bytes=256 * MIB,
    cpus=1,
    pids=64,
    output_bytes=8 * MIB,
    shm_bytes=16 * MIB,
    tmp_bytes=16 * MIB,
)
COPY_OUT = {"Dockerfile": 'FROM medici/python:latest\nCMD ["cp", "/mnt/in/scores.txt", "/mnt/out/scores.txt"]\n'}
SCORE_COMMAND = ("cp", "/app/input/res/scores.txt", "/app/output/scores.txt")


@dataclass(frozen=True)
class Bare:
    """The containers that the platform's runs were made of, as a person would start them by hand."""

    data: str
    program: str
    reference: str
    image: str
    folder: Path

    def inference(self) -> None:
        self._run(self.image, (f"{self.data}:/mnt/in:ro", f"{self._out('out')}:/mnt/out"))

    def scoring(self) -> None:
        mounts = (
            f"{self.program}:/app/program:ro",
            f"{self.reference}:/app/input/ref:ro",
            f"{self._out('out')}:/app/input/res:ro",
            f"{self._out('scores')}:/app/output",
        )
        self._run("medici/python:latest", mounts, SCORE_COMMAND)
        assert (self._out("scores") / "scores.txt").read_text().startswith("f1: ")

    def _out(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        return folder

    def _run(self, image: str, mounts: tuple[str, ...], command: tuple[str, ...] = ()) -> None:
        volumes = [word for mount in mounts for word in ("-v", mount)]
        words = ["docker", "run", "--rm", *profile_options(), *volumes, image, *command]
        subprocess.run(words, check=True, capture_output=True)


def profile_options() -> list[str]:
    """The worker's own profile of these limits, in the words of the docker command."""
    profile = hardened(PROTOCOL_LIMITS, engine_cpus=os.cpu_count() or 1)
    host = profile.host
    ulimits = [f"--ulimit={each['Name']}={each['Soft']}:{each['Hard']}" for each in host["ulimits"]]
    return [
        f"--network={host['network_mode']}",
        "--read-only",
        *(f"--tmpfs={path}:{options}" for path, options in host["tmpfs"].items()),
        *(f"--cap-drop={capability}" for capability in host["cap_drop"]),
        *(f"--security-opt={option}" for option in host["security_opt"]),
        f"--pids-limit={host['pids_limit']}",
        f"--memory={host['mem_limit']}",
        f"--memory-swap={host['memswap_limit']}",
        f"--cpus={host['nano_cpus'] / 1e9:g}",
        f"--shm-size={host['shm_size']}",
        *ulimits,
        "--init",
        f"--ipc={host['ipc_mode']}",
        f"--log-opt=max-size={host['log_config']['Config']['max-size']}",
        f"--user={profile.user}",
        "--env=HOME=/tmp",
    ]


@pytest.fixture(scope="module")
def platform(docker_engine, tmp_path_factory) -> Iterator[Stack]:
    """`medici up` as everybody starts it: SQLite, the folder broker, one worker, settings untouched."""
    folder = tmp_path_factory.mktemp("bench")
    with stack(folder) as running:
        bundle = write_bundle(
            folder / "bundle",
            phases=[phase(0, "Final", limits=LIMITS, scoring_limits=LIMITS)],
            leaderboards=[
                {
                    "title": "Results",
                    "key": "main",
                    "submission_rule": "Force_Last",
                    "columns": [{"title": "F1", "key": "f1", "index": 0}],
                }
            ],
        )
        (bundle / "scoring_program" / "metadata").write_text("command: cp $predictions/scores.txt $output/scores.txt\n")
        (bundle / "input_data" / "scores.txt").write_text("f1: 0.5\n")
        assert running.medici("challenge", "import", bundle, "--publish", user="olga").code == 0
        assert running.medici("join", "tiny", user="alice").code == 0
        yield running


@pytest.fixture(scope="module")
def bare(platform, tmp_path_factory) -> Bare:
    number = platform.run_files(COPY_OUT)["id"]
    (run,) = platform.runs(number)
    with sqlite3.connect(platform.data / "medici.sqlite3") as database:
        shas = database.execute(
            "SELECT input_data_sha256, scoring_program_sha256, reference_data_sha256 FROM task"
        ).fetchone()
    database.close()
    with platform.engine() as engine:
        data, program, reference = (
            engine.volumes.list(filters={"name": f"medici-data-{sha256}"})[0].name for sha256 in shas
        )
    by_hand = Bare(data, program, reference, run["image_digest"], tmp_path_factory.mktemp("bare"))
    by_hand.inference()
    return by_hand


@dataclass
class Board:
    """Watches for a submission on the board: the database is looked at often, the platform asked once at the end.

    Asking the platform all the time would measure the asking.
    """

    platform: Stack

    def __post_init__(self) -> None:
        self._database = sqlite3.connect(f"file:{self.platform.data / 'medici.sqlite3'}?mode=ro", uri=True)
        self._client = self.platform.client("alice")

    def post_to_score(self, archive: bytes) -> None:
        answer = self._client.post("/challenges/tiny/submissions", files={"file": ("submission.zip", archive)})
        number = answer.json()["id"]
        while self._latest() != number:
            time.sleep(0.002)
        (entry,) = self._client.get("/challenges/tiny/leaderboard").json()["entries"]
        assert entry["submission"] == number
        assert entry["scores"]["f1"] > 0

    def close(self) -> None:
        self._client.close()
        self._database.close()

    def _latest(self) -> int | None:
        row = self._database.execute("SELECT submission_id FROM leaderboard_entry").fetchone()
        return row[0] if row else None


@pytest.fixture
def board(platform) -> Iterator[Board]:
    opened = Board(platform)
    yield opened
    opened.close()


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def settle(platform: Stack) -> None:
    until(lambda: not platform.containers(run=True), "the last run's containers are gone")
    time.sleep(SETTLE_S)


def results(value: int) -> bytes:
    return make_zip({"scores.txt": f"f1: 0.{value + 1:04}\n"})


def test_post_to_score(platform, bare, board):
    rounds: dict[str, list[tuple[float, float]]] = {"result submission": [], "cached code submission": []}
    code = make_zip(COPY_OUT)  # the same bytes each time: built once
    for turn in range(WARM_UP + ROUNDS):
        settle(platform)
        plain = seconds(bare.scoring)
        settle(platform)
        whole = seconds(lambda turn=turn: board.post_to_score(results(turn)))
        rounds["result submission"].append((plain, whole))

        settle(platform)
        plain = seconds(lambda: (bare.inference(), bare.scoring()))
        settle(platform)
        whole = seconds(lambda: board.post_to_score(code))
        rounds["cached code submission"].append((plain, whole))
    ratios = report({kind: pairs[WARM_UP:] for kind, pairs in rounds.items()})
    print_stages(platform)
    assert max(ratios.values()) <= GOAL


def report(rounds: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    """Print the table; returns each kind's ratio of the medians."""
    print(f"\n\nPOST to score on the board, medians of {ROUNDS} (seconds; from the 10th to the 90th percentile)\n")
    print(f"{'':24}{'docker run':>24}{'MedICI':>24}{'ratio':>8}{'own time':>11}")
    ratios = {}
    for kind, pairs in rounds.items():
        plain, whole = ([pair[place] for pair in pairs] for place in (0, 1))
        ratios[kind] = statistics.median(whole) / statistics.median(plain)
        own = statistics.median(whole) - statistics.median(plain)
        print(f"{kind:24}{spread(plain):>24}{spread(whole):>24}{ratios[kind]:>8.2f}{own * 1000:>8.0f} ms")
    print("\ngoal of this version 2.0, of the project 1.3\n")
    return ratios


def spread(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.3f}"
    tenths = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):.3f} ({tenths[0]:.3f}–{tenths[-1]:.3f})"


def print_stages(platform: Stack) -> None:
    """Where the worker's time goes, as the runs tell the organizer: participants see whole seconds."""
    listing = platform.get("/challenges/tiny/submissions", per_page=200)["items"]
    for kind in ("results", "container"):
        numbers = [each["id"] for each in listing if each["kind"] == kind][:ROUNDS]
        runs = [platform.runs(number, user="olga")[0]["stage_seconds"] for number in numbers]
        stages = {
            stage: statistics.median(run[stage] for run in runs)
            for stage in ("preparing", "running", "scoring")
            if all(stage in run for run in runs)
        }
        print(f"{kind:12}" + "  ".join(f"{stage} {value * 1000:.0f} ms" for stage, value in stages.items()))
