"""A submission on its way through a bundle's tasks, on one's own machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from medici_bundles import schema
from medici_bundles.archives import ArchiveLimits
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.image_archives import repack_image
from medici_bundles.packing import pack_folder, repack_zip
from medici_bundles.reader import LEFT_OUT, Bundle
from medici_bundles.submissions import recognise_file
from medici_platform.challenges.recording import build_json, limits_json
from medici_platform.challenges.rules import merge_policy
from medici_platform.cli.output import CommandFailed, notes, print_table, results
from medici_platform.errors import MediciError
from medici_platform.presentation.formats import log_text
from medici_platform.runs.rules import mean_scores
from medici_platform.settings import Settings
from medici_platform.submissions.references import parse_reference, require_allowed
from medici_platform.submissions.rules import require_kind
from medici_scoring.scores import ScoresUnreadable, parse_scores
from medici_worker.protocol import Limits, Report, SubmissionKind

if TYPE_CHECKING:
    from medici_worker.local import LocalTask


@dataclass(frozen=True)
class Found:
    """What was handed in, as the platform would run it."""

    package: Path
    kind: SubmissionKind
    image_reference: str | None = None


@dataclass(frozen=True)
class Trial:
    bundle: Bundle
    phase: schema.Phase
    found: Found
    folder: Path
    output: Path | None
    cases: Path | None
    quiet: bool


def choose_phase(bundle: Bundle, name: str | None) -> schema.Phase:
    """The named one, or the last whose data the bundle holds: a participants' kit lacks the hidden ones."""
    phases = bundle.definition.phases
    complete = [phase for phase in phases if not _missing(bundle, phase)]
    for phase in phases if name else complete[-1:]:
        if name is None or name.lower() in (phase.name.lower(), str(phase.index)):
            return _require_data(bundle, phase)
    if name:
        known = ", ".join(phase.name for phase in phases)
        raise CommandFailed(f"The bundle has no phase {name!r}: it has {known}.")
    return _require_data(bundle, phases[-1])


def _require_data(bundle: Bundle, phase: schema.Phase) -> schema.Phase:
    missing = _missing(bundle, phase)
    if missing:
        raise CommandFailed(
            f"The bundle does not hold {missing[0]}, which the phase {phase.name!r} needs: hidden data are with the "
            "organizers alone, other data are made first, as the bundle's README says.",
            code="data_missing",
        )
    return phase


def _missing(bundle: Bundle, phase: schema.Phase) -> list[str]:
    tasks = [bundle.definition.task(index) for index in phase.tasks]
    refs = [ref for task in tasks for ref in _files_of(task) if ref]
    return [ref for ref in refs if not bundle.holds(ref)]


def _files_of(task: schema.Task) -> tuple[str | None, ...]:
    return task.input_data, task.reference_data, task.scoring_program, task.ingestion_program


def choose_tasks(bundle: Bundle, phase: schema.Phase, name: str | None) -> list[schema.Task]:
    """All of the phase, or the one with this index or name."""
    tasks = [bundle.definition.task(index) for index in phase.tasks]
    chosen = [task for task in tasks if name is None or name.lower() in (str(task.index), task.label.lower())]
    if not chosen:
        known = ", ".join(f"{task.index} ({task.label})" for task in tasks)
        raise CommandFailed(f"The phase {phase.name!r} has no task {name!r}: it has {known}.")
    return chosen


def prepare(submission: Path | None, image: str | None, bundle: Bundle, phase: schema.Phase, folder: Path) -> Found:
    """Recognise a submission, refuse what the phase refuses, and take off what the platform takes off."""
    if (submission is None) == (image is None):
        raise CommandFailed("Name either a file or, with --image, an image.", code="no_file")
    try:
        if submission is None:
            return _referenced(image or "", phase, folder)
        has_ingestion = any(bundle.definition.task(index).ingestion_program for index in phase.tasks)
        return _recognised(_uploaded(submission, folder), phase, folder, has_ingestion=has_ingestion)
    except ArchiveRejected as error:
        raise CommandFailed(str(error), code="archive_rejected") from error
    except MediciError as refused:
        raise CommandFailed(refused.message, code=refused.code) from refused


def _uploaded(submission: Path, folder: Path) -> Path:
    """The file as it would be uploaded."""
    if submission.is_file():
        return submission
    if not submission.is_dir():
        raise CommandFailed(f"There is no file or folder {submission}.", code="no_file")
    packed = folder / "uploaded.zip"
    pack_folder(submission, packed, exclude=LEFT_OUT)
    return packed


def _recognised(uploaded: Path, phase: schema.Phase, folder: Path, *, has_ingestion: bool) -> Found:
    settings = Settings()
    limits = ArchiveLimits(max_entries=settings.max_archive_entries, max_unpacked_bytes=settings.max_unpacked_bytes)
    found = recognise_file(uploaded, limits, has_ingestion=has_ingestion)
    if found.reference is not None:
        return _referenced(found.reference, phase, folder)
    require_kind(found.kind, phase.accepts, phase=phase.name)
    kind, package = SubmissionKind(found.kind), folder / "submission.zip"
    if kind is SubmissionKind.IMAGE:
        repack_image(uploaded, package, limits)
    else:
        strips = kind is not SubmissionKind.RESULTS or phase.unwrap_results
        repack_zip(uploaded, package, strip_root=strips, limits=limits)
    return Found(package, kind)


def _referenced(image: str, phase: schema.Phase, folder: Path) -> Found:
    reference = parse_reference(image)
    require_kind("image", phase.accepts, phase=phase.name)
    require_allowed(reference, phase.allowed_images, phase=phase.name)
    package = folder / "reference.txt"
    package.write_text(str(reference))
    return Found(package, SubmissionKind.IMAGE, str(reference))


