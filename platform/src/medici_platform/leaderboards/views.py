"""One board of one phase, as a reader of the page, the CSV file and the API may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from medici_platform.accounts.models import User
from medici_platform.challenges.models import Challenge, Leaderboard, LeaderboardColumn, Phase, Task
from medici_platform.challenges.queries import find_phase, primary_column
from medici_platform.challenges.rules import shown_moment
from medici_platform.errors import NotAllowed, NotFound
from medici_platform.leaderboards import queries
from medici_platform.leaderboards.models import LeaderboardEntry
from medici_platform.leaderboards.references import Reference, Scored, compared_column, put_together
from medici_platform.participants.rules import may_organize
from medici_platform.presentation.formats import when
from medici_platform.runs.computing import plan
from medici_platform.runs.views import reports_are_open

MOST_CELLS = 12
"""Numbers in one row of a page."""


class Fact(NamedTuple):
    """A question of the fact sheet whose answers stand on the board."""

    key: str
    title: str


class Cell(NamedTuple):
    """A number's place in the row of an entry."""

    column: LeaderboardColumn
    task: Task | None
    """None: over all tasks."""
    is_primary: bool
    begins_block: bool

    @property
    def name(self) -> str:
        return f"{self.task.name}: {self.column.key}" if self.task else self.column.key

    @property
    def label(self) -> str:
        parts = [self.task.name if self.task else "", self.column.group, self.column.title]
        return " · ".join(part for part in parts if part)

    def value(self, row: Scored) -> float | None:
        scores = row.task_scores.get(str(self.task.index), {}) if self.task else row.scores
        return scores.get(self.column.key)


@dataclass(frozen=True)
class BoardView:
    challenge: Challenge
    phase: Phase
    boards: list[Leaderboard]
    """All that this reader may see."""
    board: Leaderboard
    reader_id: int | None
    organizes: bool
    columns: list[LeaderboardColumn]
    primary: LeaderboardColumn
    tasks: list[Task]
    """Those of the phase; none where it has only one."""
    facts: list[Fact]
    references: list[Reference]
    """Published figures, the best in the column `compared` first."""
    compared: LeaderboardColumn | None
    """None where this reader does not see it."""
    shows_reports: bool
    opens_at: datetime | None
    """While it is not shown to this reader: when it will be."""
    frozen_at: datetime | None
    """While it is frozen: since when."""

    def name_of(self, entry: LeaderboardEntry) -> str:
        """On an anonymous board a number in place of the name, but for organizers and one's own."""
        is_own = entry.participant.user_id == self.reader_id
        if not self.board.anonymous or self.organizes or is_own:
            return entry.participant.user.username
        return f"Participant {entry.participant_id}"

    def scored_at(self, entry: LeaderboardEntry) -> datetime:
        return shown_moment(entry.scored_at, exact=self.organizes or not self.phase.hidden)

    @property
    def cells(self) -> list[Cell]:
        """The numbers over all tasks, then those of each task."""
        own = [
            Cell(column, None, column.id == self.primary.id, position == 0)
            for position, column in enumerate(self.columns)
        ]
        return own + [
            Cell(column, task, is_primary=False, begins_block=position == 0)
            for task in self.tasks
            for position, column in enumerate(self.task_columns)
        ]

    @property
    def is_wide(self) -> bool:
        """Whether there are more numbers in a row than a page can show at once."""
        return bool(self.tasks) and len(self.cells) > MOST_CELLS

    def cells_by(self, key: str | None) -> list[Cell]:
        """What a page shows at once: of a wide board the numbers over all tasks, or one column's in each task.

        Raises NotFound for a key that no such column has.
        """
        if not self.is_wide:
            return self.cells
        if key is not None and key not in {column.key for column in self.task_columns}:
            raise NotFound(f"This board has no column {key[:100]!r} with a number for each task.")
        return [
            cell
            for cell in self.cells
            if (cell.task is None and key in (None, cell.column.key))
            or cell.is_primary
            or (cell.task is not None and cell.column.key == key)
        ]

    def reference_cells(self, cells: Sequence[Cell]) -> list[Cell]:
        """Those of `cells` that published figures fill, or, where they fill none, could fill: they have no rank."""
        shown = {column.key for column in self.task_columns}
        possible = [cell for cell in cells if cell.column.key in shown]
        filled = [cell for cell in possible if any(cell.value(each) is not None for each in self.references)]
        return filled or possible

    @property
    def sources(self) -> list[str]:
        """Where the published figures come from, each once."""
        return list(dict.fromkeys(source for each in self.references for source in each.sources))

    @property
    def task_columns(self) -> list[LeaderboardColumn]:
        """Ranks are told over all tasks alone."""
        of_entries = plan(self.board.columns).of_entries
        return [column for column in self.columns if column.key not in of_entries]

    @property
    def embargo(self) -> str:
        return f"The board of the phase {self.phase.name} opens on {when(self.opens_at)}." if self.opens_at else ""


def view_board(
    session: Session, challenge: Challenge, user: User | None, *, phase: str | None, board: str | None, now: datetime
) -> BoardView:
    chosen_phase = find_phase(challenge, phase, now=now)
    boards = queries.shown_boards(session, challenge, user)
    chosen = queries.choose_board(boards, board)
    tasks = list(chosen_phase.tasks)
    primary = primary_column(chosen)
    compared = compared_column(chosen.columns, primary)
    columns = queries.shown_columns(chosen, challenge, user)
    return BoardView(
        challenge=challenge,
        phase=chosen_phase,
        boards=boards,
        board=chosen,
        reader_id=user.id if user else None,
        organizes=may_organize(user, challenge),
        columns=columns,
        primary=primary,
        tasks=tasks if len(tasks) > 1 else [],
        facts=[
            Fact(each["key"], each.get("title") or each["key"])
            for each in challenge.fact_sheet
            if each.get("is_on_leaderboard")
        ],
        references=put_together(queries.reference_rows(session, chosen), chosen.columns, tasks, compared),
        compared=compared if compared in columns else None,
        shows_reports=shows_reports(chosen_phase, user),
        opens_at=opens_at(chosen_phase, user, now=now),
        frozen_at=_frozen_at(chosen_phase, now=now),
    )


def opens_at(phase: Phase, user: User | None, *, now: datetime) -> datetime | None:
    """Until the embargo ends the organizers alone see the phase's boards."""
    if phase.embargo_until is None or now >= phase.embargo_until or may_organize(user, phase.challenge):
        return None
    return phase.embargo_until


def require_shown(view: BoardView) -> None:
    if view.opens_at:
        raise NotAllowed(view.embargo, code="embargo")


def shows_reports(phase: Phase, user: User | None) -> bool:
    """Whether a row links to the detailed results of its entry."""
    return may_organize(user, phase.challenge) or (
        phase.challenge.detailed_results_on_board and reports_are_open(phase)
    )


def reports_of(session: Session, view: BoardView, entries: Sequence[LeaderboardEntry]) -> dict[int, list[int]]:
    """Submission id → indexes of the tasks with detailed results, where this reader may see them."""
    if not view.shows_reports:
        return {}
    return queries.reported_tasks(session, [entry.submission_id for entry in entries])


def fact_text(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return "" if answer is None else str(answer)


def _frozen_at(phase: Phase, *, now: datetime) -> datetime | None:
    is_frozen = phase.freeze_at is not None and phase.freeze_at <= now and phase.thawed_at is None
    return phase.freeze_at if is_frozen else None
