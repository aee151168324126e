"""How a run fails, as an exception that carries what its report will say."""

from medici_worker.protocol import FailureKind


class RunFailure(Exception):
    """A typed end of a run: the participant's, the organizer's or the system's fault, as `kind` says.

    `public_detail` is for the participant and never echoes what a container printed; `private_detail` is for
    organizers.
    """

    def __init__(
        self, kind: FailureKind, public_detail: str = "", *, private_detail: str = "", exit_code: int | None = None
    ) -> None:
        super().__init__(f"{kind}: {public_detail or private_detail}")
        self.kind = kind
        self.public_detail = public_detail
        self.private_detail = private_detail
        self.exit_code = exit_code
