"""The grid that options span: each with the values it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from problems.requirements import ProblemError


def chosen_grid(given: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    """Option to values, those separated by commas taken apart; options not given are left to the problem.

    Raises ProblemError for a seed that is no whole number.
    """
    grid: dict[str, list[Any]] = {}
    for key, several in given.items():
        values = [value.strip() for part in several for value in part.split(",")]
        if values:
            grid[key] = [_seed(value) for value in values] if key == "seed" else list(dict.fromkeys(values))
    return grid


def _seed(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ProblemError(f"--seed: {value!r} is not a whole number") from None
