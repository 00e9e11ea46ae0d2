"""Passes over some rows of a matrix, as Numba compiles them: loops around the rules for one number.

All arrays are (rows, columns); errors, ratios and values are float64, what was stored may be float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from comparisons.arithmetic import one_number
from comparisons.arithmetic.one_number import (
    Constants,
    from_exact,
    is_lost,
    is_wrong,
    of_dot,
    of_reported,
    ratio,
    times_rate,
)
from problems.problem import Array


def bounds(value: Array, product: Array, theta: Array, c: Constants, slope: Array, after: Array) -> int:
    """Fill in the errors of a gradient `value` and of the parameter `after` its update, of what bounds the gradient.

    How many errors reach 0 from an element that is not 0.
    """
    reaching = 0
    rows, columns = value.shape
    for i in range(rows):
        for j in range(columns):
            g = value[i, j]
            error = of_dot(g, product[i, j], c)
            move, doubt = times_rate(g, error, c)
            moved, doubt = from_exact(float(theta[i, j]), move, doubt, c)
            slope[i, j], after[i, j] = error, doubt
            reaching += (error >= abs(g)) & (abs(g) > 0)
            reaching += (doubt >= abs(moved)) & (abs(moved) > 0)
    return reaching


def moved(value: Array, theta: Array, c: Constants, after: Array) -> None:
    """Fill in the parameter `after` the update by the gradient `value`."""
    rows, columns = value.shape
    for i in range(rows):
        for j in range(columns):
            after[i, j] = float(theta[i, j]) - c.rate * value[i, j]


def judged(actual: Array, expected: Array, bound: Array, best: Array, ratios: Array) -> tuple[int, int]:
    """Fill in each element's share of its bound, -1 where nothing is told; how many are not told, how many wrong.

    best: the most accurate route's errors, wherever all routes together reach 0.
    """
    untold = wrongs = 0
    rows, columns = expected.shape
    for i in range(rows):
        for j in range(columns):
            value, error = expected[i, j], bound[i, j]
            found = float(actual[i, j])
            wrong = is_wrong(found, value, error)
            told = (math.isfinite(error) & (is_lost(value, error, best[i, j]) == False)) | wrong  # noqa: E712
            ratios[i, j] = ratio(found, value, error) if told else -1.0
            untold += told == False  # noqa: E712
            wrongs += wrong
    return untold, wrongs


def own(reported: Array, theta: Array, c: Constants, after: Array, error: Array) -> None:
    """Fill in the parameter `after` the update by the gradient that was reported, and its error."""
    rows, columns = reported.shape
    for i in range(rows):
        for j in range(columns):
            g = float(reported[i, j])
            move, doubt = times_rate(g, of_reported(g, c), c)
            after[i, j], error[i, j] = from_exact(float(theta[i, j]), move, doubt, c)


def right(reported: Array, slope: Array, doubt: Array, found: Array) -> None:
    """Fill in 1 where the gradient that was reported is within its bound, else 0."""
    rows, columns = slope.shape
    for i in range(rows):
        for j in range(columns):
            found[i, j] = 1.0 if abs(float(reported[i, j]) - slope[i, j]) <= doubt[i, j] else 0.0


def held_to_own(
    actual: Array, value: Array, error: Array, best: Array, other: Array, doubt: Array, right: Array
) -> None:
    """Put the `other` and its error where `value` is not told, or holds though the other does not and is to."""
    rows, columns = value.shape
    for i in range(rows):
        for j in range(columns):
            v, e, found = value[i, j], error[i, j], float(actual[i, j])
            told = math.isfinite(e) & (is_lost(v, e, best[i, j]) == False)  # noqa: E712
            broken = (right[i, j] > 0) & (abs(found - v) <= e) & math.isfinite(doubt[i, j])
            broken = broken & ((abs(found - other[i, j]) <= doubt[i, j]) == False)  # noqa: E712
            kept = told & (broken == False)  # noqa: E712
            value[i, j] = v if kept else other[i, j]
            error[i, j] = e if kept else doubt[i, j]


class Passes(NamedTuple):
    """The passes, compiled."""

    bounds: Callable[..., int]
    moved: Callable[..., None]
    judged: Callable[..., tuple[int, int]]
    own: Callable[..., None]
    right: Callable[..., None]
    held_to_own: Callable[..., None]


@cache
def passes() -> Passes:
    """All of them, without any of the shortcuts that change a rounding; compiling takes about a second."""
    import numba
    from numba.extending import register_jitable

    for rule in one_number.RULES:
        register_jitable(inline="always")(rule)
    return Passes(*map(numba.njit(error_model="numpy"), (bounds, moved, judged, own, right, held_to_own)))
