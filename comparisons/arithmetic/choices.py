"""What chooses: signs, sizes, extrema, comparisons and the branches of np.where."""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.bounded import Bounded, Undecided, finished
from comparisons.arithmetic.rounding import INFLATION


def sign(a: Bounded) -> Bounded:
    """−1, 0 or 1; where the error reaches 0 or passes it, any sign that it leaves open."""
    value = np.sign(a.value)
    is_open = (np.abs(a.value) <= a.error * INFLATION) & (a.error > 0)
    return finished(value, np.where(is_open, 1 + np.abs(value), 0.0), a.precision)


def absolute(a: Bounded) -> Bounded:
    return Bounded(np.abs(a.value), a.error, a.precision)


def extremum(ufunc: np.ufunc, a: Bounded, b: Bounded) -> Bounded:
    """max and min move by no more than the operand chosen does, or either where the choice is open."""
    value = ufunc(a.value, b.value)
    chosen = np.where(value == a.value, a.error, b.error)
    is_open = np.abs(a.value - b.value) <= (a.error + b.error) * INFLATION
    return finished(value, np.where(is_open, np.maximum(a.error, b.error), chosen), a.precision)


def compared(ufunc: np.ufunc, a: Bounded, b: Bounded) -> Undecided:
    doubt = (a.error + b.error) * INFLATION
    return Undecided(ufunc(a.value, b.value), (np.abs(a.value - b.value) <= doubt) & (doubt > 0), a.precision)


def where(condition: Undecided, a: Bounded, b: Bounded) -> Bounded:
    """The chosen branch; where the choice is open, the bound reaches the other branch too."""
    value = np.where(condition.truth, a.value, b.value)
    chosen = np.where(condition.truth, a.error, b.error)
    either = np.abs(a.value - b.value) + np.maximum(a.error, b.error)
    return finished(value, np.where(condition.open, either, chosen), a.precision)
