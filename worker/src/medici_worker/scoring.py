"""The organizer's half of a run: the scoring program in its own container, beside the reference data."""

from contextlib import ExitStack
from fnmatch import fnmatchcase

from medici_worker.containers.archives import ArchiveUnusable
from medici_worker.containers.bench import SCORES
from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import ContainerPlan, ImageUnavailable, Mount, StartRefused
from medici_worker.containers.outputs import read_small
from medici_worker.host import HostUnreachable
from medici_worker.outcome import RunFailure
from medici_worker.programs import INPUT, OUTPUT, PREDICTIONS, PROGRAM, REFERENCE, Program, ProgramUnusable
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import FailureKind, FileRef, ScoreFiles, ScoringGrant, Stage

EX_DATAERR = 65
"""The scorer's exit code that says: the predictions are at fault."""
INVALID_FILE = "predictions_invalid.txt"
INVALID_CHARACTERS = 2_000
FILE_LIMIT_BYTES = 4 * 1024**2
_WANTED = ("scores.json", "scores.txt", INVALID_FILE, "*.html")
ENVIRONMENT = {"PROGRAM": PROGRAM, "IN": INPUT, "OUT": OUTPUT}


def score(run: Progress, predictions: str) -> ScoreFiles:
    """Raises `RunFailure`: predictions_invalid or scoring_failed."""
    with run.stage(Stage.SCORING, run.spec.scoring_limits.log_bytes):
        grant = run.enter(Stage.SCORING)
        if grant is None:
            raise HostUnreachable("The platform let the scoring begin, but gave no reference data.")
        program = _program(run, grant.scoring_program)
        image = _image(run, program, grant.scoring_program)
        run.scoring_image_digest = image.image_id
        ended = _run(run, image, program, grant, predictions)
        files = read_small(run.bench.holder.get(SCORES), _WANTED, limit_bytes=FILE_LIMIT_BYTES)
        return judged(ended, files, log_tail=run.logs.tail(Stage.SCORING))


def judged(ended: Ended, files: dict[str, bytes], *, log_tail: str) -> ScoreFiles:
    """What the end of the scoring container and the files that it wrote mean. `log_tail` is for the organizers."""
    code = ended.exit.code
    if ended.over_time:
        raise failed("The scoring program ran over its own time limit.", log_tail, code)
    if ended.exit.out_of_memory:
        raise failed("The scoring program used more memory than its own limit.", log_tail, code)
    if code == EX_DATAERR:
        sentence = _text(files.get(INVALID_FILE)) or ""
        raise RunFailure(
            FailureKind.PREDICTIONS_INVALID, _cut(sentence.strip()), private_detail=log_tail, exit_code=code
        )
    if code != 0:
        raise failed(f"The scoring program ended with exit code {code}.", log_tail, code)
    oversized = [name for name, content in files.items() if len(content) > FILE_LIMIT_BYTES]
    if oversized:
        raise failed(
            f"The scoring program wrote a {oversized[0]} of more than {FILE_LIMIT_BYTES} bytes.", log_tail, code
        )
    if "scores.json" not in files and "scores.txt" not in files:
        raise failed(f"The scoring program wrote neither scores.json nor scores.txt to {OUTPUT}.", log_tail, code)
    return ScoreFiles(
        scores_json=_text(files.get("scores.json")),
        scores_txt=_text(files.get("scores.txt")),
        detailed_html=_text(_detailed(files)),
    )


def failed(sentence: str, log_tail: str = "", code: int | None = None) -> RunFailure:
    detail = f"{sentence}\n\nThe end of its log:\n{log_tail}" if log_tail else sentence
    return RunFailure(FailureKind.SCORING_FAILED, private_detail=detail, exit_code=code)


def _program(run: Progress, file: FileRef) -> Program:
    try:
        return run.site.programs.get(file.sha256, lambda path: run.host.fetch(file, path))
    except (ProgramUnusable, ArchiveUnusable) as error:
        raise failed(str(error)) from error


def _image(run: Progress, program: Program, file: FileRef) -> BuiltImage:
    """The program's own image, built by the same rules; what goes wrong with it is the organizer's to mend."""
    builder = run.site.builder
    try:
        if not program.has_dockerfile:
            return builder.local(run.spec.program_image, run.spec.build)
        return builder.image_for(file.sha256, lambda: program.archive, run.spec.build, run.on_log(Stage.SCORING))
    except RunFailure as failure:
        sentence = f"The scoring program's image: {failure.kind}. {failure.public_detail}"
        raise failed(sentence, failure.private_detail) from failure
    except ImageUnavailable as error:
        raise failed(f"The scoring program's image is not to be had. {error}") from error


def _run(run: Progress, image: BuiltImage, program: Program, grant: ScoringGrant, predictions: str) -> Ended:
    limits = run.spec.scoring_limits
    with ExitStack() as held:
        datasets = run.site.datasets
        code = held.enter_context(datasets.volume(grant.scoring_program.sha256, lambda: program.archive))
        truth = held.enter_context(
            datasets.volume(grant.reference_data.sha256, lambda: run.fetch(grant.reference_data))
        )
        plan = ContainerPlan(
            name=run.container_name("scoring"),
            image=image.image_id,
            profile=run.profile(image.user, limits),
            mounts=(
                Mount(code, PROGRAM),
                Mount(truth, REFERENCE),
                Mount(predictions, PREDICTIONS),
                Mount(run.bench.scores, OUTPUT, read_only=False),
            ),
            command=program.command,
            environment=ENVIRONMENT,
            working_dir=program.working_dir,
            labels=run.labels,
        )
        if sentence := image.refused_in(plan):
            raise failed(f"The scoring program's image: {sentence}")
        try:
            return run.run_container(plan, limits, Stage.SCORING)
        except StartRefused as error:
            raise failed(f"The scoring program's command could not be started: {error}") from error


def _detailed(files: dict[str, bytes]) -> bytes | None:
    for name in ("detailed_results.html", "scores.html"):
        if name in files:
            return files[name]
    return next((files[name] for name in sorted(files) if fnmatchcase(name, "*.html")), None)


def _text(content: bytes | None) -> str | None:
    return content.decode(errors="replace").replace("\x00", "") if content is not None else None


def _cut(text: str) -> str:
    return text if len(text) <= INVALID_CHARACTERS else text[: INVALID_CHARACTERS - 1] + "…"
