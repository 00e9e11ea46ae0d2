"""One bound around several evaluations of the same number, and several bounds of one number side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comparisons.arithmetic.bounds import Bounded


def union(ways: Sequence[Bounded]) -> Bounded:
    """The first way's value, with a bound that reaches whatever the others reach."""
    first, *others = ways
    return first.covering(*others)


def beside(a: Bounded, b: Bounded) -> Bounded:
    """a's value with both errors, along a new first axis of `error`: what follows of the value is computed once."""
    return Bounded(a.value, np.stack([a.error, b.error]), a.precision)


def plane(a: Bounded, number: int) -> Bounded:
    """One of the two that stand beside each other."""
    value = a.value if a.value.ndim < a.error.ndim else a.value[number]
    return Bounded(value, a.error[number], a.precision)
