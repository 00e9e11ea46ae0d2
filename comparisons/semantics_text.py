"""The table of meanings as text: per concept, what each library computes by default and how to get another's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from comparisons.semantics import Told


def semantics_text(rows: Sequence[Told]) -> str:
    """Every row below its concept."""
    ordered = sorted(rows, key=lambda row: _position(rows, row.meaning.concept))
    blocks = [
        "\n".join([concept, *(line for row in group for line in row_lines(row))])
        for concept, group in groupby(ordered, key=lambda row: row.meaning.concept)
    ]
    return "\n\n".join(blocks) + "\n"


def _position(rows: Sequence[Told], concept: str) -> int:
    return next(number for number, row in enumerate(rows) if row.meaning.concept == concept)


def row_lines(row: Told) -> Iterator[str]:
    """One library's meaning."""
    meaning = row.meaning
    version = row.version or f"not installed: {row.install}"
    yield f"  {meaning.library} ({version}): {call(meaning.api, {**meaning.defaults, **meaning.arguments})}"
    yield f"    {meaning.formula}"
    if meaning.optimizer is not None:
        yield f"    here: {call('', meaning.optimizer)}"
    yield f"    {meaning.instead}"


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """`name(key=value, ...)`, or a table as a problem file has it where there is no name."""
    if name:
        return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    return "{ " + ", ".join(f"{key} = {_toml(value)}" for key, value in arguments.items()) + " }"


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
