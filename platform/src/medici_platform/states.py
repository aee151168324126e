"""The one enum of states for runs and submissions, and the one table of what may follow what."""

from enum import StrEnum


class State(StrEnum):
    SUBMITTED = "submitted"
    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    SCORING = "scoring"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL

    @property
    def is_held(self) -> bool:
        """A worker holds the run: it has a lease."""
        return self in HELD


TERMINAL = frozenset({State.FINISHED, State.FAILED, State.CANCELLED})
HELD = frozenset({State.PREPARING, State.RUNNING, State.SCORING})

_ENDS = {State.FINISHED, State.FAILED, State.CANCELLED}

TRANSITIONS: dict[State, frozenset[State]] = {
    State.SUBMITTED: frozenset({State.QUEUED, State.FAILED, State.CANCELLED}),
    State.QUEUED: frozenset({State.PREPARING, State.FAILED, State.CANCELLED}),
    # Back to queued: the lease expired, or the worker handed the run back.
    State.PREPARING: frozenset({State.RUNNING, State.SCORING, State.QUEUED, *_ENDS}),
    State.RUNNING: frozenset({State.SCORING, State.QUEUED, *_ENDS}),
    State.SCORING: frozenset({State.QUEUED, *_ENDS}),
    # Back to queued: an organizer's rerun or rescore.
    State.FINISHED: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}


def may_follow(before: State, after: State) -> bool:
    return after in TRANSITIONS[before]
