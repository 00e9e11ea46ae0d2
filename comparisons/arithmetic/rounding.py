"""What rounding a result may add, here and in a candidate."""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.precision import FLOAT64, Precision
from problems.problem import Array

# Each rule computes its bound in at most 16 float64 operations on numbers of one sign, sums aside.
INFLATION = 1 + 32 * FLOAT64.unit
INFLATION_OF_SUM = 4 * FLOAT64.unit

# Each rule computes its bound in at most 16 float64 operations on numbers of one sign, sums aside.
INFLATION = 1 + 32 * FLOAT64.unit
INFLATION_OF_SUM = 4 * FLOAT64.unit


def rounding(size: Array, precision: Precision, units: int = 1) -> Array:
    """What rounding a result of at most `size` may add, here and in the candidate, underflow included."""
    return units * (precision.unit + FLOAT64.unit) * size + underflow(size, precision)


def underflow(size: Array, precision: Precision) -> Array:
    return np.where(size > 0, precision.smallest_normal, 0.0)


def function_rounding(name: str, size: Array, precision: Precision) -> Array:
    """What evaluating the function `name` may add to a result of at most `size`."""
    return rounding(size, precision, units=precision.function_error(name))
