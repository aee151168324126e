"""What MedNIST shows beside its board: two submissions that fail, and scikit-learn's verdict on the numbers."""

import zipfile
from pathlib import Path

from rich.markup import escape

from medici_platform.cli.client import Client
from medici_platform.cli.demo_challenge import Shown, submit_files
from medici_platform.cli.output import CommandFailed, notes, results
from medici_platform.presentation.formats import log_text

NUMBERS = ("precision", "recall", "f1")


def show_failures(participant: Client, challenge: str, folder: Path) -> list[dict[str, str]]:
    return [
        _broken_zip(participant, challenge, folder / "broken.zip"),
        _wrong_header(participant, challenge, folder / "wrong-header.zip"),
    ]


def _broken_zip(participant: Client, challenge: str, archive: Path) -> dict[str, str]:
    """Refused at the door: nothing is stored and no quota is used."""
    archive.write_bytes(b"PK\x03\x04 this zip broke off")
    try:
        participant.upload(f"/challenges/{challenge}/submissions", archive)
    except CommandFailed as refused:
        notes.print(f"  A broken zip: [yellow]{refused.code}[/] – {escape(refused.message)}")
        return {"failure": refused.code, "message": refused.message}
    raise CommandFailed("The broken zip was accepted.")


def _wrong_header(participant: Client, challenge: str, archive: Path) -> dict[str, str]:
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("classification_results.csv", "image,label\n000001.jpg,Hand\n")
    submission = submit_files(participant, challenge, archive)
    if submission["failure"] is None:
        raise CommandFailed("Predictions with a wrong header were scored.")
    notes.print(f"  A wrong header: [yellow]{submission['failure']}[/] – {escape(submission['message'])}")
    return {"failure": submission["failure"], "message": submission["message"]}


def check_numbers(organizer: Client, shown: Shown, folder: Path) -> None:
    """The board's numbers against scikit-learn's, computed again from the run's own predictions."""
    run = organizer.get(f"/submissions/{shown.submission['id']}/runs")[0]
    organizer.download(f"/runs/{run['id']}/outputs", folder / "outputs.zip")
    log = organizer.get(f"/submissions/{shown.submission['id']}/logs")
    results.print(escape(log_text("".join(piece["text"] for piece in log["pieces"] if piece["stage"] == "scoring"))))
    recomputed = recompute(folder / "outputs.zip", shown.bundle / "reference_data" / "testing")
    on_board = shown.board["entries"][0]["scores"]
    worst = max(abs(on_board[name] - recomputed[name]) for name in NUMBERS)
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
