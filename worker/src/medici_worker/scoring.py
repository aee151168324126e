"""The organizer's half of a run: the scoring program in its own container, beside the reference data."""

from contextlib import ExitStack

from medici_worker.cases import CASES_FILE, keep_cases
from medici_worker.containers.bench import SCORES
from medici_worker.containers.builds import BuiltImage
from medici_worker.containers.engine import ContainerPlan, Mount
from medici_worker.containers.outputs import read_small
from medici_worker.host import HostUnreachable
from medici_worker.ingestion import LABEL as INGESTION
from medici_worker.ingestion import beside_scoring, ready, submission_volume
from medici_worker.judging import FILE_LIMIT_BYTES, WANTED, judged
from medici_worker.organizers import image_of, not_started, program_of, require_runnable
from medici_worker.places import (
    INGESTED,
    INPUT,
    OUTPUT,
    PREDICTIONS,
    PROGRAM,
    REFERENCE,
    SCORING_WORDS,
    SHARED,
)
from medici_worker.predictions import run_failed, verdict
from medici_worker.programs import Program
from medici_worker.progress import Ended, Progress
from medici_worker.protocol import CASES_LIMIT_BYTES, ScoreFiles, ScoringGrant, Stage, SubmissionKind
from medici_worker.side_by_side import Part, PartRefused, first_wrong, run_together

ENVIRONMENT = {"PROGRAM": PROGRAM, "IN": INPUT, "OUT": OUTPUT}


def score(run: Progress, predictions: str) -> ScoreFiles:
    """Raises `RunFailure`: predictions_invalid or scoring_failed, and beside an ingestion program run_failed."""
    spec = run.spec
    beside = spec.ingestion_only_during_scoring and spec.ingestion_program is not None
    log_bytes = spec.scoring_limits.log_bytes + (spec.limits.log_bytes if beside else 0)
    with run.stage(Stage.SCORING, log_bytes):
        grant = run.enter(Stage.SCORING)
        if grant is None:
            raise HostUnreachable("The platform let the scoring begin, but gave no reference data.")
        program = program_of(run, grant.scoring_program, "scoring")
        image = image_of(run, program, grant.scoring_program, "scoring", run.on_log(Stage.SCORING))
        run.scoring_image_digest = image.image_id
        with ExitStack() as held:
            parts = [_scorer(run, image, program, grant, predictions, held, beside=beside)]
            if beside and (ingestion := ready(run)) is not None:
                parts.append(beside_scoring(run, ingestion, predictions, held))
            ended = _run(run, parts)
        files = read_small(run.bench.holder.get(SCORES), (*WANTED, CASES_FILE), limit_bytes=_limit_bytes)
        table = files.pop(CASES_FILE, None)
        scores = judged(ended, files, log_tail=_own_tail(run))
        keep_cases(run, table)
        return scores


def _limit_bytes(name: str) -> int:
    return CASES_LIMIT_BYTES if name == CASES_FILE else FILE_LIMIT_BYTES


def _run(run: Progress, parts: list[Part]) -> Ended:
    """How the scoring program ended. Raises what became of an ingestion program that went wrong before that."""
    try:
        ends = run_together(run, parts)
    except PartRefused as refused:
        raise not_started("scoring" if refused.part.decides else INGESTION, refused) from refused
    wrong = first_wrong(ends)
    if wrong is not None and not wrong[0].decides:
        ended = wrong[1]
        raise verdict(ended, run.spec.limits) or run_failed(ended.exit.code, run.logs.tail(Stage.SCORING))
    return next(end for part, end in ends if part.decides)


def _scorer(
    run: Progress,
    image: BuiltImage,
    program: Program,
    grant: ScoringGrant,
    predictions: str,
    held: ExitStack,
    *,
    beside: bool,
) -> Part:
    limits = run.spec.scoring_limits
    mounts = [
        Mount(held.enter_context(run.volume(grant.scoring_program, lambda: program.archive)), PROGRAM),
        Mount(held.enter_context(run.volume(grant.reference_data)), REFERENCE),
        Mount(predictions, PREDICTIONS),
        Mount(run.bench.scores, OUTPUT, read_only=False),
    ]
    if beside:
        mounts.append(Mount(run.bench.shared, SHARED, read_only=False))
    if run.spec.kind is SubmissionKind.CODE:  # some scoring programs look at the code, which is data to them
        mounts.append(Mount(submission_volume(run, held), INGESTED))
    plan = ContainerPlan(
        name=run.container_name("scoring"),
        image=image.image_id,
        profile=run.profile(image.user, limits, places=() if beside else (SHARED,), shares=beside),
        mounts=tuple(mounts),
        command=program.command(SCORING_WORDS),
        environment=run.environment(ENVIRONMENT),
        working_dir=program.working_dir,
        labels=run.labels(limits),
    )
    require_runnable(image, plan, "The scoring program's image")
    return Part(plan, limits, run.on_log(Stage.SCORING), decides=True)


def _own_tail(run: Progress) -> str:
    """The end of the scoring program's log, without what an ingestion program printed beside it."""
    lines = run.logs.tail(Stage.SCORING).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f"[{INGESTION}] "))
