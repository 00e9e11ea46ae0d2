"""Passes over some rows of a matrix, as Numba compiles them: loops around the rules for one number.

All arrays are of one axis: errors, ratios and values float64, what was stored may be float32. A loop reads and writes
few of them, so that the compiler can tell them apart and take several numbers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

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

TILE = 2**12  # numbers, all of whose errors a processor's cache holds


class Told(NamedTuple):
    """One number of an array, what it must be, and how far from that it is: a share of its bound, or the distance."""

    position: int
    amount: float
    expected: float
    bound: float


class Seen(NamedTuple):
    """Some numbers of one array: how many are wrong, how many not told, how many told by a bound no smaller than the
    number itself, the largest share of a bound, -1 where nothing is told, and the largest distance of what is not told,
    -1 where everything is.

    Where any is wrong the worst is: a float divided by a smaller one is never rounded to 1.
    """

    wrong: int
    untold: int
    wide: int
    worst: Told
    farthest: Told


class Rows(NamedTuple):
    """Rows of a matrix; reaching: how many errors around every route reach 0 from a number that is not 0."""

    reaching: int
    gradient: Seen
    update: Seen


def judged_rows(
    value: Array,
    every: Array,
    best: Array,
    theta: Array,
    reported: Array,
    after: Array,
    of_every: Constants,
    of_best: Constants,
    has_best: bool,
    asks: bool,
    room: Array,
) -> Rows:
    """Judge the gradient that was reported and the parameter `after` its update, some numbers at a time.

    value: what the gradient must be; every, best: what bounds it around every route and, if has_best, by the best one;
    asks: whether to stop where any error around every route reaches 0; room: ten rows of TILE numbers to be written
    over.
    """
    nothing = Told(-1, -1.0, 0.0, 0.0)
    gradient = parameter = Seen(0, 0, 0, nothing, nothing)
    reaching = 0
    for begin in range(0, value.size, TILE):
        end = min(begin + TILE, value.size)
        few = end - begin
        slope, doubt, best_slope, best_doubt = room[0][:few], room[1][:few], room[2][:few], room[3][:few]
        moved, own, own_doubt, kept = room[4][:few], room[5][:few], room[6][:few], room[7][:few]
        share, rest = room[8][:few], room[9][:few]
        g, old, told, new = value[begin:end], theta[begin:end], reported[begin:end], after[begin:end]
        reaching += slope_bounds(g, every[begin:end], of_every, slope)
        reaching_update = update_bounds(g, slope, old, of_every, moved, doubt)
        reaching += reaching_update
        if asks and reaching > 0:
            break
        if has_best:
            slope_bounds(g, best[begin:end], of_best, best_slope)
        else:
            best_slope = slope
        if has_best and reaching_update > 0:
            update_bounds(g, best_slope, old, of_best, rest, best_doubt)
        else:
            best_doubt = doubt
        gradient = seen(gradient, told, g, slope, best_slope, begin, share, rest)
        own_update(told, old, of_every, own, own_doubt)
        right(told, g, slope, kept)
        if keep(new, moved, doubt, best_doubt, own, own_doubt, kept) < few:
            put(moved, own, kept)
            put(doubt, own_doubt, kept)
        parameter = seen(parameter, new, moved, doubt, doubt, begin, share, rest)
    return Rows(reaching, gradient, parameter)


def slope_bounds(value: Array, product: Array, c: Constants, error: Array) -> int:
    """Fill in the errors of a gradient `value` from what bounds it; how many reach 0 from one that is not 0."""
    reaching = 0
    for k in range(value.size):
        g = value[k]
        doubt = of_dot(g, product[k], c)
        error[k] = doubt
        reaching += (doubt >= abs(g)) & (abs(g) > 0)
    return reaching


def update_bounds(value: Array, error: Array, theta: Array, c: Constants, after: Array, doubt: Array) -> int:
    """Fill in the parameter `after` the update by the gradient `value`, and its error; how many of those reach 0."""
    reaching = 0
    for k in range(value.size):
        move, of_move = times_rate(value[k], error[k], c)
        moved, of_moved = from_exact(float(theta[k]), move, of_move, c)
        after[k], doubt[k] = moved, of_moved
        reaching += (of_moved >= abs(moved)) & (abs(moved) > 0)
    return reaching


def judged(
    actual: Array, expected: Array, bound: Array, best: Array, most: float, ratios: Array
) -> tuple[int, int, int, int]:
    """Fill in each element's share of its bound, -1 where nothing is told.

    How many are not told, how many wrong, how many told by a bound no smaller than the number itself, and how many
    shares are larger than `most`. best: the most accurate route's errors, wherever all routes together reach 0.
    """
    untold = wrongs = wide = larger = 0
    for k in range(expected.size):
        value, error, found = expected[k], bound[k], float(actual[k])
        wrong = is_wrong(found, value, error)
        told = (math.isfinite(error) & (is_lost(value, error, best[k]) == False)) | wrong  # noqa: E712
        share = ratio(found, value, error) if told else -1.0
        ratios[k] = share
        untold += told == False  # noqa: E712
        wrongs += wrong
        wide += told & (error >= abs(value)) & (abs(value) > 0)
        larger += share > most
    return untold, wrongs, wide, larger


def seen(
    before: Seen, actual: Array, expected: Array, bound: Array, best: Array, begin: int, share: Array, rest: Array
) -> Seen:
    """What was seen `before` and what these numbers add; begin: the place of the first; share, rest: written over."""
    untold, wrong, wide, larger = judged(actual, expected, bound, best, before.worst.amount, share)
    worst, farthest = before.worst, before.farthest
    if larger > 0:
        worst = largest(share, expected, bound, begin, worst)
    if untold > 0:
        farthest = farther(share, actual, expected, bound, rest, begin, farthest)
    return Seen(before.wrong + wrong, before.untold + untold, before.wide + wide, worst, farthest)


def own_update(reported: Array, theta: Array, c: Constants, after: Array, error: Array) -> None:
    """Fill in the parameter `after` the update by the gradient that was reported, and its error."""
    for k in range(reported.size):
        g = float(reported[k])
        move, doubt = times_rate(g, of_reported(g, c), c)
        after[k], error[k] = from_exact(float(theta[k]), move, doubt, c)


def right(reported: Array, slope: Array, doubt: Array, found: Array) -> None:
    """Fill in 1 where the gradient that was reported is within its bound, else 0."""
    for k in range(slope.size):
        found[k] = 1.0 if abs(float(reported[k]) - slope[k]) <= doubt[k] else 0.0


def keep(actual: Array, value: Array, error: Array, best: Array, other: Array, doubt: Array, right: Array) -> int:
    """Make `right` 1 where `value` is told, and `other` holds too where it is to, else 0; how many are 1.

    right: where the gradient is.
    """
    count = 0
    for k in range(value.size):
        v, e, found = value[k], error[k], float(actual[k])
        told = math.isfinite(e) & (is_lost(v, e, best[k]) == False)  # noqa: E712
        broken = (right[k] > 0) & (abs(found - v) <= e) & math.isfinite(doubt[k])
        broken = broken & ((abs(found - other[k]) <= doubt[k]) == False)  # noqa: E712
        kept = told & (broken == False)  # noqa: E712
        right[k] = 1.0 if kept else 0.0
        count += kept
    return count


def put(values: Array, others: Array, kept: Array) -> None:
    """Put the others where the values are not kept."""
    for k in range(values.size):
        values[k] = values[k] if kept[k] > 0 else others[k]


def largest(amounts: Array, expected: Array, bound: Array, begin: int, before: Told) -> Told:
    """The first of the largest amounts, if larger than the one before; begin: the place of the first."""
    found, at = before.amount, -1
    for k in range(amounts.size):
        if amounts[k] > found:
            found, at = amounts[k], k
    return before if at < 0 else Told(begin + at, found, expected[at], bound[at])


def farther(
    ratios: Array, actual: Array, expected: Array, bound: Array, apart: Array, begin: int, before: Told
) -> Told:
    """The element farthest from what is expected, of those that are not told; apart: to be written over."""
    larger = 0
    for k in range(apart.size):
        distance = abs(float(actual[k]) - expected[k])
        distance = math.inf if math.isnan(distance) else distance
        distance = distance if ratios[k] < 0 else -1.0
        apart[k] = distance
        larger += distance > before.amount
    return largest(apart, expected, bound, begin, before) if larger > 0 else before


PARTS: tuple[Callable[..., Any], ...] = (
    slope_bounds,
    update_bounds,
    judged,
    own_update,
    right,
    keep,
    put,
    largest,
    farther,
    seen,
)


@cache
def rows() -> Callable[..., Rows]:
    """`judged_rows`, compiled without any of the shortcuts that change a rounding; it takes a few seconds."""
    import numba
    from numba.extending import register_jitable

    for rule in one_number.RULES:
        register_jitable(inline="always")(rule)
    for part in PARTS:
        register_jitable(error_model="numpy")(part)
    return numba.njit(error_model="numpy")(judged_rows)


@cache
def room() -> Array:
    """What `judged_rows` writes over."""
    return np.empty((10, TILE))
