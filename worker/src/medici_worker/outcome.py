"""How a run fails, as an exception that carries what its report will say."""

from medici_worker.protocol import FailureKind


class RunFailure(Exception):
    """A typed end of a run: the participant's, the organizer's or the system's fault, as `kind` says.

    `public_detail` is for the participant and never echoes what a container printed; `private_detail` is for
    organizers. `may_pass`: the system's fault, which another attempt may be spared.
    """

    def __init__(
        self,
        kind: FailureKind,
        public_detail: str = "",
        *,
        private_detail: str = "",
        exit_code: int | None = None,
        may_pass: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {public_detail or private_detail}")
        self.kind = kind
        self.public_detail = public_detail
        self.private_detail = private_detail
        self.exit_code = exit_code
        self.may_pass = may_pass
