"""Two attempts of one run: whether they came to the same, and what else was not the same."""

from datetime import UTC, datetime

import pytest

from medici_platform.runs.comparing import compare
from medici_platform.runs.record_format import (
    AttemptFacts,
    ChallengeFacts,
    FileFacts,
    ImageFacts,
    LimitFacts,
    PlatformFacts,
    PrivateFacts,
    Record,
    SubmissionFacts,
    for_participant,
)
from medici_worker.protocol import GpuUsed, Limits, Machine

NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
LIMITS = LimitFacts(inference=Limits(), scoring=Limits())
MACHINE = Machine(
    worker_version="0.1.0",
    engine="docker",
    engine_version="28.2",
    runtime="runc",
    architecture="amd64",
    kernel="6.1",
    gpus=(GpuUsed(id="GPU-a", model="NVIDIA H100"),),
)


def record(number=1, *, outcome="finished", rescored=False, **changed):
    facts = {
        "copy_for": "organizers",
        "platform": PlatformFacts(url="https://medici.example", version="0.1.0"),
        "challenge": ChallengeFacts(slug="tiny", version=1, phase="Final", task="Main", task_index=0),
        "submission": SubmissionFacts(
            id=1, kind="container", upload_sha256="a", upload_bytes=1, package_sha256="b", submitted_at=NOW
        ),
        "attempt": AttemptFacts(
            run=1,
            attempt=number,
            rescored=rescored,
            outcome=outcome,
            began_at=NOW,
            ended_at=NOW,
            seconds={"running": 1.499, "scoring": 0.5},
        ),
        "files": FileFacts(input_data="i", reference_data="r", scoring_program="s"),
        "images": ImageFacts(submission="sha256:1", bases=["sha256:0"], scoring="sha256:2"),
        "limits": LIMITS,
        "machine": MACHINE,
        "scores": {"f1": 0.912, "seconds": 2.0},
        "organizers": PrivateFacts(
            worker="w1", exit_code=0, outputs_sha256="o", image_names={"medici/python:latest": "recipe:1"}
        ),
    }
    return Record(**{**facts, **changed})


def told(before, now, *, organizes=True):
    """Reproduced, and every difference in words."""
    found = compare(before, now, organizes=organizes)
    return found.reproduced, [
        [str(each) for each in part] for part in (found.results, found.material, found.surroundings)
    ]


def test_the_same_again_is_reproduced():
    found = compare(record(1), record(2), organizes=True)
    assert (found.reproduced, found.sentence) == (True, "reproduced: all 2 scores are the same")
    assert told(record(1), record(2)) == (True, [[], [], []])


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ({"f1": 1.0}, "reproduced: the one score is the same"),
        ({}, "reproduced: it ended in the same way"),
    ],
)
def test_the_sentence_counts(scores, sentence):
    assert compare(record(1, scores=scores), record(2, scores=scores), organizes=True).sentence == sentence


def test_another_score_is_told_to_the_last_digit():
    now = record(2, scores={"f1": 0.9120000000000001, "auc": 0.5})
    assert told(record(1), now) == (
        False,
        [
            [
                "auc: no number before, 0.5 now",
                "f1: 0.912 before, 0.9120000000000001 now",
                "seconds: 2.0 before, no number now",
            ],
            [],
            [],
        ],
    )
    assert compare(record(1), now, organizes=True).sentence == (
        "not reproduced: it is not what attempt 1 came to, on the same material"
    )


def test_another_end_is_a_difference():
    reproduced, parts = told(record(1), record(2, outcome="run_failed", scores={}))
    assert (reproduced, parts[0][0]) == (False, "the end: finished before, run failed now")


@pytest.mark.parametrize("outcome", ["system_error", "scoring_failed"])
def test_others_faults_say_nothing_of_the_submission(outcome):
    failed = record(2, outcome=outcome, scores={})
    assert compare(record(1), failed, organizes=True) is None
    assert compare(failed, record(3), organizes=True) is None


