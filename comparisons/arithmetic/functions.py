"""Elementary functions, each good to some units in the last place."""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.bounded import Bounded, finished
from comparisons.arithmetic.precision import FLOAT64
from comparisons.arithmetic.rounding import INFLATION_OF_SUM, function_rounding, underflow
from problems.problem import Array

LARGE_EXPONENT = 700.0  # e to it is finite


def _carried_by_exp(a: Bounded, value: Array) -> Array:
    """e^(a + ε) − e^a ≤ e^a (e^ε − 1), and less than e^(a + ε), where that underflows."""
    if value.min(initial=np.inf) >= FLOAT64.smallest_normal and a.error.max(initial=0.0) <= LARGE_EXPONENT:
        return np.asarray(value * np.expm1(a.error))
    at_most = np.maximum(value, FLOAT64.smallest_normal)  # of e^a, also where it underflows here
    top = np.exp(a.value + a.error + INFLATION_OF_SUM * (np.abs(a.value) + a.error))
    return np.minimum(at_most * np.expm1(a.error), np.maximum(top, np.where(a.error > 0, FLOAT64.smallest_normal, 0.0)))


def exp(a: Bounded) -> Bounded:
    value = np.exp(a.value)
    carried = _carried_by_exp(a, value)
    exact_zero = (a.value == 0) & (a.error == 0)
    rounding = np.where(exact_zero, 0.0, function_rounding("exp", value + carried, a.precision))
    # an underflowed value is 0 here and a subnormal number elsewhere
    return finished(value, carried + rounding + underflow(1.0 - exact_zero, a.precision), a.precision)


def expm1(a: Bounded) -> Bounded:
    value = np.expm1(a.value)
    carried = _carried_by_exp(a, np.exp(a.value))
    return finished(value, carried + function_rounding("expm1", np.abs(value) + carried, a.precision), a.precision)


def log(a: Bounded) -> Bounded:
    value = np.log(a.value)
    carried = np.log1p(a.error / (a.value - a.error))  # log a − log(a − ε), the larger side
    error = carried + function_rounding("log", np.abs(value) + carried, a.precision)
    return finished(value, np.where(a.value > a.error, error, np.inf), a.precision)


def log1p(a: Bounded) -> Bounded:
    value = np.log1p(a.value)
    lowest = 1 + a.value - a.error
    carried = np.log1p(a.error / lowest)  # log(1 + a) − log(1 + a − ε), the larger side
    error = carried + function_rounding("log1p", np.abs(value) + carried, a.precision)
    return finished(value, np.where(lowest > 0, error, np.inf), a.precision)


def erfc(a: Bounded) -> Bounded:
    """Its accuracy is relative to 1 or itself, the larger, since libraries also write 1 − erf."""
    from scipy.special import erfc

    value = erfc(a.value)
    nearest = np.maximum(np.abs(a.value) - a.error, 0.0)
    slope = 2 / np.sqrt(np.pi) * np.exp(-nearest * nearest * (1 - INFLATION_OF_SUM))  # the largest within ε
    carried = np.minimum(slope * a.error, 2.0)
    size = np.maximum(value, 1.0) + carried
    return finished(value, carried + function_rounding("erfc", size, a.precision), a.precision)


def arctan(a: Bounded) -> Bounded:
    """Its slope is at most 1."""
    value = np.arctan(a.value)
    size = np.abs(value) + a.error
    return finished(value, a.error + function_rounding("arctan", size, a.precision), a.precision)


def tanh(a: Bounded) -> Bounded:
    value = np.tanh(a.value)
    nearest = np.maximum(np.abs(a.value) - a.error, 0.0)
    slope = 1.0 / np.cosh(nearest) ** 2  # the largest slope between a − ε and a + ε
    carried = np.minimum(slope * a.error, 2.0)
    return finished(value, carried + function_rounding("tanh", np.abs(value) + carried, a.precision), a.precision)
