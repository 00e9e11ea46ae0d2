"""The tables of a stored trace's problem, which are arrays beside its steps: data and starting numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from problems.problem import Array, Problem
from problems.records import problem_of
from problems.store_checksums import Checksums
from problems.store_columns import Column, made_column, write

START = "initial."


def tables(problem: Problem) -> dict[str, Array]:
    """The tables by the name they are stored under."""
    return {"x": problem.x, "y": problem.y, **{f"{START}{name}": values for name, values in problem.initial.items()}}


def keep_tables(problem: Problem, folder: Path, chunk_bytes: int, checksums: Checksums) -> list[str]:
    """Write them, in chunks of rows; their names."""
    changes = []
    for name, values in tables(problem).items():
        length = max(1, chunk_bytes // values[0].nbytes)
        changes.append((made_column(folder, name, values.shape, values.dtype, length, checksums), 0, values))
    write(changes, checksums)
    return list(tables(problem))


def taken_tables(columns: dict[str, Column]) -> dict[str, Array]:
    """The tables, and `columns` without them; raises TraceError, naming the file, for a damaged one."""
    names = [name for name in columns if name in ("x", "y") or name.startswith(START)]
    held = {name: columns.pop(name) for name in names}
    return {name: column.read(0, column.array.shape[0]) for name, column in held.items()}


def problem_from(settings: Mapping[str, Any], held: Mapping[str, Array]) -> Problem:
    """The problem of these settings and tables; raises ProblemError where they do not fit."""
    initial = {name.removeprefix(START): values for name, values in held.items() if name.startswith(START)}
    return problem_of(settings, held["x"], held["y"], initial)
