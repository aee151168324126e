"""Whether an attempt came to the same as the one before it, and what else was not the same. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medici_platform.runs.record_format import OUTCOME_SCORED, Record
from medici_worker.protocol import FailureKind, Fault, Limits, Machine

_FILES = {
    "input_data": "the input data",
    "reference_data": "the reference data",
    "scoring_program": "the scoring program",
    "ingestion_program": "the ingestion program",
}
_ENGINE = {
    "worker_version": "the worker's version",
    "engine": "the engine",
    "engine_version": "the engine's version",
    "runtime": "the OCI runtime",
    "architecture": "the architecture",
    "kernel": "the kernel",
}
_NO_NUMBER = "no number"
_NONE = "none"


@dataclass(frozen=True)
class Difference:
    what: str
    before: str = ""
    now: str = ""
    """Both empty: there is more to say than that it is another."""

    def __str__(self) -> str:
        told = f"{self.before} before, {self.now} now" if self.before or self.now else "another than before"
        return f"{self.what}: {told}"


@dataclass(frozen=True)
class Comparison:
    attempt_before: int
    results: Sequence[Difference]
    """Of scores, or of how it ended."""
    material: Sequence[Difference]
    """Of what was run and scored: where there are any, other results are no surprise."""
    surroundings: Sequence[Difference]
    """Of where it ran: the same material should come to the same there too."""
    scores_compared: int

    @property
    def reproduced(self) -> bool | None:
        """None: the material is not the same."""
        return None if self.material else not self.results

    @property
    def sentence(self) -> str:
        if self.material:
            return f"not comparable with attempt {self.attempt_before}: the material is not the same"
        if self.results:
            return f"not reproduced: it is not what attempt {self.attempt_before} came to, on the same material"
        count = self.scores_compared
        if count == 0:
            return "reproduced: it ended in the same way"
        return "reproduced: the one score is the same" if count == 1 else f"reproduced: all {count} scores are the same"


def is_comparable(record: Record) -> bool:
    """A fault of organizers or of the platform says nothing of the submission."""
    outcome = record.attempt.outcome
    return outcome == OUTCOME_SCORED or FailureKind(outcome).fault == Fault.PARTICIPANT


def compare(before: Record, now: Record, *, organizes: bool) -> Comparison | None:
    """The organizers' copies of two attempts of one run, with the scores that the reader may see.

    None: one of them came to nothing that could be compared.
    """
    if not (is_comparable(before) and is_comparable(now)):
        return None
    return Comparison(
        attempt_before=before.attempt.attempt,
        results=[*_outcomes(before, now), *_scores(before.scores, now.scores)],
        material=list(_material(before, now, organizes=organizes)),
        surroundings=list(_surroundings(before, now, organizes=organizes)),
        scores_compared=len(before.scores.keys() | now.scores.keys()),
    )


def _outcomes(before: Record, now: Record) -> Iterator[Difference]:
    then, here = before.attempt.outcome, now.attempt.outcome
    if then != here:
        yield Difference("the end", then.replace("_", " "), here.replace("_", " "))


def _scores(before: Mapping[str, float], now: Mapping[str, float]) -> Iterator[Difference]:
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            yield Difference(key, _number(before.get(key)), _number(now.get(key)))


def _number(value: float | None) -> str:
    """Whole, so that the smallest difference is seen."""
    return _NO_NUMBER if value is None else repr(value)


def _material(before: Record, now: Record, *, organizes: bool) -> Iterator[Difference]:
    if before.submission.package_sha256 != now.submission.package_sha256:
        yield Difference("the package")
    for name, title in _FILES.items():
        if getattr(before.files, name) != getattr(now.files, name):
            yield Difference(title)
    yield from _images(before, now, organizes=organizes)
    if _both_ran(before, now):
        yield from _limits("", before.limits.inference, now.limits.inference)
    yield from _limits("scoring ", before.limits.scoring, now.limits.scoring)


def _images(before: Record, now: Record, *, organizes: bool) -> Iterator[Difference]:
    """Images that were found by name. One that was built from the same files on the same base is the same material."""
    then = before.organizers.image_names if before.organizers else {}
    here = now.organizers.image_names if now.organizers else {}
    for name in sorted(then.keys() & here.keys()):
        if then[name] != here[name]:
            yield Difference(f"the image {name}" if organizes else "an image that it uses")


def _limits(of: str, before: Limits, now: Limits) -> Iterator[Difference]:
    then, here = before.model_dump(), now.model_dump()
    for name, value in then.items():
        if value != here[name]:
            yield Difference(f"the {of}limit {name}", f"{value:g}", f"{here[name]:g}")


def _surroundings(before: Record, now: Record, *, organizes: bool) -> Iterator[Difference]:
    if _both_ran(before, now) and _are_two(before.images.submission, now.images.submission):
        yield Difference("the built image")
    if _are_two(before.images.scoring, now.images.scoring):
        yield Difference("the scoring program's image")
    if before.machine is not None and now.machine is not None:
        yield from _machines(before.machine, now.machine, organizes=organizes, both_ran=_both_ran(before, now))


def _machines(before: Machine, now: Machine, *, organizes: bool, both_ran: bool) -> Iterator[Difference]:
    for name, title in _ENGINE.items():
        then, here = getattr(before, name), getattr(now, name)
        if then != here and (organizes or name != "kernel"):
            yield Difference(title, then or _NONE, here or _NONE)
    then, here = _gpus(before), _gpus(now)
    if both_ran and then != here:
        yield Difference("the GPUs", then or _NONE, here or _NONE)


def _gpus(machine: Machine) -> str:
    return ", ".join(sorted(gpu.model or "unknown" for gpu in machine.gpus))


def _both_ran(before: Record, now: Record) -> bool:
    """Not only their scoring."""
    return not (before.attempt.rescored or now.attempt.rescored)


def _are_two(before: str | None, now: str | None) -> bool:
    return before is not None and now is not None and before != now
