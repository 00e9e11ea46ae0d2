"""The grid that options span: each with the values it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from problems.files import ALL
from problems.requirements import ProblemError, shown


def rows_or_all(text: str) -> int | str:
    """A number of rows, or all of them."""
    return ALL if text == ALL else int(text)


READ: Mapping[str, tuple[Callable[[str], Any], str]] = {  # the options that are no texts, and what they are
    "seed": (int, "a whole number"),
    "epochs": (int, "a whole number"),
    "batch_size": (rows_or_all, f"a whole number or {ALL!r}"),
    "learning_rate": (float, "a number"),
}


def chosen_grid(given: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    """Option to values, those separated by commas taken apart; options not given are left to the problem.

    Raises ProblemError for what is not the number that the option takes.
    """
    grid: dict[str, list[Any]] = {}
    for key, several in given.items():
        values = [value.strip() for part in several for value in part.split(",")]
        if values:
            grid[key] = list(dict.fromkeys(_value(key, value) for value in values))
    return grid


def _value(key: str, text: str) -> Any:
    read, kind = READ.get(key, (str, "a text"))
    try:
        return read(text)
    except ValueError:
        raise ProblemError(f"--{key.replace('_', '-')}: {shown(text)} is not {kind}") from None
