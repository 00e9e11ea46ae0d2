"""Tables of numbers from CSV files."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from problems.problem import Array, ProblemError

if TYPE_CHECKING:
    import pandas as pd


def packaged_columns(file: str, inputs: tuple[str, ...], targets: tuple[str, ...]) -> tuple[Array, Array]:
    """x and y from a CSV file that ships with backproof."""
    with as_file(files("problems").joinpath("data", file)) as path:
        return read_columns(path, inputs, targets)


def read_columns(path: Path, inputs: tuple[str, ...], targets: tuple[str, ...]) -> tuple[Array, Array]:
    """x (rows, inputs) and y (rows, targets), float64, from the named columns of a CSV file.

    Raises ProblemError, one line with the file, row and column, for a file that cannot be read, a column that is
    missing, and a cell that is empty, no number, or not finite.
    """
    table = _read_text(path)
    if table.empty:
        raise ProblemError(f"{path}: has no rows")
    return _numbers(path, table, inputs), _numbers(path, table, targets)


def _read_text(path: Path) -> pd.DataFrame:
    """Every cell as text, so that a bad one can be shown as it stands."""
    import pandas as pd

    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ProblemError(f"{path}: is not UTF-8 text") from None
    except pd.errors.EmptyDataError:
        raise ProblemError(f"{path}: is empty") from None
    except (pd.errors.ParserError, ValueError) as error:
        raise ProblemError(f"{path}: is no CSV table: {' '.join(str(error).split())}") from None


def _numbers(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> Array:
    for column in columns:
        if column not in table.columns:
            there = ", ".join(map(repr, table.columns))
            raise ProblemError(f"{path}: column {column!r} is missing; the file has {there}")
    return np.column_stack([_column(path, table, column) for column in columns])


def _column(path: Path, table: pd.DataFrame, column: str) -> Array:
    return np.array([_cell(path, line, column, text) for line, text in enumerate(table[column], 2)])


def _cell(path: Path, line: int, column: str, text: object) -> float:
    """One cell as a number; `line` counts from 1, the header included."""
    try:
        value = float(str(text))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        what = "is empty" if not str(text).strip() else f"is {str(text)!r}"
        raise ProblemError(f"{path}: line {line}, column {column!r} {what}; expected a finite number")
    return value
