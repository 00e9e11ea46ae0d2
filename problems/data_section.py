"""The [data] of a problem file: a table in a CSV or npz file, or given outright."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from problems.datasets import line_of, read_columns
from problems.npz import load_arrays
from problems.preparation import STANDARDIZED, standardized
from problems.reading import brief
from problems.requirements import Array, ProblemError, frozen_table, number_of, row_place, shown
from problems.values import line, lines, require_known, required, rows

SOURCES = "csv with inputs and targets, npz, or x and y"


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """x (rows, n_in) and y (rows, n_out), the names of their columns, and what was done to x."""

    x: Array
    y: Array
    input_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    preparation: str = ""


def read_data(data: Mapping[str, Any], folder: Path) -> Data:
    """What the section tells; files stand relative to `folder`.

    Raises ProblemError, one line, for anything that cannot be read or is no table of numbers.
    """
    require_known("data", data, ("csv", "npz", "inputs", "targets", "x", "y", "standardize", "preparation"))
    if "csv" in data:
        found = _from_csv(data, folder)
    elif "npz" in data:
        found = _from_npz(data, folder)
    elif "x" not in data and "y" not in data:
        raise ProblemError(f"data.csv is missing; give one of: {SOURCES}")
    else:
        found = _named(data, *(rows(f"data.{key}", required("data", data, key)) for key in ("x", "y")))
    return _prepared(data, found)


def _require_one_source(data: Mapping[str, Any], others: tuple[str, ...]) -> None:
    for key in others:
        if key in data:
            raise ProblemError(f"data.{key}: is one source too many; give one of: {SOURCES}")


def _from_csv(data: Mapping[str, Any], folder: Path) -> Data:
    _require_one_source(data, ("npz", "x", "y"))
    csv = _file("data.csv", data["csv"])
    inputs, targets = (_columns(data, key) for key in ("inputs", "targets"))
    try:
        x, y = read_columns(folder / csv, inputs, targets)
    except ProblemError as error:
        raise ProblemError(f"data.csv: {error}") from None
    return Data(x=x, y=y, input_names=inputs, target_names=targets)


def told_by_line(data: Mapping[str, Any], folder: Path, refused: ProblemError) -> ProblemError:
    """The same, by file and line where it is about a row of a CSV file."""
    if "csv" not in data or refused.row is None:
        return refused
    path = folder / data["csv"]
    what = str(refused).removeprefix(row_place(refused.row))
    return ProblemError(f"data.csv: {brief(path)}: line {line_of(path, refused.row)}{what}")


def _file(key: str, value: object) -> str:
    """The name of a file, which an address on the web is not."""
    name = line(key, value)
    if "://" in name:
        raise ProblemError(
            f"{key}: {shown(name)} is an address, and only files are read: download it and name the file"
        )
    return name


def _from_npz(data: Mapping[str, Any], folder: Path) -> Data:
    _require_one_source(data, ("x", "y"))
    npz = folder / _file("data.npz", data["npz"])
    try:
        x, y = _x_and_y(load_arrays(npz), npz)
    except ProblemError as error:
        raise ProblemError(f"data.npz: {error}") from None
    return _named(data, x, y)


def _x_and_y(arrays: Mapping[str, Array], npz: Path) -> tuple[Array, Array]:
    """The two arrays of the file; y may be (rows,)."""
    if sorted(arrays) != ["x", "y"]:
        raise ProblemError(f"{npz}: holds {', '.join(sorted(arrays)) or 'nothing'}; expected x and y")
    x, y = arrays["x"], arrays["y"]
    kept = {"x": x, "y": y[:, None] if y.ndim == 1 else y}
    x, y = (frozen_table(f"{npz}: {key}", values, "float64") for key, values in kept.items())
    return x, y


def _named(data: Mapping[str, Any], x: Array, y: Array) -> Data:
    names = (_column_names(data, "inputs", x.shape[1]), _column_names(data, "targets", y.shape[1]))
    return Data(x=x, y=y, input_names=names[0], target_names=names[1])


def _columns(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = lines(f"data.{key}", required("data", data, key))
    if not names:
        raise ProblemError(f"data.{key}: names no column")
    for name in names:
        if names.count(name) > 1:
            raise ProblemError(f"data.{key}: {name!r} is named twice")
    return names


def _column_names(data: Mapping[str, Any], key: str, width: int) -> tuple[str, ...]:
    """The names that may stand beside a table without a header, one a column."""
    if key not in data:
        return ()
    names = _columns(data, key)
    if len(names) != width:
        raise ProblemError(f"data.{key}: {number_of(len(names), 'name')} for {number_of(width, 'column')}")
    return names


def _prepared(data: Mapping[str, Any], found: Data) -> Data:
    """Standardized where that is asked for; else with the words for what was done before."""
    wanted = data.get("standardize", False)
    if not isinstance(wanted, bool):
        raise ProblemError(f"data.standardize: {shown(wanted)} is neither true nor false")
    if not wanted:
        return replace(
            found, preparation=line("data.preparation", data["preparation"]) if "preparation" in data else ""
        )
    if "preparation" in data:
        raise ProblemError("data.preparation: is said by standardize itself; give one of the two")
    x = frozen_table("data.x", found.x, "float64")
    return replace(found, x=standardized(x), preparation=STANDARDIZED)
