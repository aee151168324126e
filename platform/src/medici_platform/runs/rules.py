"""Decisions about runs as functions of values."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import isfinite

from medici_platform.runs.computing import weighted
from medici_platform.states import TERMINAL, State
from medici_worker.protocol import FailureKind, Fault, Stage

STAGE_STATES = {Stage.PREPARING: State.PREPARING, Stage.RUNNING: State.RUNNING, Stage.SCORING: State.SCORING}

_PROGRESS = (State.SUBMITTED, State.QUEUED, State.PREPARING, State.RUNNING, State.SCORING)


def submission_state(states: Sequence[State]) -> State:
    """Of all runs of a submission: the furthest that is under way; else finished when one has a score."""
    under_way = [state for state in states if state not in TERMINAL]
    if under_way:
        return max(under_way, key=_PROGRESS.index)
    for state in (State.FINISHED, State.FAILED):
        if state in states:
            return state
    return State.CANCELLED


def mean_scores(scores_of_runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Per key, the mean over all runs. A key that one of them lacks has none: nobody gains by failing a hard task."""
    shared = set.intersection(*(set(scores) for scores in scores_of_runs)) if scores_of_runs else set()
    means = {key: weighted([scores[key] for scores in scores_of_runs], is_mean=True) for key in sorted(shared)}
    return {key: mean for key, mean in means.items() if isfinite(mean)}


def costs_quota(state: State, failures: Sequence[str], *, was_claimed: bool, is_refundable: bool = True) -> bool:
    """`failures`: of all runs. Where nothing was scored, one fault of the organizers' or the platform's is enough for
    it to cost nothing, in whichever task, while it `is_refundable`; nor does what was cancelled while it still waited.
    """
    if state == State.CANCELLED:
        return was_claimed
    if state == State.FAILED:
        return not (is_refundable and is_others_fault(failures))
    return True


def is_others_fault(failures: Sequence[str]) -> bool:
    return any(FailureKind(failure).fault != Fault.PARTICIPANT for failure in failures)


def is_refundable(*, met_data: bool, refunded: int, per_day: int) -> bool:
    """Whether a fault of others may cost nothing, after so many of the same day that cost nothing.

    A program that has read the test data may know how to end as somebody else's fault: if that were always free, so
    would be looking. As often a day as submissions are allowed at all, everybody is given the benefit of the doubt.
    """
    return not met_data or refunded < per_day


def refunds_used_up(per_day: int) -> str:
    """Below what became of a submission that costs quota by no fault of its participant's."""
    were = "submission" if per_day == 1 else "submissions"
    return (
        f"It costs quota: {per_day} {were} of the same day failed by no fault of yours after the program had begun, "
        "and cost none; more are not free in one day. The organizers have been told."
    )


LONGEST_DELAY_S = 600.0


def retry_delay_s(retry_s: float, tried: int) -> float:
    """How long a worker that failed over a run goes without it: twice as long after each of its attempts."""
    return min(retry_s * 2.0 ** max(tried - 1, 0), LONGEST_DELAY_S)


_OF_ONE_TASK = {
    FailureKind.SCORING_FAILED: (
        "The scoring program failed; the organizers have been told, and can run this task again."
    ),
    FailureKind.SYSTEM_ERROR: "The platform failed to run this task; the organizers can run it again.",
}
"""Where other tasks were scored the submission costs quota all the same: nobody learns their numbers for free."""


def failure_message(failure: FailureKind, public_detail: str, *, costs: bool = False) -> str:
    """`costs`: the submission costs quota, also where this failure alone would not."""
    sentence = _OF_ONE_TASK.get(failure, failure.sentence) if costs else failure.sentence
    return f"{sentence} {public_detail}".strip()


def explain_failures(failures: Sequence[tuple[str, str]], runs: int) -> str:
    """Of each run that failed, in the order of the tasks: (task's name, what its participant reads).

    What several tasks say alike stands once.
    """
    if runs == 1:
        return "".join(message for _, message in failures)
    tasks: dict[str, list[str]] = {}
    for task, message in failures:
        tasks.setdefault(message, []).append(repr(task))
    return "\n".join(f"Task{'s' * (len(names) > 1)} {', '.join(names)}: {text}" for text, names in tasks.items())


class LogView(StrEnum):
    """How a reader sees the log of a stage."""

    LIVE = "live"
    AT_END = "at_end"
    NEVER = "never"


def log_view(stage: Stage, participant_logs: str, *, has_secrets: bool, hide_output: bool) -> LogView:
    """Of a participant. Builds see no data, so their logs are always shown; a scorer's log is the organizers' alone.

    `has_secrets`: something has to be taken out of it, for which it must be whole.
    """
    if stage == Stage.PREPARING:
        return LogView.LIVE
    if stage == Stage.SCORING or participant_logs == "none" or hide_output:
        return LogView.NEVER
    return LogView.AT_END if has_secrets or participant_logs == "tail" else LogView.LIVE


def low_disk_sentence(workers: Sequence[str]) -> str:
    """Of a run that only these could take; without names for participants."""
    if not workers:
        return (
            "Waiting: the machines that run submissions have no disk space left at the moment; the run starts by "
            "itself when there is room."
        )
    have = "workers {} have" if len(workers) > 1 else "worker {} has"
    named = have.format(", ".join(workers))
    return f"Waiting: the {named} no disk space left: free some room there, and the run starts by itself."


def waiting_sentence(*, ahead: int, workers: int, gpus: int, gpu_workers: int) -> str:
    if workers == 0:
        return "Waiting: no worker is connected at the moment; the run starts as soon as one is."
    if gpus and gpu_workers == 0:
        return f"Waiting for a worker with {gpus} GPU{'s' if gpus > 1 else ''}: none is connected at the moment."
    if ahead == 0:
        return "Next in the queue."
    return f"Waiting: {ahead} run{'s' if ahead > 1 else ''} ahead in the queue."
