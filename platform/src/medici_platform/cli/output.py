"""What commands print: results to standard output, everything else to standard error."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

notes = Console(stderr=True, highlight=False, soft_wrap=True)
results = Console(highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(title: str, columns: list[tuple[str, bool]], rows: list[list[str]]) -> None:
    """`columns`: heading, and whether it holds numbers. Long cells are folded, never cut."""
    results.print(make_table(title, columns, rows))


def make_table(
    title: str, columns: list[tuple[str, bool]], rows: list[list[str]], below: Sequence[list[str]] = ()
) -> Table:
    """As `print_table` prints it; the rows `below` stand under a line."""
    table = Table(title=title, title_justify="left")
    for heading, is_number in columns:
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    table.add_section()
    for row in below:
        table.add_row(*row)
    return table


def fits(table: Table) -> bool:
    """Whether the terminal is wide enough for it without folding a cell."""
    return table.__rich_measure__(results, results.options.update(max_width=10_000)).maximum <= results.width


class CommandFailed(Exception):
    """Ends the command with one sentence on standard error and a non-zero exit status."""

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def stop(message: str, *, status: int = 1) -> typer.Exit:
    notes.print(f"[bold red]Error:[/] {escape(message)}")
    return typer.Exit(status)
