"""The heading rows of a board: tasks above groups above columns, as far as there are any. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from medici_platform.leaderboards.views import Cell


@dataclass(frozen=True)
class Heading:
    title: str
    columns: int = 1
    rows: int = 1
    cell: Cell | None = None
    """None: it stands above several columns."""
    begins_block: bool = False


def heading_rows(cells: Sequence[Cell], *, by_task: bool = False) -> list[list[Heading]]:
    """The last row holds the columns; those without a group reach up to the row of groups.

    `by_task`: there is one column of each task, which is named by the task alone.
    """
    if by_task:
        return [[Heading(cell.task.name if cell.task else cell.column.title, cell=cell) for cell in cells]]
    rows: list[list[Heading]] = []
    if any(cell.task for cell in cells):
        rows.append(_joined(cells, lambda cell: cell.task.name if cell.task else "All tasks"))
    if not any(cell.column.group for cell in cells):
        return [*rows, [_single(cell, rows=1) for cell in cells]]
    groups: list[Heading] = []
    for _, block in groupby(cells, key=lambda cell: cell.task.id if cell.task else None):
        for group, members in groupby(block, key=lambda cell: cell.column.group):
            inside = list(members)
            if group:
                groups.append(Heading(group, len(inside), begins_block=inside[0].begins_block))
            else:
                groups += [_single(cell, rows=2) for cell in inside]
    return [*rows, groups, [_single(cell, rows=1) for cell in cells if cell.column.group]]


def _joined(cells: Sequence[Cell], title: Callable[[Cell], str]) -> list[Heading]:
    blocks = [list(members) for _, members in groupby(cells, key=lambda cell: cell.task.id if cell.task else None)]
    return [Heading(title(block[0]), len(block), begins_block=True) for block in blocks]


def _single(cell: Cell, *, rows: int) -> Heading:
    return Heading(cell.column.title, rows=rows, cell=cell, begins_block=cell.begins_block)
