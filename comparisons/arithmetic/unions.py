"""One bound around several evaluations of the same number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comparisons.arithmetic.bounds import INFLATION, Bounded


def union(ways: Sequence[Bounded]) -> Bounded:
    """The first way's value, with a bound that reaches whatever the others reach."""
    first, *others = ways
    error = first.error
    for other in others:
        with np.errstate(all="ignore"):
            reach = (np.abs(other.value - first.value) + other.error) * INFLATION
        error = np.maximum(error, np.where(np.isnan(reach), np.inf, reach))
    return Bounded(first.value, error, first.precision)
