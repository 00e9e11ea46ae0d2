"""Tables without lines that are never cut: columns that find no room beside the others stand below them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2
Cell = str | Text


def show_table(console: Console, head: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows below their heads, the first column to the left, the others to the right.

    Where the console is too narrow for all columns, as many as fit are printed, each time beside the first one.
    """
    lines = [_texts(head), *map(_texts, rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    for number, columns in enumerate(_fitting(widths, console.width)):
        if number:
            console.print()
        console.print(_table([[line[column] for column in (0, *columns)] for line in lines]))


def _texts(cells: Sequence[Cell]) -> list[Text]:
    return [cell if isinstance(cell, Text) else Text(cell) for cell in cells]


def _width(cell: Text) -> int:
    return max((line.cell_len for line in cell.split("\n")), default=0)


def _fitting(widths: Sequence[int], room: int) -> list[list[int]]:
    """The columns after the first in groups that fit beside it; at least one in each."""
    groups: list[list[int]] = [[]]
    used = widths[0]
    for column, width in enumerate(widths[1:], 1):
        if groups[-1] and used + GAP + width > room:
            groups.append([])
            used = widths[0]
        groups[-1].append(column)
        used += GAP + width
    return groups


def _table(lines: Sequence[Sequence[Text]]) -> Table:
    head, *rows = lines
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for number, column in enumerate(head):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
