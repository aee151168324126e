from dataclasses import dataclass


@dataclass(frozen=True)
class ImportReport:
    """What the organizer should know of how the bundle was read."""

    ignored: tuple[str, ...] = ()
    """`ignored: phases[0].colour (line 12)`, one for each key that nothing reads, with the reason if there is one."""
    notes: tuple[str, ...] = ()
    """What works in a way that could surprise."""
    mapped: tuple[str, ...] = ()
    """`leaderboard.columns.rank.computed (line 40): …`, one for each key that says something else here."""
    format: str = "Codabench 2"
    """Or `CodaLab 1.5`, `CodaLab 1.8`."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """All of them, in the order in which they are shown."""
        return (*self.ignored, *self.mapped, *self.notes)
