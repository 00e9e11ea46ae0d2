"""Tables of numbers from CSV files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from problems.requirements import Array, ProblemError, shown

if TYPE_CHECKING:
    import pandas as pd

RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


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
        return _columns(Path(path).read_bytes(), inputs, targets)
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from None
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise ProblemError(f"{path}: is not a file name") from None


def _columns(data: bytes, inputs: Sequence[str], targets: Sequence[str]) -> tuple[Array, Array]:
    table = _cells(data)
    if len(table) == 1:
        raise ProblemError("has no rows below its header")
    return _numbers(table, inputs), _numbers(table, targets)


def _cells(data: bytes) -> pd.DataFrame:
    """Every cell as text, the header first, indexed by its line in the file; blank lines are left out."""
    import pandas as pd

    try:
        text = io.StringIO(data.decode("utf-8-sig"), newline=None).read()  # every line break as "\n"
    except UnicodeDecodeError as error:
        raise ProblemError(f"is not UTF-8 text (byte {error.start + 1})") from None
    table = text.lstrip("\n")
    try:
        cells = _parsed(table)
    except pd.errors.EmptyDataError:
        raise ProblemError("is empty") from None
    except pd.errors.ParserError as error:
        raise ProblemError(_unparsed(table, str(error), len(text) - len(table))) from None
    cells.index = 1 + len(text) - len(table) + np.arange(len(cells)) + _breaks_before(cells)
    return _even(cells.dropna(how="all"))


def _parsed(text: str, rows: int | None = None) -> pd.DataFrame:
    import pandas as pd

    # The Python engine alone tells a cell that is empty ("") from one that a short line lacks (NaN).
    return pd.read_csv(
        io.StringIO(text),
        engine="python",
        header=None,
        dtype=str,
        keep_default_na=False,
        skip_blank_lines=False,
        skipinitialspace=True,
        nrows=rows,
    )


def _unparsed(text: str, reason: str, skipped: int) -> str:
    """What is wrong with a text that pandas refuses; pandas counts rows where a message should count lines."""
    ragged = RAGGED.search(reason)
    if ragged is None:
        return f"is not a CSV table: {reason.strip()}"
    header, row, here = map(int, ragged.groups())
    line = skipped + row + int(_breaks(_parsed(text, row - 1)).sum())
    return f"line {line} has {here} cells, the header has {header}"


def _breaks(table: pd.DataFrame) -> Array:
    """How many line breaks the cells of each row hold."""
    breaks: Array = table.apply(lambda column: column.str.count("\n")).sum(axis=1).to_numpy(dtype=int)
    return breaks


def _breaks_before(table: pd.DataFrame) -> Array:
    breaks = _breaks(table)
    return np.cumsum(breaks) - breaks


def _even(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        raise ProblemError("is empty")
    short = table.index[table.isna().any(axis=1)]
    if len(short):
        cells = int(table.loc[short[0]].notna().sum())
        raise ProblemError(f"line {short[0]} has {cells} cells, the header has {table.shape[1]}")
    return table


def _numbers(table: pd.DataFrame, columns: Sequence[str]) -> Array:
    header = [text.strip() for text in table.iloc[0]]
    return np.column_stack([_column(table, name, _position(header, name)) for name in columns])


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


def _column(table: pd.DataFrame, name: str, position: int) -> Array:
    cells = table.iloc[1:, position]
    return np.array([_number(f"line {line}, column {name!r}", text) for line, text in cells.items()])


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
