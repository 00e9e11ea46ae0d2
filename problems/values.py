"""Values as TOML and JSON have them, checked; `key` is where one stands, for the message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from problems.requirements import Array, ProblemError, require_known_key, require_line, shown


def table(key: str, value: object) -> dict[str, Any]:
    """`value`, which must be a table (a JSON object)."""
    if not isinstance(value, dict):
        raise ProblemError(f"{key}: {shown(value)} is not a table")
    return value


def require_known(key: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    """Raise ProblemError where the table at `key` ("" at the top) holds a key that is not known."""
    for name in given:
        require_known_key(key, name, known)


def required(key: str, values: Mapping[str, Any], name: str) -> Any:
    """What `name` holds in the table at `key`."""
    if name not in values:
        raise ProblemError(f"{key}.{name} is missing" if key else f"{name} is missing")
    return values[name]


def line(key: str, value: object) -> str:
    """`value`, which must be one printable line of text."""
    require_line(key, value)
    return str(value)


def items(key: str, value: object) -> tuple[Any, ...]:
    """`value`, which must be a list."""
    if not isinstance(value, list):
        raise ProblemError(f"{key}: {shown(value)} is not a list")
    return tuple(value)


def lines(key: str, value: object) -> tuple[str, ...]:
    """`value`, which must be a list of texts."""
    return tuple(line(key, item) for item in items(key, value))


def number(key: str, value: object) -> float:
    """`value`, which must be a number that float64 holds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProblemError(f"{key}: {shown(value)} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ProblemError(f"{key}: {shown(value)} is too large for float64") from None


def rows(key: str, value: object) -> Array:
    """`value`, which must be rows of numbers, all of one length, as a float64 array."""
    if not isinstance(value, list) or not value or not all(isinstance(row, list) and row for row in value):
        raise ProblemError(f"{key}: {shown(value)} is not a list of rows, such as [[8, 8], [7, 9]]")
    for place, row in enumerate(value, 1):
        if len(row) != len(value[0]):
            raise ProblemError(f"{key}: row {place} has {len(row)} numbers, row 1 has {len(value[0])}")
    return np.array(
        [
            [number(f"{key}: row {place}, column {column}", cell) for column, cell in enumerate(row, 1)]
            for place, row in enumerate(value, 1)
        ]
    )
