"""What was tried against the platform and what came of it: the one table that `make trust` prints and keeps."""

import json
import os
import platform
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "platform/docs/trust.md"


@dataclass(frozen=True)
class Attack:
    """`group`: what was attacked, such as `container`, `archive`, `build`, `web`."""

    group: str
    name: str
    stopped: bool
    succeeds_without: bool | None
    """Whether it was seen to succeed without its defence; None: not tried, because that is not safe to show."""


@dataclass(frozen=True)
class Kills:
    what: str
    """Which process was killed."""
    stages: Counter[str]
    """In which stage of a run → how often."""
    lost: int
    duplicated: int
    orphans: int
    longest_recovery_s: float


@dataclass
class Evidence:
    """The tests of this folder fill it. `is_full`: the counts of `make trust`, else CI's short ones."""

    is_full: bool
    seed: int = 2026
    attacks: list[Attack] = field(default_factory=list)
    kills: list[Kills] = field(default_factory=list)
    counts: list[tuple[str, str]] = field(default_factory=list)
    """What was tried, in words → what came of it, in numbers."""

    def note_attack(self, group: str, name: str, *, stopped: bool, succeeds_without: bool | None) -> None:
        self.attacks.append(Attack(group, name, stopped, succeeds_without))

    def note_kills(self, kills: Kills) -> None:
        self.kills.append(kills)

    def note(self, what: str, came_of_it: str) -> None:
        self.counts.append((what, came_of_it))

    def as_json(self) -> str:
        return json.dumps({"attacks": self.attacks, "kills": self.kills, "counts": self.counts}, default=vars)

    def add(self, other: str) -> None:
        """What another process of the same run has found, as its `as_json` says."""
        found = json.loads(other)
        self.attacks += [Attack(**each) for each in found["attacks"]]
        self.kills += [Kills(**{**each, "stages": Counter(each["stages"])}) for each in found["kills"]]
        self.counts += [(what, came_of_it) for what, came_of_it in found["counts"]]

    def markdown(self) -> str:
        return "\n\n".join(part for part in (self._attacks(), self._kills(), self._counts()) if part)

    def _attacks(self) -> str:
        if not self.attacks:
            return ""
        stopped = sum(attack.stopped for attack in self.attacks)
        shown = sum(attack.succeeds_without is True for attack in self.attacks)
        total = f"**attacks tried {len(self.attacks)}, stopped {stopped}**"
        lines = [
            f"{total} ({shown} of them seen to succeed without their defence)",
            "",
            "| attack on | tried | stopped | seen to succeed without the defence | not safe to show |",
            "|---|---:|---:|---:|---:|",
        ]
        for group in dict.fromkeys(attack.group for attack in self.attacks):
            of_group = [attack for attack in self.attacks if attack.group == group]
            lines.append(
                f"| {group} | {len(of_group)} | {sum(each.stopped for each in of_group)} | "
                f"{sum(each.succeeds_without is True for each in of_group)} | "
                f"{sum(each.succeeds_without is None for each in of_group)} |"
            )
        names = "; ".join(f"{attack.group}: {attack.name}" for attack in self.attacks)
        return "\n".join([*lines, "", f"Each by its name: {names}."])

    def _kills(self) -> str:
        if not self.kills:
            return ""
        lines = [
            _summed_up(self.kills),
            "",
            "| killed | kills | stages | lost | duplicated | orphans | longest recovery |",
            "|---|---:|---|---:|---:|---:|---:|",
        ]
        for each in self.kills:
            stages = ", ".join(f"{stage} {count}" for stage, count in sorted(each.stages.items()))
            lines.append(
                f"| {each.what} | {each.stages.total()} | {stages} | {each.lost} | {each.duplicated} | "
                f"{each.orphans} | {each.longest_recovery_s:.1f} s |"
            )
        return "\n".join(lines)

    def _counts(self) -> str:
        if not self.counts:
            return ""
        rows = [f"| {what} | {came_of_it} |" for what, came_of_it in self.counts]
        return "\n".join(["| tried | came of it |", "|---|---|", *rows])


def _summed_up(kills: list[Kills]) -> str:
    total = sum(each.stages.total() for each in kills)
    return (
        f"**kills {total}, lost {sum(each.lost for each in kills)}, duplicated "
        f"{sum(each.duplicated for each in kills)}, orphans {sum(each.orphans for each in kills)}, longest recovery "
        f"{max(each.longest_recovery_s for each in kills):.1f} s**"
    )


def keep(evidence: Evidence, *, failed: int, asked: list[str]) -> None:
    """Write the table below the marker of platform/docs/trust.md, with the command, the day and the machine.

    `asked`: pytest's arguments, which are told where it was not all of `make trust`.
    """
    head, marker, _ = KEPT.read_text().partition("<!-- make trust writes below -->\n")
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    where = f"{os.cpu_count()} CPU cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    command = "`make trust`" if evidence.is_full else f"The small counts of CI, `pytest {' '.join(asked)}`,"
    run = f"{command} on {datetime.now(UTC):%Y-%m-%d}, commit `{commit.stdout.strip()}`"
    told = f"{run}, {where}; tests failed: {failed}."
    KEPT.write_text(f"{head}{marker}\n{told}\n\n{evidence.markdown()}\n")
