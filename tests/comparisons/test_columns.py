"""Tables on consoles of any width: every cell is there, whole, and no line is too long."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from comparisons.columns import show_table

HEAD = ["implementation", "loss", "dW1", "db1", "dW2", "db2", "W1", "b1", "W2", "b2", "carries"]
ROWS = [
    ["manual-matrix", *["0.00"] * 9, "float64"],
    ["keras-tensorflow", *[f"{k}.5e{k}*" for k in range(1, 10)], "float32"],
]


def printed(width, head=HEAD, rows=ROWS):
    stream = io.StringIO()
    show_table(Console(file=stream, width=width, markup=False, highlight=False), head, rows)
    return stream.getvalue()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 140])
def test_no_cell_is_cut_and_no_line_is_too_long(width):
    text = printed(width)
    words = text.split()
    assert all(cell in words for row in (HEAD, *ROWS) for cell in row)
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())


def test_a_wide_console_has_one_table():
    assert printed(140).count("implementation") == 1


def test_the_first_column_stands_beside_each_part():
    text = printed(40)
    assert text.count("implementation") == text.count("keras-tensorflow") == text.count("\n\n") + 1 > 1


def test_a_console_narrower_than_two_columns_still_prints():
    assert printed(5, ["a", "b"], [["1", "2"]]).split() == ["a", "b", "1", "2"]
