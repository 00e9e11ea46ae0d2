"""Where formulas start: the numbers that a run itself reported."""

from __future__ import annotations

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import Precision
from comparisons.arithmetic.stored_numbers import Stored
from problems.problem import Array


def leaves(values: Array, run: Precision, carried: Precision) -> Bounded:
    """The run's own numbers: exact, unless the implementation carries less than the run's precision."""
    exact = carried is run or carried.operands is not None
    if exact and (stored := Stored.of(values, carried)):
        return stored
    return Bounded.exact(values, carried) if exact else Bounded.rounded(values, carried)
