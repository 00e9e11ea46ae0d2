"""Curves on a logarithmic axis as plain text: each curve a letter, the same on a terminal and in a pipe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from string import ascii_letters

import numpy as np

from problems.problem import Array

HEIGHT, WIDTH = 16, 61
TOP, BOTTOM = 100.0, 1e-6  # of the first value: what lies beyond is not drawn to scale
LABEL_EVERY = 5
SEVERAL = "*"
LETTERS = ascii_letters


def chart(curves: Sequence[Array]) -> Iterator[str]:
    """Lines of a plot of positive `curves` that begin at one value; curve k is drawn as LETTERS[k].

    What is above TOP times the first value, infinite or not a number stands in a row of its own at the top; what is
    below BOTTOM times it stands in the lowest row.
    """
    steps = max(len(curve) for curve in curves) - 1
    low, high = _limits(curves)
    cells = np.full((HEIGHT + 1, WIDTH), " ")  # row 0: off the scale
    for letter, curve in zip(LETTERS, curves, strict=False):
        for step, value in enumerate(curve):
            place = _row(float(value), low, high), round(step / max(steps, 1) * (WIDTH - 1))
            cells[place] = letter if cells[place] in (" ", letter) else SEVERAL
    off_scale = bool((cells[0] != " ").any())
    for number, row in enumerate(cells):
        if number or off_scale:
            yield f"{_label(number, low, high):>9} |{''.join(row)}".rstrip()
    yield f"{'':>9} +{'-' * WIDTH}"
    yield f"{'epoch':>9}  0{steps:>{WIDTH - 1}}"


def _limits(curves: Sequence[Array]) -> tuple[float, float]:
    """The logarithms of the lowest and the highest value that is drawn to scale."""
    values = np.concatenate(curves)
    first = float(curves[0][0])
    top, bottom = first * TOP, first * BOTTOM
    inside = values[np.isfinite(values) & (values <= top) & (values >= bottom) & (values > 0)]
    if not inside.size:
        return -1.0, 0.0
    low, high = math.log10(inside.min()), math.log10(inside.max())
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


def _row(value: float, low: float, high: float) -> int:
    """1 is the highest row to scale, HEIGHT the lowest, 0 is off the scale."""
    if not math.isfinite(value):
        return 0
    height = (math.log10(value) - low) / (high - low) if value > 0 else 0.0
    if height > 1 + 1e-9:
        return 0
    return HEIGHT - round(max(height, 0.0) * (HEIGHT - 1))


def _label(row: int, low: float, high: float) -> str:
    if row == 0:
        return "above"
    if (row - 1) % LABEL_EVERY:
        return ""
    return f"{10 ** (low + (high - low) * (HEIGHT - row) / (HEIGHT - 1)):.3g}"
