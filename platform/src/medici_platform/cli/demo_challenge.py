"""One complete challenge through the platform: its data, its light model trained, its submission scored."""

import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape

from medici_platform.cli.boards import fetch_board
from medici_platform.cli.client import Client
from medici_platform.cli.demo_training import ContainerTraining
from medici_platform.cli.handing_in import Handed, hand_in, read_facts
from medici_platform.cli.output import CommandFailed, notes
from medici_platform.cli.submissions import follow

BUNDLES = Path("bundles")
MODEL = "light"
PROGRAMS = (f"training/{MODEL}", f"submission/{MODEL}", "scoring_program")
SUBMITTED = ("docker_code_inference", "model_output")
FACTS = f"submission/{MODEL}/fact_sheet.yaml"
MADE_BY_COMMANDS = (
    "input_data",
    "reference_data",
    "public_data",
    "data_notice.txt",
    "model_output",
    "submission_directory",
    "__pycache__",
)
CURATED = re.compile(r"^[ \t]*FROM[ \t]+medici/([a-z0-9-]+)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Shown:
    """What a challenge showed."""

    bundle: Path
    board: dict[str, Any] = field(default_factory=dict)
    submission: dict[str, Any] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    """Submissions that were meant to fail."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each step: data, training, scoring (from the upload to the score)."""
    memory_mib: float = 0.0
    """The most that the training container held."""

    @property
    def slug(self) -> str:
        return str(self.board["challenge"])


def complete_challenges() -> list[str]:
    """The challenges of this checkout, by their folders below bundles/, the smallest one first."""
    found = [*BUNDLES.glob("*/competition.yaml"), *BUNDLES.glob("*/*/competition.yaml")]
    folders = [path.parent for path in found if (path.parent / "submission" / MODEL).is_dir()]
    names = sorted(folder.relative_to(BUNDLES).as_posix() for folder in folders)
    return sorted(names, key=lambda name: name != "mednist")


def images_of(name: str) -> list[str]:
    """The curated images that the challenge's light model and scoring program stand on."""
    found = {"codalab"}  # programs without a Dockerfile run in it
    for program in PROGRAMS:
        dockerfile = BUNDLES / name / program / "Dockerfile"
        if dockerfile.is_file():
            found.update(CURATED.findall(dockerfile.read_text(encoding="utf-8")))
    return sorted(found)


def make_bundle(name: str, folder: Path, *options: str) -> Path:
    """A copy of the bundle with its stand-in, so that the checkout stays as it is; `options` are the generator's."""
    shutil.copytree(BUNDLES / name, folder, ignore=shutil.ignore_patterns(*MADE_BY_COMMANDS))
    command = [sys.executable, "-B", "data/synthetic.py", *options]
    made = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if made.returncode:
        last_line = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CommandFailed(f"{name}: data/synthetic.py made no data: {last_line}")
    return folder


def show_challenge(name: str, folder: Path, *, organizer: Client, participant: Client) -> Shown:
    """Make, import, train, hand in, wait. `folder` takes the bundle's copy and the two archives."""
    plain = name.replace("/", "-")
    shown = Shown(folder / plain)
    with _timed(shown, "data"):
        make_bundle(name, shown.bundle)
    notice = shown.bundle / "data_notice.txt"
    _tell(notice.read_text(encoding="utf-8").strip() if notice.is_file() else "Data made.")
    challenge = _import(organizer, shown.bundle, folder / f"{plain}.zip")
    with _timed(shown, "training"):
        _train(shown)
    participant.post(f"/challenges/{challenge}/participants")
    with _timed(shown, "scoring"):
        shown.submission = _submit(participant, challenge, shown.bundle, folder / f"{plain}-submission.zip")
    shown.board = fetch_board(participant, challenge, shown.submission["phase"])
    return shown


def submit_files(participant: Client, challenge: str, archive: Path, facts: Path | None = None) -> dict[str, Any]:
    """Hand in and wait for the end, whatever it is."""
    handed = Handed(challenge, None, archive, None, read_facts([], facts))
    sent = hand_in(participant, handed, check=False, quiet=True)
    _tell(f"Submission {sent['id']} to the phase {sent['phase']}")
    return follow(participant, sent["id"], quiet=False)


def zip_submission(bundle: Path, archive: Path, model: str = MODEL) -> Path:
    """As the bundle's README says: the Dockerfile at the root, the inference code and the model beside it."""
    source = bundle / "submission" / model
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(source / "Dockerfile", "Dockerfile")
        for part in SUBMITTED:
            for file in sorted((source / part).rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    packed.write(file, str(file.relative_to(source)))
    return archive


@contextmanager
def _timed(shown: Shown, step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    shown.seconds[step] = time.monotonic() - began


def _tell(line: str) -> None:
    notes.print(f"  {escape(line)}")


def _import(organizer: Client, bundle: Path, archive: Path) -> str:
    from medici_bundles.packing import pack_folder  # noqa: PLC0415
    from medici_bundles.reader import LEFT_OUT  # noqa: PLC0415

    pack_folder(bundle, archive, exclude=LEFT_OUT)
    imported = organizer.upload("/challenges", archive, publish=True)
    _tell(f"Imported: {imported['title']}, at {organizer.url}/challenges/{imported['slug']}")
    return str(imported["slug"])


def _train(shown: Shown) -> None:
    """Build the training image and run it: public data in at /mnt/in, the model out of /mnt/out."""
    training = ContainerTraining(shown.bundle, MODEL)
    for line in training.lines():
        notes.print(f"    {escape(line)}", style="dim")
    shown.memory_mib = training.memory_mib


def _submit(participant: Client, challenge: str, bundle: Path, archive: Path) -> dict[str, Any]:
    facts = bundle / FACTS
    zip_submission(bundle, archive)
    submission = submit_files(participant, challenge, archive, facts if facts.is_file() else None)
    if submission["state"] != "finished":
        raise CommandFailed(f"{challenge}: the submission ended as {submission['failure']}: {submission['message']}")
    for run in participant.get(f"/submissions/{submission['id']}/runs"):
        seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in run["stage_seconds"].items())
        _tell(f"{run['task']}: {run['state']} ({seconds})")
    return submission
