"""Tables of numbers from CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from problems.reading import brief, read_bytes
from problems.requirements import Array, ProblemError, number_of, shown


class Row(NamedTuple):
    """The text of every cell, and the line of the file on which the row begins, from 1."""

    line: int
    cells: list[str]


def packaged_columns(file: str, inputs: Sequence[str], targets: Sequence[str]) -> tuple[Array, Array]:
    """x and y from a CSV file that ships with backproof."""
    return _columns(files("problems").joinpath("data", file).read_bytes(), inputs, targets)


def read_columns(path: str | Path, inputs: Sequence[str], targets: Sequence[str]) -> tuple[Array, Array]:
    """x (rows, inputs) and y (rows, targets), float64, from the named columns of a CSV file.

    The first line names the columns; blank lines are passed over. Each number is the float64 nearest to its decimals.
    Raises ProblemError, one line that begins with the file and names line and column where there is one, for a file
    that cannot be read or is no table, a column that is missing or named twice, and a cell that is empty, no number
    or not finite.
    """
    try:
        return _columns(read_bytes(path), inputs, targets)
    except ProblemError as error:
        raise ProblemError(f"{brief(path)}: {error}") from None
    except OSError as error:
        raise ProblemError(f"{brief(path)}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise ProblemError(f"{brief(path)}: is not a file name") from None


def line_of(path: str | Path, row: int) -> int:
    """The line, from 1, on which the data row `row`, from 0, begins in a CSV file that was read."""
    _, *rows = _rows(read_bytes(path))
    return rows[row].line


def _columns(data: bytes, inputs: Sequence[str], targets: Sequence[str]) -> tuple[Array, Array]:
    header, *rows = _even(_rows(data))
    if not rows:
        raise ProblemError("has no rows below its header")
    return _numbers(header, rows, inputs), _numbers(header, rows, targets)


def _rows(data: bytes) -> Iterator[Row]:
    """Every row that is not blank, the header first."""
    try:
        text = io.StringIO(data.decode("utf-8-sig"), newline=None)  # every line break as "\n"
    except UnicodeDecodeError as error:
        raise ProblemError(f"is not UTF-8 text (byte {error.start + 1})") from None
    reader = csv.reader(text, strict=True, skipinitialspace=True)
    begins = 1  # a cell may hold line breaks: a row ends where the reader is, and begins where it was
    try:
        for cells in reader:
            if cells:
                yield Row(begins, cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ProblemError(f"is not a CSV table: {error}") from None


def _even(rows: Iterable[Row]) -> list[Row]:
    """The rows, the header first; raises ProblemError where there is none or one has another number of cells."""
    table = list(rows)
    if not table:
        raise ProblemError("is empty")
    header = len(table[0].cells)
    for line, cells in table:
        if len(cells) != header:
            raise ProblemError(f"line {line} has {number_of(len(cells), 'cell')}, the header has {header}")
    return table


def _numbers(header: Row, rows: Sequence[Row], columns: Sequence[str]) -> Array:
    names = [text.strip() for text in header.cells]
    return np.column_stack([_column(rows, name, _position(names, name)) for name in columns])


def _position(header: list[str], name: str) -> int:
    """Where the column stands; raises ProblemError unless it does so exactly once."""
    if name not in header:
        raise ProblemError(
            f"column {name!r} is missing; the file has {', '.join(map(repr, header))}{_separator(header)}"
        )
    if header.count(name) > 1:
        raise ProblemError(f"column {name!r} stands {header.count(name)} times in the header")
    return header.index(name)


def _separator(header: list[str]) -> str:
    """A hint where the only cell of the header seems to be several."""
    other = next((separator for separator in ";\t|" if len(header) == 1 and separator in header[0]), None)
    return f"; separate the columns by commas, not by {other!r}" if other else ""


def _column(rows: Sequence[Row], name: str, position: int) -> Array:
    return np.array([_number(f"line {line}, column {name!r}", cells[position]) for line, cells in rows])


def _number(where: str, text: str) -> float:
    """One cell as a number; only what any other reader of CSV takes for one."""
    try:
        value = math.nan if "_" in text or not text.isascii() else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = f"is {shown(text)}" if text.strip() else "is empty"
        raise ProblemError(f"{where} {what}; expected a finite number")
    return value
