"""Scoring on one's own machine, laid out and started as the platform's scoring container does it.

    input/ref   the answers            program   the scoring program
    input/res   the predictions        output    what it writes

The program is code that its user chose to run: it runs as a plain process of theirs, with their rights.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medici_scoring.bundle import BundleUnusable, Task, find_tasks, read_tasks
from medici_scoring.program import EX_DATAERR, INVALID_FILE
from medici_scoring.scores import DETAILED_RESULTS, Scores, ScoresUnreadable, read_scores

COMMAND = re.compile(r"^[ \t]*command[ \t]*:\s*(?P<words>\S.*)$", re.MULTILINE)
DOCKER_CMD = re.compile(r"^[ \t]*CMD[ \t]+(?P<words>\S.*)$", re.MULTILINE | re.IGNORECASE)
RESULT_FILES = ("scores.json", "scores.txt", INVALID_FILE, "cases.csv", *DETAILED_RESULTS)
UNEXPLAINED = "The predictions cannot be scored; the scoring program does not say why."
PYTHONS = ("python", "python3")


class ProgramUnusable(Exception):
    """The scoring program, or a folder that it needs, cannot be used; one sentence saying why."""


@dataclass(frozen=True)
class LocalScore:
    """How a scoring program ended on this machine. `scores` is None unless it ended well."""

    exit_code: int
    log: str
    output: Path
    scores: Scores | None = None
    problem: str = ""
    """Why there are no scores; names everything, because whoever scores here has the answers at hand."""
    task: str = ""

    @property
    def predictions_at_fault(self) -> bool:
        return self.exit_code == EX_DATAERR


def score_locally(
    program: Path, reference: Path, predictions: Path, output: Path, *, task: str = "", timeout_s: float | None = None
) -> LocalScore:
    """Score `predictions` (a folder, one file, or a zip) and leave what the program writes in the folder `output`.

    `task` is the task's name, which the program finds in MEDICI_TASK.
    `program` and `reference` are folders or zip files. Raises ProgramUnusable before anything has run.
    """
    with tempfile.TemporaryDirectory(prefix="medici-scoring-") as made:
        root = Path(made)
        _lay(program, root / "program", "scoring program")
        _lay(reference, root / "input" / "ref", "reference data")
        _lay(predictions, root / "input" / "res", "predictions", leave_out=output)
        (root / "output").mkdir()
        ended = score_directory(root, task=task, timeout_s=timeout_s)
        _forget(output)
        shutil.copytree(root / "output", output, dirs_exist_ok=True)
    return replace(ended, output=output)


def score_bundle(
    bundle: Path, predictions: Path, output: Path, *, task: str = "", timeout_s: float | None = None
) -> LocalScore:
    """Score with a bundle's own program and answers.

    Its tasks, or those of them that are named `task` (several phases may have one of that name), are tried in order,
    and the first whose answers fit the predictions counts. Raises BundleUnusable or ProgramUnusable.
    """
    tasks = read_tasks(bundle)
    named = find_tasks(tasks, task) if task else tasks
    chosen = [each for each in named if each.reference.exists()]
    _check_answers(chosen or named[:1])
    tried = []
    for each in chosen:
        ended = score_locally(each.program, each.reference, predictions, output, task=each.name, timeout_s=timeout_s)
        tried.append(replace(ended, task=each.name))
        if not ended.predictions_at_fault:
            return tried[-1]
    return tried[0]


def score_directory(root: Path, *, task: str = "", timeout_s: float | None = None) -> LocalScore:
    """Score a folder that already holds `input/ref`, `input/res` and `program`; writes to its `output`."""
    for inside in ("input/ref", "input/res", "program"):
        if not (root / inside).is_dir():
            raise ProgramUnusable(f"{root} holds no folder {inside}; it must hold input/ref, input/res and program.")
    (root / "output").mkdir(exist_ok=True)
    _forget(root / "output")
    command, working_directory = _command(root)
    exit_code, log = _run(command, working_directory, _environment(root, task), timeout_s)
    return _ended(exit_code, log, root / "output")


def _ended(exit_code: int, log: str, output: Path) -> LocalScore:
    if exit_code == EX_DATAERR:
        return LocalScore(exit_code, log, output, problem=_text(output / INVALID_FILE).strip() or UNEXPLAINED)
    if exit_code != 0:
        return LocalScore(exit_code, log, output, problem=f"The scoring program failed with exit code {exit_code}.")
    try:
        return LocalScore(exit_code, log, output, scores=read_scores(output))
    except ScoresUnreadable as unreadable:
        return LocalScore(1, log, output, problem=str(unreadable))


def _forget(output: Path) -> None:
    """An earlier result must not be taken for this one's."""
    for name in RESULT_FILES:
        (output / name).unlink(missing_ok=True)


