"""What a value must be, said in one line where it is not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems.dtypes import rounded

Array = NDArray[Any]

MOST_OF_ANYTHING = 2**31 - 1
MOST_SEED = 2**63 - 1
MOST_TYPED = 60  # a longer text is no name that was mistyped
LONG_NAME = 6  # letters from which on two slips are still a slip


def one_line(text: str) -> str:
    """`text` with line breaks and everything else that does not print shown as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


class ProblemError(ValueError):
    """A problem that cannot be trained; the message is one line: what, where, the value, what was expected.

    row: of the data, from 0, where it is about one; the message names it last of what says where.
    """

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(one_line(message))
        self.row = row


def row_error(row: int, what: str) -> ProblemError:
    """What is said of a row of the targets, from 0, that does not fit; what: the words behind the place."""
    return ProblemError(f"{row_place(row)}{what}", row=row)


def row_place(row: int) -> str:
    """Where a row of the targets stands that is in no file, in words."""
    return f"data.y: data row {row + 1}"


def shown(value: object) -> str:
    """`value` as one short line for a message."""
    try:
        text = repr(value)
    except ValueError:
        return "a number too long to show"
    return text if len(text) <= 80 else f"{text[:60]} ... {text[-10:]}"


def number_of(count: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """`, did you mean 'sigmoid'?` where `value` is a choice mistyped or a part of its name, else nothing."""
    if not isinstance(value, str) or len(value) > MOST_TYPED:
        return ""
    close = [choice for choice in choices if mistyped(value.casefold(), choice) or part_of(value.casefold(), choice)]
    return f", did you mean {min(close, key=lambda one: slips(value.casefold(), one))!r}?" if close else ""


def mistyped(value: str, choice: str) -> bool:
    """Whether `value` is `choice` but for a slip, or two in a longer name.

    Other digits are no slip (float16 is not float64), nor is the first letter of a short name (gelu is not relu).
    """
    digits = [sorted(letter for letter in name if letter.isdigit()) for name in (value, choice)]
    short = len(choice) < LONG_NAME
    if digits[0] != digits[1] or (short and value[:1] != choice[:1]):
        return False
    return slips(value, choice) <= (1 if short else 2)


def part_of(value: str, choice: str) -> bool:
    """Whether `value` is one of the words of `choice`, as glorot is of glorot_uniform."""
    return len(value) >= LONG_NAME and value in choice.replace("-", "_").split("_")


def slips(a: str, b: str) -> int:
    """How many letters were missed, added, mistaken or swapped with their neighbor (Damerau, 1964)."""
    before, row = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other)))
            if i > 1 and j > 1 and (letter, a[i - 2]) == (b[j - 2], other):
                row[j] = min(row[j], earlier[j - 2] + 1)
    return row[-1]


def require_choice(key: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ProblemError unless `value` is one of `choices`, naming the key, the value and the choices."""
    if not isinstance(value, str) or value not in choices:
        meant = did_you_mean(value, choices)
        raise ProblemError(f"{key}: {shown(value)} is not known{meant}; choose one of: {', '.join(choices)}")


def require_known_key(key: str, name: str, known: tuple[str, ...]) -> None:
    """Raise ProblemError unless the table at `key` ("" at the top) may hold `name`."""
    if name not in known:
        where = shown(f"{key}.{name}" if key else name)
        raise ProblemError(f"{where} is not a known key{did_you_mean(name, known)}; known are: {', '.join(known)}")


def require_count(key: str, value: object, least: int = 1, most: int = MOST_OF_ANYTHING) -> None:
    """Raise ProblemError unless `value` is a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ProblemError(f"{key}: {shown(value)} is not a whole number of at least {least}")
    if value > most:
        raise ProblemError(f"{key}: {shown(value)} is too large; at most {most}")


def require_number(key: str, value: object) -> float:
    """`value` as a float; raises ProblemError unless it is a number that float64 holds, NaN and infinity included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ProblemError(f"{key}: {shown(value)} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ProblemError(f"{key}: {shown(value)} is too large for float64") from None


def require_positive(key: str, value: object) -> float:
    """`value` as a float; raises ProblemError unless it is a finite number greater than 0."""
    number = require_number(key, value)
    if not (np.isfinite(number) and number > 0):
        raise ProblemError(f"{key}: {shown(value)} must be a finite number greater than 0")
    return number


def require_not_negative(key: str, value: object) -> float:
    """`value` as a float; raises ProblemError unless it is a finite number of 0 or more."""
    number = require_number(key, value)
    if not (np.isfinite(number) and number >= 0):
        raise ProblemError(f"{key}: {shown(value)} must be a finite number of 0 or more")
    return number


def require_line(key: str, value: object) -> None:
    """Raise ProblemError unless `value` is one printable line of text."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ProblemError(f"{key}: {shown(value)} is not one line of printable text")


def require_kind(key: str, value: object, kind: type) -> None:
    """Raise ProblemError unless `value` is a `kind`."""
    if not isinstance(value, kind):
        raise ProblemError(f"{key}: {shown(value)} is not a {kind.__name__}")


def listed(key: str, values: Any) -> tuple[Any, ...]:
    """`values` as a tuple; raises ProblemError unless they are several: a text is one value."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ProblemError(f"{key}: {shown(values)} is not a list")
    return tuple(values)


def frozen_table(key: str, values: object, dtype: str) -> Array:
    """A read-only copy in `dtype`; raises ProblemError unless `values` is a table of numbers finite in `dtype`."""
    try:
        given = np.asarray(values)
    except ValueError:
        raise ProblemError(f"{key}: its rows have different lengths") from None
    if given.ndim != 2 or given.size == 0 or given.dtype.kind not in "fiu":
        raise ProblemError(
            f"{key}: expected a table of numbers (rows, columns), got shape {given.shape} of {given.dtype}"
        )
    require_finite(key, given)
    with np.errstate(over="ignore"):
        table = rounded(given, dtype)
    lost = np.argwhere(np.isinf(table))
    if len(lost):
        row, column = (int(i) for i in lost[0])
        raise ProblemError(f"{key}: row {row + 1}, column {column + 1} is {given[row, column]}, too large for {dtype}")
    table.setflags(write=False)
    return table


def require_finite(key: str, values: Array) -> None:
    """Raise ProblemError where the table `values` holds NaN or infinity, naming the first bad element."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        value = values[row, column]
        raise ProblemError(f"{key}: row {row + 1}, column {column + 1} is {value}; every number must be finite")
