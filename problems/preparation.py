"""What is done to a table of inputs before training, as a formula and in words."""

from __future__ import annotations

import math

import numpy as np

from problems.requirements import Array

STANDARDIZED = "inputs standardized: (x - mean) / std of each column, std over all rows (ddof 0)"


def standardized(x: Array) -> Array:
    """(x − mean) / std of each column, std = √(Σ (x − mean)² / rows); a column whose numbers are all alike becomes 0.

    The sums are rounded once (math.fsum), so that every machine gets the same numbers.
    """
    return np.column_stack([_standardized(column) for column in np.asarray(x, np.float64).T])


def _standardized(column: Array) -> Array:
    if (column == column[0]).all():
        return np.zeros_like(column)
    _, exponent = np.frexp(np.abs(column).max())
    scaled = np.ldexp(column, -exponent)  # exactly; the squares of very large or small numbers are no float64
    rows = len(column)
    apart = scaled - math.fsum(scaled) / rows
    std = math.sqrt(math.fsum(apart**2) / rows)
    return apart / std
