"""Whether the columns of a leaderboard fit together."""

from collections.abc import Iterator, Mapping

from medici_bundles.schema import Column, Leaderboard
from medici_bundles.yaml_lines import Path

RANKS = frozenset({"avg_rank", "reciprocal_rank"})
"""Computed when the board is numbered, after all others: they alone may read computed columns."""


def column_faults(place: int, board: Leaderboard) -> Iterator[tuple[Path, str]]:
    here: Path = ("leaderboards", place)
    columns = board.columns or ()
    for key in ("key", "index"):
        yield from _doubles(columns, key, here)
    known = {column.index for column in columns if column.index is not None}
    if board.primary_index is not None and known and board.primary_index not in known:
        yield (*here, "primary_index"), f"is {board.primary_index}, {_existing(known)}"
    computed = {column.index: column.computation for column in columns if column.computation}
    for position, column in enumerate(columns):
        yield from _computation(column, (*here, "columns", position), known, computed)


def _doubles(columns: tuple[Column, ...], key: str, here: Path) -> Iterator[tuple[Path, str]]:
    seen: dict[object, int] = {}
    for position, column in enumerate(columns):
        value = getattr(column, key)
        first = seen.setdefault(value, position)
        if value is not None and first != position:
            yield (*here, "columns", position, key), f"is {value!r}, as is that of columns[{first}]; give each its own"


def _computation(
    column: Column, path: Path, known: set[int], computed: Mapping[int, str]
) -> Iterator[tuple[Path, str]]:
    indexes = column.computation_indexes or ()
    if column.computation and column.computation_indexes == ():
        yield (*path, "computation"), "needs computation_indexes: the indexes of the columns to compute from"
    if indexes and not column.computation and "computation" not in column.model_fields_set:
        yield (*path, "computation_indexes"), "needs a `computation`: avg, sum, min, max, avg_rank or reciprocal_rank"
    if column.computation_weights and indexes and len(column.computation_weights) != len(indexes):
        message = f"holds {len(column.computation_weights)} weights for {len(indexes)} columns; give one for each"
        yield (*path, "computation_weights"), message
    if column.over_tasks and column.computation not in RANKS:
        yield (*path, "over_tasks"), "needs a `computation` of ranks: avg_rank or reciprocal_rank"
    for at, index in enumerate(indexes):
        wrong = _wrong_source(column, index, known, computed)
        if wrong:
            yield (*path, "computation_indexes", at), f"names column {index}, {wrong}"


def _wrong_source(column: Column, index: int, known: set[int], computed: Mapping[int, str]) -> str:
    if index == column.index:
        return "which is the column itself"
    if index not in known:
        return _existing(known)
    if column.computation and index in computed and (column.computation not in RANKS or computed[index] in RANKS):
        return "which is computed itself; name the columns that it is computed from"
    return ""


def _existing(known: set[int]) -> str:
    return f"but the indexes of the columns are {', '.join(map(str, sorted(known)))}"
