"""Inputs that a candidate scales or shifts before it uses them, measured from its own derivatives.

With one row, ∂L/∂W1[i,j] = ∂L/∂b1[0,j] · x_i, whatever the rest of the network does: their ratio is the input that was
used. Two states give its factor and its shift; that they explain every state is for the search to see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.estimates import LEAST_STATES, bounded
from comparisons.evidence import Evidence
from comparisons.search import Search

SHARP_INPUT = 1e-9  # an input counts as measured where its own error is below this share of it


def measured_inputs(evidence: Evidence) -> tuple[str, Callable[[Any], Any]] | None:
    """How the inputs are changed, in words and as a function of x; None where that cannot be measured."""
    if evidence.x.shape[-2] > 1:
        return None
    columns = [_line(evidence, column) for column in range(evidence.x.shape[-1])]
    if any(column is None for column in columns):
        return None
    told = [column for column in columns if column is not None]
    factors, shifts = (_stacked([column[part] for column in told]) for part in (0, 1))
    if not shifts.value.any() and (np.abs(factors.value - 1) <= factors.error).all():
        return None  # as they are

    def change(x: Any) -> Any:
        return x * factors + shifts if isinstance(x, Bounded) else x * factors.value + shifts.value

    return _in_words(factors.value.tolist(), shifts.value.tolist()), change


def _line(evidence: Evidence, column: int) -> tuple[Bounded, Bounded] | None:
    """The factor and the shift of one column of x."""
    used = _used(evidence, column)
    sharp = np.flatnonzero(used.error < SHARP_INPUT * np.abs(used.value))
    if len(sharp) < LEAST_STATES:
        return None
    x = evidence.x[:, 0, column]
    low, high = (int(sharp[pick(x[sharp])]) for pick in (np.argmin, np.argmax))
    given = Bounded.exact(x, evidence.precision)
    factor = bounded((used[high] - used[low]) / (given[high] - given[low]))
    shift = bounded(used[low] - factor * given[low])
    if np.abs(shift.value) <= shift.error:
        return bounded(used[high] / given[high]), Bounded.exact(0.0, evidence.precision)
    return factor, shift


def _used(evidence: Evidence, column: int) -> Bounded:
    """The input that the first layer was given, (states,)."""
    told = evidence.gradients is not None
    of_weight, of_bias = (Search(evidence, name, of_gradient=told) for name in ("W1", "b1"))
    with np.errstate(all="ignore"):
        return bounded(of_weight.measured((column, 0)).slope / of_bias.measured((0, 0)).slope)


def _stacked(numbers: list[Bounded]) -> Bounded:
    value, error = (np.array([getattr(one, part).item() for one in numbers]) for part in ("value", "error"))
    return Bounded(value, error, numbers[0].precision)


def _in_words(factors: list[float], shifts: list[float]) -> str:
    shown = [f"{factor:.6g}" for factor in factors]
    if not any(shifts):
        same = len(set(shown)) == 1
        return f"x is multiplied by {shown[0]}" if same else f"the columns of x are multiplied by {', '.join(shown)}"
    parts = (
        f"{f} · x{k} {'-' if s < 0 else '+'} {abs(s):.6g}"
        for k, (f, s) in enumerate(zip(shown, shifts, strict=True), 1)
    )
    return f"the columns of x are scaled and shifted: {', '.join(parts)}"
