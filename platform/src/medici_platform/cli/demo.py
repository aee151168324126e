"""`medici demo`: the whole path on this machine, from an organizer's bundle to the leaderboard, in real containers."""

import json
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from medici_platform.cli.boards import print_board
from medici_platform.cli.client import Client
from medici_platform.cli.demo_platform import DemoPlatform, demo_platform
from medici_platform.cli.output import CommandFailed, notes, results
from medici_platform.cli.submissions import follow
from medici_platform.presentation.formats import log_text

BUNDLE = Path("bundles/mednist")
MADE_BY_COMMANDS = (
    "input_data",
    "reference_data",
    "public_data",
    "model_output",
    "submission_directory",
    "__pycache__",
)
CHALLENGE = "mednist"
NUMBERS = ("precision", "recall", "f1")


def demo(
    folder: Annotated[Path, typer.Option(help="Emptied first.")] = Path("var/demo"),
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Do not end the platform at the end.")] = False,
) -> None:
    """MedNIST from the bundle to the leaderboard: make data, train, submit, score, and two submissions that fail."""
    if not BUNDLE.is_dir():
        raise CommandFailed("The demo runs in a checkout of MedICI: change to its folder first.")
    began = time.monotonic()
    _start_empty(folder)
    step("Base image")
    _base_image()
    step("Bundle: a synthetic stand-in for MedNIST, 3 × 600 images")
    bundle = make_bundle(folder / "mednist")
    with demo_platform(folder, keep_running=keep_running) as platform:
        step(f"Platform at {platform.url} (SQLite, folder broker, folder storage, one worker)")
        organizer, participant = _people(platform)
        step("Organizer imports the bundle")
        imported = organizer.upload("/challenges", _zip_folder(bundle, folder / "mednist.zip"), publish=True)
        notes.print(f"  {imported['title']} at {platform.url}/challenges/{imported['slug']}")
        step("Participant trains the light model in the training container")
        train(bundle)
        step("Participant uploads the inference submission")
        participant.post(f"/challenges/{CHALLENGE}/participants")
        submission = _submit(participant, zip_submission(bundle, folder / "submission.zip"))
        step("Two submissions that fail")
        refused = _broken_zip(participant, folder / "broken.zip")
        failed = _wrong_header(participant, folder / "wrong-header.zip")
        step("Leaderboard")
        board = _show_results(organizer, participant, submission, folder)
    _write_summary(folder, board, submission, [refused, failed])
    results.print(f"Done in {time.monotonic() - began:.0f} s. `make up` serves this platform at http://127.0.0.1:8000.")


def step(title: str) -> None:
    notes.print(f"\n[bold cyan]▸ {title}[/]")


def _start_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _base_image() -> None:
    from medici_worker.images import ImageBuildFailed, build_images  # noqa: PLC0415 - loads the engine's library

    try:
        for image in build_images(["codalab"], say=lambda line: notes.print(f"  {escape(line)}")):
            notes.print(f"  {image.tag}: {'built' if image.built else 'up to date'}")
    except ImageBuildFailed as error:
        raise CommandFailed(str(error)) from error


