"""The rules of `dots`, `products` and `sums` for one number and its error, the same operations in the same order.

What Numba compiles: a pass over a matrix costs what memory costs, and one pass does what NumPy does in thirty.
tests/comparisons/arithmetic/test_one_number.py holds them against those rules, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from comparisons.arithmetic.rounding import INFLATION

Number = float  # a float64 that may be a NumPy scalar
WithError = tuple[float, float]  # value and error


class Constants(NamedTuple):
    """What the rules take of a precision, a matrix product and a learning rate.

    unit, tiny: unit roundoff, here and there, and the smallest normal number; of_product, of_size, flushed: what the
    error of a matrix product takes of what bounds it, of its size, and of flushing terms to 0 (`Dot.constants`);
    otherwise: roundings between a gradient that is reported and one that is used; rate: its value; by_value, by_error:
    what its product takes of a factor's size and of its error.
    """

    unit: float
    tiny: float
    of_product: float
    of_size: float
    flushed: float
    otherwise: int
    rate: float
    by_value: float
    by_error: float


def finished(value: Number, error: Number) -> float:
    """As `bounded.finished`."""
    return covered(value, error * INFLATION)


def covered(value: Number, error: Number) -> float:
    """As `bounded.covered`."""
    return error if math.isfinite(value) & math.isfinite(error) else math.inf


def of_dot(value: Number, product: Number, c: Constants) -> float:
    """The error of a matrix product of at least two terms, as `dots.Dot` has it of what bounds it."""
    error = product * c.of_product
    error = error + c.of_size * abs(value)
    return covered(value, error + (c.flushed if product > 0 else 0.0))


def times_rate(value: Number, error: Number, c: Constants) -> WithError:
    """A product with the learning rate, as `products.multiply` has it."""
    carried = abs(value) * c.by_value
    carried = carried + error * c.by_error
    carried = carried + c.tiny
    nothing = (value == 0) & (error == 0)
    product = c.rate * value
    return product, finished(product, 0.0 if nothing else carried)


def of_reported(gradient: Number, c: Constants) -> float:
    """The error of a gradient that was reported, as `reference.reported` has it."""
    size = abs(gradient)
    flushed = c.tiny if size > 0 else 0.0
    return (size if size < c.tiny else 0.0) + (c.otherwise * c.unit * size + flushed)


def from_exact(theta: Number, value: Number, error: Number, c: Constants) -> WithError:
    """An exact number less another, as `sums.subtract` has it."""
    less = theta - value
    size = abs(less) + error
    rounding = c.unit * size + (c.tiny if size > 0 else 0.0)
    return less, finished(less, error + rounding)


def is_lost(value: Number, error: Number, best: Number) -> bool:
    """Whether the best route alone would tell the number from 0."""
    size = abs(value)
    return (error >= size) & (best < size)


def is_wrong(actual: Number, expected: Number, bound: Number) -> bool:
    """As `tally.outside`."""
    beyond = (abs(actual - expected) <= bound) == False  # noqa: E712, so that NaN is beyond
    return (math.isfinite(bound) & beyond) | (math.isfinite(actual) == False)  # noqa: E712


def ratio(actual: Number, expected: Number, bound: Number) -> float:
    """As `tally.ratios`."""
    deviation = abs(actual - expected)
    found = 0.0 if deviation == 0 else deviation / bound
    found = found if math.isfinite(bound) else 0.0
    return found if math.isfinite(actual) else math.inf


RULES: tuple[Callable[..., Any], ...] = (
    covered,
    finished,
    of_dot,
    times_rate,
    of_reported,
    from_exact,
    is_lost,
    is_wrong,
    ratio,
)
