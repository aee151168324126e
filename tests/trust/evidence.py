"""The counts that `make trust` prints and keeps."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Evidence:
    kills: int
    """How many kills of workers are tried."""
    runs: int
    """How many runs the workers compete for."""
    seed: int = 2026
    lines: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        self.lines.append(line)

    def note_kills(
        self, what: str, stages: Counter[str], *, lost: int, duplicated: int, longest_recovery_s: float
    ) -> None:
        by_stage = ", ".join(f"{stage} {count}" for stage, count in sorted(stages.items()))
        self.lines.append(
            f"{what}: kills {stages.total()} ({by_stage}), lost {lost}, duplicated {duplicated}, "
            f"longest recovery {longest_recovery_s:.1f} s"
        )

    def markdown(self) -> str:
        return "\n".join(f"- {line}" for line in self.lines)
