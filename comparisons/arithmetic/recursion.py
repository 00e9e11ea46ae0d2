"""What is remembered from step to step, with its bound: s ← a s + b, or the larger of the two.

An average s ← β s + (1 − β) x is also evaluated as s + (1 − β)(x − s) (torch.lerp; keras/src/optimizers/adam.py), where
s stands twice and an error of it would be counted twice: from (1 − β)(x − s) = s_new − s follows what rounding
it adds, and the error of s itself shrinks by β as in the other order.

With a that stays, value and error are both linear recursions, e ← A e + B_k, which a recursive filter runs through in
one call. Of two ways to evaluate a step, max(A e + B, C e + D) ≤ max(A, C) e + max(B, D); A and C differ by roundings.
"""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.bounds import INFLATION, Bounded, stored
from comparisons.arithmetic.precision import FLOAT64, Precision
from problems.problem import Array

FEW = 32  # parameters, up to which a loop over numbers takes less time than one over arrays


def sums(kept: Bounded, inflow: Bounded, start: Bounded, average: bool = False) -> Bounded:
    """s after each step, (steps, ...), of s ← kept s + inflow; kept a number, or one a step; inflow (steps, ...).

    average: whether inflow is (1 − kept) x, kept a number, and s may be evaluated as s + (1 − kept)(x − s).
    """
    run = _Recursion(kept, inflow, start)
    with np.errstate(all="ignore"):
        if kept.ndim:
            return run.told(*_step_by_step(run))
        value = _filtered(float(run.factor), run.inflow, run.start)
        size, moved = np.abs(run.before(value)), np.abs(value - run.before(value))
        lerp = _Lerp(kept, run) if average else None
        grown, added = run.grown, run.rounding * size + run.loss
        if lerp is not None:
            grown = np.maximum(grown, lerp.grown)
            added = np.maximum(added, lerp.size * size + lerp.loss + lerp.moved * moved)
        last = (1 + run.unit) * INFLATION
        return run.told(
            value, _filtered(float(grown * last), added * last + run.unit * INFLATION * np.abs(value), run.doubt)
        )


def _filtered(factor: float, inflow: Array, start: Array) -> Array:
    """s after each step of s ← factor s + inflow, (steps, ...): one product and one addition each, in this order."""
    from scipy.signal import lfilter  # takes longer to import than all of NumPy

    after, _ = lfilter([1.0], [1.0, -factor], inflow, axis=0, zi=factor * start[None])
    return np.asarray(after)


def _step_by_step(run: _Recursion) -> tuple[Array, Array]:
    """The same where the factor changes, in plain numbers: it does for a product that all parameters share."""
    value, error = np.empty(run.inflow.shape), np.empty(run.inflow.shape)
    factors, grown, rounding = (part.ravel().tolist() for part in (run.factor, run.grown, run.rounding))
    for column in np.ndindex(value.shape[1:]):
        s, e = float(run.start[column]), float(run.doubt[column])
        inflow, loss = (part[(slice(None), *column)].tolist() for part in (run.inflow, run.loss))
        for k, factor in enumerate(factors):
            lost = grown[k] * e + rounding[k] * abs(s) + loss[k]
            s = factor * s + inflow[k]
            e = (lost + run.unit * (abs(s) + lost)) * INFLATION
            value[(k, *column)], error[(k, *column)] = s, e
    return value, error


def maxima(kept: Bounded, inflow: Bounded, start: Bounded) -> Bounded:
    """s after each step, (steps, ...), of s ← max(kept s, inflow); kept a number."""
    run = _Recursion(kept, inflow, start)
    new_error = np.broadcast_to(inflow.error, run.inflow.shape)
    numbers = (run.inflow, new_error, run.start, run.doubt)
    few = run.start.size <= FEW and all(np.isfinite(part).all() for part in numbers)
    with np.errstate(all="ignore"):
        return run.told(*(_maxima_by_number if few else _maxima_by_step)(run, new_error))