def try_task(trial: Trial, task: schema.Task, *, of_many: bool) -> dict[str, Any]:
    from medici_worker.containers.engine import EngineError  # noqa: PLC0415 - only where an engine is used
    from medici_worker.local import Event, Kept, local_engine  # noqa: PLC0415
    from medici_worker.local import try_submission as run  # noqa: PLC0415

    def show(event: Event) -> None:
        if trial.quiet:
            return
        if event.kind == "stage":
            notes.print(f"  {event.stage}")
        elif event.kind == "log":
            notes.print(escape(log_text(event.text)), end="", style="dim")

    if of_many and not trial.quiet:
        notes.print(f"Task {escape(task.label)}")
    found = trial.found
    try:
        with local_engine() as engine:
            report = run(
                found.package,
                found.kind,
                _local_task(trial, task),
                engine=engine,
                on_event=show,
                image_reference=found.image_reference,
                kept=Kept(
                    _numbered(trial.output, task, of_many=of_many), _numbered(trial.cases, task, of_many=of_many)
                ),
            )
    except EngineError as error:
        raise CommandFailed(f"No Docker engine can be used here: {error}", code="no_engine") from error
    return _answer(task.label, report)


def _numbered(file: Path | None, task: schema.Task, *, of_many: bool) -> Path | None:
    """`x.zip` → `x-3.zip` of the task 3, where several tasks leave one each."""
    return file.with_name(f"{file.stem}-{task.index}{file.suffix}") if file is not None and of_many else file


def _local_task(trial: Trial, task: schema.Task) -> "LocalTask":
    from medici_worker.local import LocalTask  # noqa: PLC0415 - only where an engine is used

    bundle, phase, folder = trial.bundle, trial.phase, trial.folder
    definition, settings = bundle.definition, Settings()

    def packed(ref: str, role: str) -> Path:
        return _packed(bundle, ref, folder / f"{role}-{task.index}.zip")

    return LocalTask(
        reference_data=_packed(bundle, task.reference_data, folder / f"reference-{task.index}.zip"),
        scoring_program=packed(task.scoring_program, "program"),
        input_data=packed(task.input_data, "input") if task.input_data else None,
        ingestion_program=packed(task.ingestion_program, "ingestion") if task.ingestion_program else None,
        ingestion_only_during_scoring=task.ingestion_only_during_scoring,
        limits=Limits.model_validate(limits_json(phase.limits)),
        scoring_limits=Limits.model_validate(limits_json(phase.scoring_limits)),
        build=merge_policy(
            build_json(phase.build),
            image_maps=(definition.image_map, settings.image_map),
            pulls=(definition.pull, settings.pull),
        ),
        program_image=definition.docker_image or settings.program_image,
        output_patterns=phase.outputs,
        name=task.label,
    )


def _packed(bundle: Bundle, ref: str | None, destination: Path) -> Path:
    if ref is None:
        raise CommandFailed("The bundle names no reference data for this task, so nothing can be scored.")
    bundle.pack(ref, destination)
    return destination


def _answer(task: str, report: Report) -> dict[str, Any]:
    """The same words as the platform's."""
    scores: dict[str, float] = {}
    failure, detail = report.failure, report.private_detail
    if failure is None and report.scores:
        try:
            parsed = parse_scores(scores_json=report.scores.scores_json, scores_txt=report.scores.scores_txt)
            scores = dict(parsed.values)
        except ScoresUnreadable as error:
            detail = str(error)
    message = f"{failure.sentence} {report.public_detail}".strip() if failure else ""
    return {
        "task": task,
        "state": "failed" if failure else "finished",
        "failure": failure.value if failure else None,
        "message": message,
        "detail": detail,
        "scores": scores,
        "stage_seconds": {stage.value: seconds for stage, seconds in report.stage_seconds.items()},
    }


def means(ended: Sequence[dict[str, Any]]) -> dict[str, float]:
    """As the platform does it: a key that one task lacks has no mean."""
    return mean_scores([answer["scores"] for answer in ended])


def tell(ended: Sequence[dict[str, Any]]) -> None:
    """The scores on standard output, what went wrong beside it."""
    for answer in ended:
        if answer["failure"]:
            where = f" in the task {answer['task']!r}" if len(ended) > 1 else ""
            notes.print(f"[red]{answer['failure']}[/]{escape(where)}: {escape(answer['message'])}")
            notes.print(escape(answer["detail"]))
    if len(ended) > 1:
        _print_scores(ended)
        return
    for key, value in ended[0]["scores"].items():
        results.print(f"{escape(key)}: {value:.6g}")


def _print_scores(ended: Sequence[dict[str, Any]]) -> None:
    keys = list(dict.fromkeys(key for answer in ended for key in answer["scores"]))
    mean = means(ended)
    rows = [[answer["task"], answer["failure"] or "", *_numbers(answer["scores"], keys)] for answer in ended]
    rows.append(["Mean", "", *_numbers(mean, keys)])
    headings = [("Task", False), ("Failure", False), *((key, True) for key in keys)]
    if not any(answer["failure"] for answer in ended):
        headings, rows = [headings[0], *headings[2:]], [[row[0], *row[2:]] for row in rows]
    print_table("", headings, [[escape(cell) for cell in row] for row in rows])


def _numbers(scores: dict[str, float], keys: Sequence[str]) -> list[str]:
    return [f"{scores[key]:.6g}" if key in scores else "–" for key in keys]
