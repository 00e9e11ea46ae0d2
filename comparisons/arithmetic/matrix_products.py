"""Matrix products."""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.bounded import Bounded, converted, finished
from comparisons.arithmetic.dots import Dot, worth_it
from comparisons.arithmetic.operands import Operands
from comparisons.arithmetic.precision import FLOAT64, MATRIX_UNIT, Precision
from comparisons.arithmetic.products import is_nothing
from comparisons.arithmetic.sums import total


def matmul(a: Bounded, b: Bounded) -> Bounded:
    """A dot product of n terms, rounded once per product and added in any order (Higham 2002, eq. 3.5)."""
    if a.precision.products is not None:
        return _matmul_in(a.precision.products, a, b)
    operands = a.precision.operands
    if operands is not None and operands.concerns(a.shape[-2], a.shape[-1], b.shape[-1]):
        return _matmul_of(operands, a, b)
    return Dot(a, b) if worth_it(a, b) else _evaluated(a, b)


def _evaluated(a: Bounded, b: Bounded) -> Bounded:
    n = a.shape[-1]
    size_a, size_b = np.abs(a.value), np.abs(b.value)
    carried = size_a @ b.error + a.error @ (size_b + b.error)
    size = size_a @ size_b + carried
    products = np.where(is_nothing(a), 0.0, 1.0) @ np.where(is_nothing(b), 0.0, 1.0)  # those that may underflow
    rounding = (a.precision.unit + FLOAT64.unit) * size + products * a.precision.smallest_normal
    inherited = (carried + rounding) * (1 + FLOAT64.gamma(n + 8))
    return total(a.value @ b.value, inherited, size + inherited, n, a.precision)


def _matmul_in(products: Precision, a: Bounded, b: Bounded) -> Bounded:
    """The same of operands first rounded to `products` and computed in it; what it gives is exact in `a.precision`."""
    result = matmul(converted(a, products), converted(b, products))
    return Bounded(result.value, result.error, a.precision)


def _matmul_of(operands: Operands, a: Bounded, b: Bounded) -> Bounded:
    """The same of operands that are first rounded to `operands`, and of nothing less."""
    result = matmul(_put_into(operands, a), _put_into(operands, b))
    rounded = Bounded(result.value, result.error, a.precision)
    rounded.inherited, rounded.magnitude, rounded.terms = result.error, result.magnitude, result.terms
    return rounded


def _put_into(operands: Operands, a: Bounded) -> Bounded:
    """Every number as it is in `operands`: known exactly unless its error reaches another number of that format."""
    value = operands.rounded(a.value)
    low, high = operands.reach(a.value, a.error)
    return finished(value, np.maximum(value - low, high - value), MATRIX_UNIT)
