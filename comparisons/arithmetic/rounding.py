"""What rounding a result may add, here and in a candidate."""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.precision import FLOAT64, Precision
from problems.problem import Array

# Each rule computes its bound in at most 16 float64 operations on numbers of one sign, sums aside.
INFLATION = 1 + 32 * FLOAT64.unit
INFLATION_OF_SUM = 4 * FLOAT64.unit


def rounding(size: Array, precision: Precision, units: int = 1) -> Array:
    """What rounding a result of at most `size` may add, here and in the candidate, underflow included."""
    error = units * (precision.unit + FLOAT64.unit) * size
    error += underflow(size, precision)
    return error


def underflow(size: Array, precision: Precision) -> Array | float:
    """What flushing a result to 0 may add, unless it is 0."""
    tiny = precision.smallest_normal
    return tiny if size.all() else np.where(size > 0, tiny, 0.0)


def function_rounding(name: str, size: Array, precision: Precision) -> Array:
    """What evaluating the function `name` may add to a result of at most `size`."""
    return rounding(size, precision, units=precision.function_error(name))