MATERIAL = [
    ({"files": FileFacts(input_data="i", reference_data="x", scoring_program="s")}, "the reference data"),
    ({"files": FileFacts(input_data="x", reference_data="r", scoring_program="s")}, "the input data"),
    ({"files": FileFacts(input_data="i", reference_data="r", scoring_program="x")}, "the scoring program"),
    (
        {"files": FileFacts(input_data="i", reference_data="r", scoring_program="s", ingestion_program="x")},
        "the ingestion program",
    ),
]


@pytest.mark.parametrize(("changed", "what"), MATERIAL, ids=[what for _, what in MATERIAL])
def test_other_material_makes_no_comparison(changed, what):
    now = record(2, scores={"f1": 0.5, "seconds": 2.0}, **changed)
    assert told(record(1), now) == (
        None,
        [["f1: 0.912 before, 0.5 now"], [f"{what}: another than before"], []],
    )


def test_other_limits_are_other_material():
    fewer = LIMITS.model_copy(update={"inference": Limits(cpus=1)})
    assert told(record(1), record(2, limits=fewer)) == (None, [[], ["the limit cpus: 2 before, 1 now"], []])
    scoring = LIMITS.model_copy(update={"scoring": Limits(time_s=30)})
    assert told(record(1), record(2, limits=scoring))[1][1] == ["the scoring limit time_s: 600 before, 30 now"]


def test_an_image_that_its_name_no_longer_means():
    other = record(2, organizers=PrivateFacts(image_names={"medici/python:latest": "recipe:2"}))
    assert told(record(1), other)[1][1] == ["the image medici/python:latest: another than before"]
    assert told(record(1), other, organizes=False)[1][1] == ["an image that it uses: another than before"]


def test_other_surroundings_should_come_to_the_same():
    machine = MACHINE.model_copy(
        update={"engine_version": "29.0", "kernel": "6.2", "gpus": (GpuUsed(id="GPU-b", model="NVIDIA A100"),)}
    )
    now = record(2, machine=machine, images=ImageFacts(submission="sha256:9", scoring="sha256:2"))
    assert told(record(1), now) == (
        True,
        [
            [],
            [],
            [
                "the built image: another than before",
                "the engine's version: 28.2 before, 29.0 now",
                "the kernel: 6.1 before, 6.2 now",
                "the GPUs: NVIDIA H100 before, NVIDIA A100 now",
            ],
        ],
    )
    assert "the kernel" not in str(told(record(1), now, organizes=False))


def test_a_gpu_of_the_same_model_is_the_same_place():
    machine = MACHINE.model_copy(update={"gpus": (GpuUsed(id="GPU-b", model="NVIDIA H100"),)})
    assert told(record(1), record(2, machine=machine)) == (True, [[], [], []])


def test_a_rescore_is_compared_by_its_scoring_alone():
    now = record(
        2,
        rescored=True,
        images=ImageFacts(scoring="sha256:2"),
        limits=LIMITS.model_copy(update={"inference": Limits(cpus=1)}),
        machine=MACHINE.model_copy(update={"gpus": ()}),
        organizers=PrivateFacts(),
    )
    assert told(record(1), now) == (True, [[], [], []])


def test_the_participants_copy_lacks_what_is_not_for_them():
    whole = record(1)
    copy = for_participant(whole, scores={"f1": 0.912}, exact=False, identity=lambda name, sha256: f"{name}={sha256}")
    assert copy.copy_for == "participant"
    assert copy.organizers is None
    assert copy.scores == {"f1": 0.912}
    assert copy.attempt.seconds == {"running": 1.0, "scoring": 0.0}
    assert copy.files.model_dump() == {
        "input_data": "input_data=i",
        "reference_data": "reference_data=r",
        "scoring_program": "scoring_program=s",
        "ingestion_program": None,
    }
    assert copy.images == ImageFacts(submission="sha256:1", bases=["sha256:0"], scoring="scoring_image=sha256:2")
    assert copy.machine == MACHINE.model_copy(update={"kernel": "", "gpus": (GpuUsed(id="", model="NVIDIA H100"),)})
    assert copy.submission == whole.submission
    open_phase = for_participant(whole, scores={}, exact=True, identity=lambda *_: "x")
    assert open_phase.attempt.seconds == {"running": 1.499, "scoring": 0.5}
