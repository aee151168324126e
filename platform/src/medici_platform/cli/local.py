"""`medici try` and `medici score`: the platform's own path on one's own machine."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from medici_bundles import schema
from medici_bundles.archives import check_zip
from medici_bundles.entry_names import ArchiveRejected
from medici_bundles.faults import BundleRejected
from medici_bundles.packing import pack_folder, repack_zip
from medici_bundles.reader import LEFT_OUT, Bundle, open_bundle
from medici_bundles.submissions import recognise
from medici_platform.challenges.recording import build_json, limits_json
from medici_platform.challenges.rules import merge_policy
from medici_platform.cli.challenges import Json
from medici_platform.cli.output import CommandFailed, notes, print_json, results
from medici_platform.presentation.formats import log_text
from medici_platform.settings import Settings
from medici_scoring.scores import ScoresUnreadable, parse_scores
from medici_worker.protocol import Limits, Report, SubmissionKind

BundleOption = Annotated[Path, typer.Option("--bundle", help="The challenge's bundle: a folder or a zip.")]


def try_submission(
    submission: Annotated[Path, typer.Argument(help="A zip or a folder, as it would be uploaded.")],
    bundle: BundleOption,
    phase: Annotated[str | None, typer.Option(help="Default: the last phase whose data the bundle holds.")] = None,
    output: Annotated[Path | None, typer.Option(help="Keep the run's outputs as this zip.")] = None,
    as_json: Json = False,
) -> None:
    """Build, run and score a submission on this machine's engine, by the worker's own code."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_bundle(bundle, is_kit=True))
        except BundleRejected as error:
            raise CommandFailed(str(error), code="bundle_rejected") from error
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medici-try-")))
        archive, kind = _prepare(submission, folder)
        chosen = choose_phase(opened, phase)
        _require_kind(chosen, kind)
        ended = [
            _try_task(opened, chosen, task_index, archive, kind, folder, output, quiet=as_json)
            for task_index in chosen.tasks
        ]
    failed = [answer for answer in ended if answer["failure"]]
    if as_json:
        print_json(ended[0] if len(ended) == 1 else ended)
    else:
        _tell(ended)
    if failed:
        raise typer.Exit(1)


def score(
    bundle: BundleOption,
    predictions: Annotated[Path, typer.Option(help="Folder, zip or file with predictions.")],
    output: Annotated[Path | None, typer.Option(help="Folder for scores.txt; default: beside the predictions.")] = None,
    task: Annotated[str, typer.Option(help="Name of the task; default: the one that fits.")] = "",
    as_json: Json = False,
) -> None:
    """Score predictions with a bundle's own program, without containers."""
    from medici_scoring.__main__ import default_output  # noqa: PLC0415 - its start-up costs others nothing
    from medici_scoring.bundle import BundleUnusable  # noqa: PLC0415
    from medici_scoring.local import ProgramUnusable, score_bundle  # noqa: PLC0415

    try:
        ended = score_bundle(bundle, predictions, output or default_output(predictions), task=task)
    except (BundleUnusable, ProgramUnusable) as error:
        raise CommandFailed(str(error)) from error
    if as_json:
        print_json({"scores": dict(ended.scores.values) if ended.scores else {}, "problem": ended.problem or None})
    else:
        sys.stdout.write(ended.log)
        results.print(escape(f"Written to {ended.output}"))
    if ended.scores is None:
        raise CommandFailed(ended.problem)


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
    refs = [ref for task in tasks for ref in (task.input_data, task.reference_data, task.scoring_program) if ref]
    return [ref for ref in refs if not bundle.holds(ref)]


def _prepare(submission: Path, folder: Path) -> tuple[Path, SubmissionKind]:
    """The archive as the platform would run it, and what it is."""
    archive = folder / "submission.zip"
    try:
        if submission.is_dir():
            pack_folder(submission, archive, exclude=LEFT_OUT)
        elif submission.is_file():
            check_zip(submission)
            repack_zip(submission, archive, strip_root=True)
        else:
            raise CommandFailed(f"There is no file or folder {submission}.", code="no_file")
        return archive, SubmissionKind(recognise(check_zip(archive)).kind)
    except ArchiveRejected as error:
        raise CommandFailed(str(error), code="archive_rejected") from error


def _require_kind(phase: schema.Phase, kind: SubmissionKind) -> None:
    if kind.value not in phase.accepts:
        raise CommandFailed(
            f"The phase {phase.name!r} takes {' or '.join(phase.accepts)} submissions; this is a {kind.value} one.",
            code="kind_not_accepted",
        )


def _try_task(
    bundle: Bundle,
    phase: schema.Phase,
    task_index: int,
    archive: Path,
    kind: SubmissionKind,
    folder: Path,
    output: Path | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    from medici_worker.containers.engine import EngineError  # noqa: PLC0415 - only where an engine is used
    from medici_worker.local import Event, LocalTask, local_engine  # noqa: PLC0415
    from medici_worker.local import try_submission as run  # noqa: PLC0415

    def show(event: Event) -> None:
        if quiet:
            return
        if event.kind == "stage":
            notes.print(f"  {event.stage}")
        elif event.kind == "log":
            notes.print(escape(log_text(event.text)), end="", style="dim")

    task = bundle.definition.task(task_index)
    settings = Settings()
    local_task = LocalTask(
        reference_data=_packed(bundle, task.reference_data, folder / f"reference-{task_index}.zip"),
        scoring_program=_packed(bundle, task.scoring_program, folder / f"program-{task_index}.zip"),
        input_data=_packed(bundle, task.input_data, folder / f"input-{task_index}.zip") if task.input_data else None,
        limits=Limits.model_validate(limits_json(phase.limits)),
        scoring_limits=Limits.model_validate(limits_json(phase.scoring_limits)),
        build=merge_policy(
            build_json(phase.build),
            image_maps=(bundle.definition.image_map, settings.image_map),
            pulls=(bundle.definition.pull, settings.pull),
        ),
        program_image=bundle.definition.docker_image or settings.program_image,
        output_patterns=phase.outputs,
    )
    try:
        with local_engine() as engine:
            report = run(archive, kind, local_task, engine=engine, on_event=show, outputs_to=output)
    except EngineError as error:
        raise CommandFailed(f"No Docker engine can be used here: {error}", code="no_engine") from error
    return _answer(task.name, report)


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


def _tell(ended: list[dict[str, Any]]) -> None:
    for answer in ended:
        if len(ended) > 1:
            results.print(f"Task {escape(answer['task'])}")
        if answer["failure"]:
            notes.print(f"[red]{answer['failure']}[/]: {escape(answer['message'])}")
            notes.print(escape(answer["detail"]))
        for key, value in answer["scores"].items():
            results.print(f"{escape(key)}: {value:.6g}")