def _maxima_by_step(run: _Recursion, new_error: Array) -> tuple[Array, Array]:
    value, error = np.empty(run.inflow.shape), np.empty(run.inflow.shape)
    s = run.start
    for k, new in enumerate(run.inflow):
        s = np.maximum(run.factor * s, new, out=value[k])
    before = run.before(value)
    old = run.factor * before
    apart, older = np.abs(old - run.inflow), old > run.inflow
    grown, added = run.grown * INFLATION, (run.rounding * np.abs(before) + run.least) * INFLATION
    e = run.doubt
    for k in range(len(value)):
        old_error = grown * e + added[k]
        clear = apart[k] > (old_error + new_error[k]) * INFLATION
        chosen = np.where(older[k], old_error, new_error[k])
        e = error[k] = np.where(clear, chosen, np.maximum(old_error, new_error[k]))
    return value, error


def _maxima_by_number(run: _Recursion, new_error: Array) -> tuple[Array, Array]:
    """The same to the last bit, where all numbers are finite: of few parameters in half the time."""
    value, error = np.empty(run.inflow.shape), np.empty(run.inflow.shape)
    factor, grown, rounding = float(run.factor), float(run.grown * INFLATION), float(run.rounding)
    for column in np.ndindex(run.start.shape):
        s, e = float(run.start[column]), float(run.doubt[column])
        values, errors = [], []
        inflow, inflow_error = (part[(slice(None), *column)].tolist() for part in (run.inflow, new_error))
        for new, fresh in zip(inflow, inflow_error, strict=True):
            old, carried = factor * s, grown * e + (rounding * abs(s) + run.least) * INFLATION
            clear = abs(old - new) > (carried + fresh) * INFLATION
            e = (carried if old > new else fresh) if clear else max(carried, fresh)
            s = max(old, new)
            values.append(s)
            errors.append(e)
        value[(slice(None), *column)], error[(slice(None), *column)] = values, errors
    return value, error


class _Recursion:
    """The arrays of one recursion.

    unit: one rounding, here and there; grown, rounding, loss: by what the error before, the size before and nothing at
    all add to the error, before the sum is rounded; start, doubt: s before the first step, and its error.
    """

    def __init__(self, kept: Bounded, inflow: Bounded, start: Bounded) -> None:
        shape = np.broadcast_shapes(inflow.shape[1:], start.shape)
        self.precision: Precision = inflow.precision
        self.unit = self.precision.unit + FLOAT64.unit
        kept = stored(kept, self.precision)
        size, doubt = np.abs(kept.value), kept.error
        product = np.where((kept.value == 1) & (doubt == 0), 0.0, self.unit)  # times exactly 1 rounds nothing
        self.factor = kept.value
        self.grown = (size + doubt) * (1 + product)
        self.rounding = doubt * (1 + product) + product * size
        self.least = self.precision.smallest_normal if product.any() else 0.0
        self.inflow = np.broadcast_to(inflow.value, (len(inflow.value), *shape))
        self.loss = np.broadcast_to(inflow.error + self.least, self.inflow.shape)
        self.start, self.doubt = np.broadcast_to(start.value, shape), np.broadcast_to(start.error, shape)

    def before(self, after: Array) -> Array:
        """s before each step, of s after each."""
        return np.concatenate([self.start[None], after[:-1]])

    def told(self, value: Array, error: Array) -> Bounded:
        """All of it; no bound where anything is not finite."""
        return Bounded(value, np.where(np.isfinite(value) & np.isfinite(error), error, np.inf), self.precision)


class _Lerp:
    """The error of s + w (x − s), w = 1 − β, before the last addition is rounded.

    What w and x are off by reaches s as `off` = ε_w |s| + ε_inflow. Difference and product are rounded, each by at most
    u (|w (x − s)| + off + w e). For w ≥ ½ torch.lerp takes x − (x − s)(1 − w), whose 1 − w is rounded once more, and
    |x − s| ≤ 2 |w (x − s)|. It is grown e + size |s| + loss + moved |s_new − s|.
    """

    def __init__(self, kept: Bounded, run: _Recursion) -> None:
        weight: Bounded = stored(1 - kept, run.precision)
        kept = stored(kept, run.precision)
        size, doubt = np.abs(weight.value) + weight.error, weight.error
        rounded = 2 * run.unit * (1 + run.unit) + np.where(weight.value >= 0.5, 2 * doubt + 4 * run.unit, 0.0)
        self.moved = rounded
        self.grown = np.abs(kept.value) + doubt + rounded * size
        self.size = doubt * (1 + rounded)
        self.loss = run.loss * (1 + rounded) + run.least
