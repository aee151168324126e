"""A leaderboard on a terminal: the entries, the numbers of each task, and the published figures below them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from medici_platform.cli.output import fits, make_table, notes, results

Block = Mapping[str, float]
Headings = list[tuple[str, bool]]
PUBLISHED = "Published results, not ranked"
UNKNOWN = "–"


def print_board(board: dict[str, Any], *, by_task: bool = False) -> None:
    """With `by_task` the numbers of each task too: in the same rows where the terminal is wide enough."""
    if board["data_notice"]:
        results.print(escape(f"About the data: {board['data_notice']}"))
    tasks = board["tasks"] if by_task else []
    wide = _tables(board, tasks)
    is_wide = bool(tasks) and not all(map(fits, wide))
    for table in _tables(board, []) if is_wide else wide:
        results.print(table)
    for task in tasks if is_wide else []:
        results.print(_task_table(board, task))
    for number, source in enumerate(_sources(board), start=1):
        results.print(escape(f"[{number}] {source}"))
    if board["frozen_since"]:
        notes.print(f"Frozen since {board['frozen_since']}: later submissions enter when the phase has ended.")


def _tables(board: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> list[Any]:
    title = escape(f"{board['challenge']} · {board['phase']} · {board['title']}")
    made = [make_table(title, *_entries(board, tasks))]
    return [*made, _references(board, tasks)] if board["reference"] else made


def _entries(board: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> tuple[Headings, list[list[str]]]:
    facts = board["facts"]
    headings = [("Rank", True), ("Participant", False), *_numbers_of(board, tasks)]
    headings += [(escape(fact["title"]), False) for fact in facts]
    rows = []
    for entry in board["entries"]:
        answers = [escape(_answer(entry["facts"].get(fact["key"]))) for fact in facts]
        rows.append(
            [str(entry["rank"] or UNKNOWN), escape(entry["participant"]), *_numbers(entry, board, tasks), *answers]
        )
    return headings, rows


def _references(board: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> Any:
    """Columns in which nothing was published are left out, and what all rows say of their data stands in the title."""
    sources, data = _sources(board), sorted({each["data"] for each in board["reference"]})
    headings = [("Method", False), *_numbers_of(board, tasks), ("Data", False), ("Source", False)]
    rows = []
    for each in board["reference"]:
        marks = " ".join(f"[{sources.index(source) + 1}]" for source in each["sources"])
        shown_data = escape(each["data"]) if len(data) > 1 else UNKNOWN
        rows.append([escape(each["method"]), *_numbers(each, board, tasks), shown_data, escape(marks)])
    filled = [number for number in range(len(headings)) if any(row[number] != UNKNOWN for row in rows)]
    title = PUBLISHED if len(data) > 1 else f"{PUBLISHED} ({escape(data[0])})"
    return make_table(
        title, [headings[number] for number in filled], [[row[number] for number in filled] for row in rows]
    )


def _task_table(board: dict[str, Any], task: dict[str, Any]) -> Any:
    """Entries in the order of the board, then, under a line, the published figures for this task."""
    index = str(task["index"])
    published = [each for each in board["reference"] if each["task_scores"].get(index)]
    scored = [each["task_scores"].get(index, {}) for each in (*board["entries"], *published)]
    columns = [each for each in board["columns"] if any(each["key"] in scores for scores in scored)]
    headings = [("Participant", False), *((_heading(column), True) for column in columns)]
    rows = [
        [escape(each["participant"]), *_block(each["task_scores"].get(index, {}), columns)] for each in board["entries"]
    ]
    below = [[escape(each["method"]), *_block(each["task_scores"][index], columns)] for each in published]
    if published:
        headings.append(("Data", False))
        rows = [[*row, ""] for row in rows]
        below = [[*row, escape(each["data"])] for row, each in zip(below, published, strict=True)]
    return make_table(f"Task {escape(task['name'])}", headings, rows, below)


def _numbers_of(board: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> Headings:
    columns = board["columns"]
    whole = [(_heading(column), True) for column in columns]
    return whole + [(f"{escape(task['name'])}: {_heading(column)}", True) for task in tasks for column in columns]


def _numbers(row: dict[str, Any], board: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> list[str]:
    blocks: list[Block] = [row["scores"], *(row["task_scores"].get(str(task["index"]), {}) for task in tasks)]
    return [number for block in blocks for number in _block(block, board["columns"])]


def _block(scores: Block, columns: Sequence[dict[str, Any]]) -> list[str]:
    return [_number(scores.get(column["key"]), column["precision"]) for column in columns]


def _sources(board: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(source for each in board["reference"] for source in each["sources"]))


def _heading(column: dict[str, Any]) -> str:
    return f"{escape(column['title'])} {'↓' if column['sorting'] == 'desc' else '↑'}"


def _number(value: float | None, precision: int) -> str:
    return UNKNOWN if value is None else f"{value:.{precision}f}"


def _answer(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return UNKNOWN if answer is None else str(answer)