def _check_answers(tasks: Sequence[Task]) -> None:
    for task in tasks:
        if not task.reference.exists():
            raise BundleUnusable(
                f"The answers of the task `{task.name}` ({task.reference}) are not in this bundle. Where they are "
                "hidden, only the organizers have them; otherwise make them first, as the bundle's README says."
            )


def _lay(source: Path, target: Path, what: str, *, leave_out: Path | None = None) -> None:
    """Put a folder, a single file, or the contents of a zip at `target`. Links are left behind."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=lambda folder, names: _left_out(Path(folder), names, leave_out))
    elif _is_zip(source, what):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(target)
        _unwrap(target)
    elif source.is_file():
        target.mkdir(parents=True)
        shutil.copy(source, target)
    else:
        raise ProgramUnusable(f"The {what} {source} is not there: it must be a folder or a zip file.")


def _is_zip(source: Path, what: str) -> bool:
    try:
        return zipfile.is_zipfile(source)
    except zipfile.BadZipFile as error:
        raise ProgramUnusable(f"The {what} {source} is a zip that cannot be read ({error}): make it again.") from None


def _left_out(folder: Path, names: Sequence[str], output: Path | None) -> set[str]:
    own = output.resolve() if output else None
    return {name for name in names if (folder / name).is_symlink() or (folder / name).resolve() == own}


def _unwrap(target: Path) -> None:
    """A zip made of a folder holds that folder: take what is inside it."""
    inside = [path for path in target.iterdir() if path.name != "__MACOSX"]
    if len(inside) == 1 and inside[0].is_dir():
        shutil.copytree(inside[0], target, dirs_exist_ok=True)


def _command(root: Path) -> tuple[list[str], Path]:
    """The program's command and its working directory: `metadata` first, then the Dockerfile's CMD, then score.py."""
    program = root / "program"
    for name in ("metadata", "metadata.yaml"):
        found = COMMAND.search(_text(program / name))
        if found:
            words = shlex.split(_unquoted(found["words"].strip()))
            return [_substituted(word, root) for word in words], program
    commands = DOCKER_CMD.findall(_text(program / "Dockerfile"))
    if commands:
        return _cmd_words(commands[-1].strip()), root
    if (program / "score.py").is_file():
        return ["python", str(program / "score.py"), str(root / "input"), str(root / "output")], program
    raise ProgramUnusable(f"{program} holds no metadata with a `command:`, no Dockerfile with a CMD, and no score.py.")


def _unquoted(value: str) -> str:
    """Of a YAML value on one line."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _cmd_words(text: str) -> list[str]:
    """The words of a Dockerfile's CMD, in its JSON or its shell form."""
    try:
        return [str(word) for word in json.loads(text)] if text.startswith("[") else shlex.split(text)
    except ValueError as error:
        raise ProgramUnusable(f"The Dockerfile's `CMD {text}` cannot be read: {error}.") from error


def _substituted(word: str, root: Path) -> str:
    """The names that a metadata command may use for the folders."""
    places = {
        "$input": root / "input",
        "$output": root / "output",
        "$program": root / "program",
        "$hidden": root / "input" / "ref",
        "$predictions": root / "input" / "res",
        "$tmp": Path(tempfile.gettempdir()),
    }
    for name, place in places.items():
        word = word.replace(name, str(place))
    return word


def _environment(root: Path, task: str) -> dict[str, str]:
    """PROGRAM, IN, OUT and MEDICI_TASK as in the container, and this package for programs that use it."""
    own = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH", "")]))
    places = {"PROGRAM": str(root / "program"), "IN": str(root / "input"), "OUT": str(root / "output")}
    named = {"MEDICI_TASK": task} if task else {}
    return {**os.environ, **places, **named, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _run(
    command: Sequence[str], working_directory: Path, environment: Mapping[str, str], timeout_s: float | None
) -> tuple[int, str]:
    words = [sys.executable, *command[1:]] if command[0] in PYTHONS else list(command)
    try:
        ended = subprocess.run(
            words,
            cwd=working_directory,
            env=environment,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise ProgramUnusable(
            f"The scoring program's command `{shlex.join(command)}` cannot start: {error}."
        ) from error
    except subprocess.TimeoutExpired as stopped:
        return 124, f"Stopped after {stopped.timeout:g} s.\n"
    return ended.returncode, ended.stdout.decode("utf-8", errors="replace")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
