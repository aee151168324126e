"""A run as the row of stages that a page shows."""

from dataclasses import dataclass
from enum import StrEnum

from medici_platform.runs.schemas import RunOut
from medici_platform.states import State
from medici_worker.protocol import FailureKind, Stage, SubmissionKind


class StepState(StrEnum):
    DONE = "done"
    CURRENT = "current"
    FAILED = "failed"
    CANCELLED = "cancelled"
    AHEAD = "ahead"  # not reached, or not reached yet


@dataclass(frozen=True)
class Step:
    stage: State
    title: str
    state: StepState
    seconds: float | None


_TITLES = {
    State.QUEUED: "Queue",
    State.PREPARING: "Build",
    State.RUNNING: "Inference",
    State.SCORING: "Scoring",
    State.FINISHED: "Result",
}

_RESULTS_TITLES = {**_TITLES, State.PREPARING: "Fetch"}

_FAILED_IN = {
    FailureKind.ARCHIVE_REJECTED: State.PREPARING,
    FailureKind.IMAGE_REFUSED: State.PREPARING,
    FailureKind.BUILD_FAILED: State.PREPARING,
    FailureKind.BUILD_TIMEOUT: State.PREPARING,
    FailureKind.RUN_FAILED: State.RUNNING,
    FailureKind.TIME_LIMIT: State.RUNNING,
    FailureKind.MEMORY_LIMIT: State.RUNNING,
    FailureKind.OUTPUT_LIMIT: State.RUNNING,
    FailureKind.OUTPUT_MISSING: State.RUNNING,
    FailureKind.PREDICTIONS_INVALID: State.SCORING,
    FailureKind.SCORING_FAILED: State.SCORING,
}


def steps_of(run: RunOut, kind: str) -> list[Step]:
    """Queue, build, inference, scoring, result; a result submission has no inference."""
    titles = _RESULTS_TITLES if kind == SubmissionKind.RESULTS else _TITLES
    stages = [stage for stage in titles if kind != SubmissionKind.RESULTS or stage != State.RUNNING]
    reached = _stage_reached(run, stages)
    return [
        Step(stage, titles[stage], _step_state(run, position, stages.index(reached)), run.stage_seconds.get(stage))
        for position, stage in enumerate(stages)
    ]


def _stage_reached(run: RunOut, stages: list[State]) -> State:
    if run.state in stages:
        return run.state
    if run.state == State.SUBMITTED:
        return State.QUEUED
    known = _FAILED_IN.get(FailureKind(run.failure)) if run.failure else None
    if known == State.RUNNING and Stage.SCORING in run.stage_seconds:
        return State.SCORING  # participants' code that runs beside the scoring program failed there
    if known in stages:
        return known
    timed = [stage for stage in stages if stage in run.stage_seconds]
    if timed:
        return timed[-1]
    return State.PREPARING if run.started_at else State.QUEUED


def _step_state(run: RunOut, position: int, reached: int) -> StepState:
    if position != reached:
        return StepState.DONE if position < reached else StepState.AHEAD
    ends = {State.FINISHED: StepState.DONE, State.FAILED: StepState.FAILED, State.CANCELLED: StepState.CANCELLED}
    return ends.get(run.state, StepState.CURRENT)
