"""Sums, whose terms may be added in any order, and differences."""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.bounded import Bounded, finished
from comparisons.arithmetic.dots import Dot
from comparisons.arithmetic.precision import FLOAT64, Precision
from comparisons.arithmetic.rounding import rounding
from problems.problem import Array


def total(value: Array, inherited: Array, magnitude: Array, terms: int, precision: Precision) -> Bounded:
    """A sum of `terms` numbers added in any order: every term meets at most terms − 1 roundings.

    The last addition rounds the sum itself, the others partial sums of at most `magnitude`
    (Higham 2002, eq. 4.4).
    """
    partial = precision.gamma(terms - 2) + FLOAT64.gamma(terms - 2) if terms > 2 else 0.0
    inner = inherited + partial * magnitude
    if terms > 2:
        inner = inner + np.where(magnitude > 0, (terms - 2) * precision.smallest_normal, 0.0)
    error = inner + (rounding(np.abs(value) + inner, precision) if terms > 1 else 0.0)
    result = finished(value, error * (1 + FLOAT64.gamma(terms)), precision)
    result.inherited, result.magnitude, result.terms = inherited, magnitude, terms
    return result


def add(a: Bounded, b: Bounded) -> Bounded:
    if _is_zero(a) or _is_zero(b):
        return _shifted_by_zero(a, b)
    if isinstance(a, Dot) and b.ndim >= 2 and not isinstance(b, Dot):
        return a.plus(b)
    return total(
        a.value + b.value,
        a._inherited + b._inherited,
        a._magnitude + b._magnitude,
        a.terms + b.terms,
        a.precision,
    )


def _is_zero(a: Bounded) -> bool:
    return a.ndim == 0 and a.value == 0 and a.error == 0


def _shifted_by_zero(a: Bounded, b: Bounded) -> Bounded:
    return Bounded(a.value + b.value, a.error + b.error, a.precision)


def negative(a: Bounded) -> Bounded:
    result = Bounded(-a.value, a.error, a.precision)
    result.inherited, result.magnitude, result.terms = a.inherited, a.magnitude, a.terms
    return result


def subtract(a: Bounded, b: Bounded) -> Bounded:
    """A difference takes its operands as they stand: only additions are put in another order."""
    if _is_zero(a) or _is_zero(b):
        return _shifted_by_zero(a, negative(b))
    value = a.value - b.value
    carried = a.error + b.error
    return finished(value, carried + rounding(np.abs(value) + carried, a.precision), a.precision)
