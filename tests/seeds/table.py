"""The table that `make seeds` prints and keeps."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

BEGIN = "<!-- make seeds: begin -->"
END = "<!-- make seeds: end -->"
HEADINGS = ("challenge, stand-in", "command", "figure", "measured", "wanted", "training s", "peak MiB", "inference s")


@dataclass(frozen=True)
class Row:
    """One figure of one challenge, and what it cost; None: not measured here."""

    what: str
    command: str
    figure: str
    measured: float
    wanted: str
    training_s: float | None = None
    memory_mib: float | None = None
    inference_s: float | None = None

    def cells(self) -> tuple[str, ...]:
        costs = (_number(cost) for cost in (self.training_s, self.memory_mib, self.inference_s))
        return (self.what, f"`{self.command}`", self.figure, f"{self.measured:.4f}", self.wanted, *costs)


@dataclass
class Table:
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)

    def markdown(self) -> str:
        lines = [HEADINGS, tuple("---" if number < 3 else "---:" for number in range(len(HEADINGS)))]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in [*lines, *(row.cells() for row in self.rows)])

    def keep(self, file: Path) -> None:
        """Put the table between its two marks; nothing else of the file changes."""
        before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        day = datetime.now(UTC).date().isoformat()
        text = f"Measured by `make seeds` on {day}, on 2 CPU cores.\n\n{self.markdown()}"
        file.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}"
