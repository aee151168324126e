from dataclasses import dataclass


@dataclass(frozen=True)
class ImportReport:
    """What the organizer should know of how the bundle was read."""

    ignored: tuple[str, ...] = ()
    """`ignored: phases[0].colour (line 12)`, one for each key that nothing reads."""
    notes: tuple[str, ...] = ()