def make_bundle(folder: Path) -> Path:
    """A copy of the bundle with generated data, so that the checkout stays as it is."""
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns(*MADE_BY_COMMANDS))
    subprocess.run([sys.executable, "-B", "data/synthetic.py"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def _people(platform: DemoPlatform) -> tuple[Client, Client]:
    """The organizer is made on the machine; the participant signs up over the public API."""
    organizer = Client(platform.url, platform.create_organizer("organizer"))
    anonymous = Client(platform.url, token="")
    account = {"username": "participant", "password": platform.password}
    anonymous.post("/users", account)
    token = anonymous.post("/tokens", {**account, "name": "demo"})["token"]
    return organizer, Client(platform.url, token)


def _zip_folder(folder: Path, archive: Path) -> Path:
    from medici_bundles.packing import pack_folder  # noqa: PLC0415

    pack_folder(folder, archive)
    return archive


def train(bundle: Path) -> None:
    """Build the training image and run it: training data in at /mnt/in, the model out of /mnt/out."""
    from medici_platform.cli.demo_training import train_in_container  # noqa: PLC0415 - loads the engine's library

    for line in train_in_container(bundle):
        notes.print(f"  {escape(line)}", style="dim")


def zip_submission(bundle: Path, archive: Path) -> Path:
    """As the bundle's README says: the Dockerfile at the root, the inference code and the model beside it."""
    source = bundle / "submission" / "light"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(source / "Dockerfile", "Dockerfile")
        for part in ("docker_code_inference", "model_output"):
            for file in sorted((source / part).iterdir()):
                if file.is_file() and not file.name.startswith("."):
                    packed.write(file, f"{part}/{file.name}")
    return archive


def _submit(participant: Client, archive: Path) -> dict[str, Any]:
    submission = participant.upload(f"/challenges/{CHALLENGE}/submissions", archive)
    notes.print(f"  Submission {submission['id']} to the phase {submission['phase']}")
    submission = follow(participant, submission["id"], quiet=False)
    if submission["state"] != "finished":
        raise CommandFailed(f"The submission ended as {submission['failure']}: {submission['message']}")
    for run in participant.get(f"/submissions/{submission['id']}/runs"):
        seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in run["stage_seconds"].items())
        notes.print(f"  {run['task']}: finished ({seconds})")
    return submission


def _broken_zip(participant: Client, archive: Path) -> dict[str, str]:
    """Refused at the door: nothing is stored and no quota is used."""
    archive.write_bytes(b"PK\x03\x04 this zip broke off")
    try:
        participant.upload(f"/challenges/{CHALLENGE}/submissions", archive)
    except CommandFailed as refused:
        notes.print(f"  A broken zip: [yellow]{refused.code}[/] – {escape(refused.message)}")
        return {"failure": refused.code, "message": refused.message}
    raise CommandFailed("The broken zip was accepted.")


def _wrong_header(participant: Client, archive: Path) -> dict[str, str]:
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("classification_results.csv", "image,label\n000001.jpg,Hand\n")
    submission = participant.upload(f"/challenges/{CHALLENGE}/submissions", archive)
    submission = follow(participant, submission["id"], quiet=True)
    if submission["failure"] is None:
        raise CommandFailed("Predictions with a wrong header were scored.")
    notes.print(f"  A wrong header: [yellow]{submission['failure']}[/] – {escape(submission['message'])}")
    return {"failure": submission["failure"], "message": submission["message"]}


def _show_results(organizer: Client, participant: Client, submission: dict[str, Any], folder: Path) -> dict[str, Any]:
    run = organizer.get(f"/submissions/{submission['id']}/runs")[0]
    organizer.download(f"/runs/{run['id']}/outputs", folder / "outputs.zip")
    log = organizer.get(f"/submissions/{submission['id']}/logs")
    results.print(escape(log_text("".join(piece["text"] for piece in log["pieces"] if piece["stage"] == "scoring"))))
    board: dict[str, Any] = participant.get(f"/challenges/{CHALLENGE}/leaderboard", phase=submission["phase"])
    print_board(board)
    _check(board, folder)
    return board


def _check(board: dict[str, Any], folder: Path) -> None:
    """The board's numbers against scikit-learn's, computed again from the run's own predictions."""
    recomputed = recompute(folder / "outputs.zip", folder / "mednist" / "reference_data" / "testing")
    shown = board["entries"][0]["scores"]
    worst = max(abs(shown[name] - recomputed[name]) for name in NUMBERS)
    results.print(f"Largest difference from scikit-learn on the run's own predictions: {worst:.1e}")
    if worst > 1e-9:  # noqa: PLR2004 - the promise
        raise CommandFailed("The leaderboard does not show scikit-learn's numbers.")


def recompute(outputs: Path, reference: Path) -> dict[str, float]:
    """Weighted precision, recall and F1 by `sklearn.metrics.classification_report`."""
    from sklearn.metrics import classification_report  # noqa: PLC0415 - slow to load

    answers = _rows((reference / "testing_solution.csv").read_text())
    with zipfile.ZipFile(outputs) as archive:
        predictions = _rows(archive.read("classification_results.csv").decode())
    names = sorted(answers)
    report = classification_report(
        [answers[name] for name in names], [predictions[name] for name in names], output_dict=True
    )
    average = report["weighted avg"]
    return {"precision": average["precision"], "recall": average["recall"], "f1": average["f1-score"]}


def _rows(text: str) -> dict[str, str]:
    """Base name of the file → class."""
    lines = [line.split(",") for line in text.strip().splitlines()[1:]]
    return {name.rsplit("/", 1)[-1]: label.strip() for name, label in lines}


def _write_summary(
    folder: Path, board: dict[str, Any], submission: dict[str, Any], failures: list[dict[str, str]]
) -> None:
    summary = {**board, "submission": submission, "failures": failures}
    (folder / "leaderboard.json").write_text(json.dumps(summary, indent=2) + "\n")
