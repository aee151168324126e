"""How a run can fail: whose fault it is, and the one sentence that its participant reads."""

from enum import StrEnum


class Fault(StrEnum):
    """Who has to act. A system's or organizer's fault costs no quota, within what the platform gives back a day."""

    PARTICIPANT = "participant"
    ORGANIZER = "organizer"
    SYSTEM = "system"


class FailureKind(StrEnum):
    ARCHIVE_REJECTED = "archive_rejected"
    IMAGE_REFUSED = "image_refused"
    BUILD_FAILED = "build_failed"
    BUILD_TIMEOUT = "build_timeout"
    RUN_FAILED = "run_failed"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    OUTPUT_MISSING = "output_missing"
    PREDICTIONS_INVALID = "predictions_invalid"
    SCORING_FAILED = "scoring_failed"
    SYSTEM_ERROR = "system_error"
    CANCELLED = "cancelled"

    @property
    def fault(self) -> Fault:
        return _FAULTS.get(self, Fault.PARTICIPANT)

    @property
    def sentence(self) -> str:
        """What the participant reads. It helps without telling anything of the test data."""
        return _SENTENCES[self]


_FAULTS = {
    FailureKind.SCORING_FAILED: Fault.ORGANIZER,
    FailureKind.SYSTEM_ERROR: Fault.SYSTEM,
}

_SENTENCES = {
    FailureKind.ARCHIVE_REJECTED: "The uploaded file is not an archive that can be used here.",
    FailureKind.IMAGE_REFUSED: "The image, or its Dockerfile, is not one that this challenge can run.",
    FailureKind.BUILD_FAILED: "The image could not be built; the build log says at which step.",
    FailureKind.BUILD_TIMEOUT: "The image was not built within the time limit for builds.",
    FailureKind.RUN_FAILED: (
        "The container ended with an error: its log says why (where the phase hides it, `medici try` shows it at home)."
    ),
    FailureKind.TIME_LIMIT: "The container was stopped because it ran over the time limit.",
    FailureKind.MEMORY_LIMIT: "The container was stopped because it used more memory than the limit.",
    FailureKind.OUTPUT_LIMIT: "The outputs are more than the limit for /mnt/out.",
    FailureKind.OUTPUT_MISSING: "The container ended without writing any file to /mnt/out.",
    FailureKind.PREDICTIONS_INVALID: (
        "The predictions could not be scored because they do not follow the challenge's format."
    ),
    FailureKind.SCORING_FAILED: (
        "The scoring program failed; the organizers have been told, and this submission costs no quota."
    ),
    FailureKind.SYSTEM_ERROR: "The platform failed to run this submission; it costs no quota.",
    FailureKind.CANCELLED: "The submission was cancelled.",
}
