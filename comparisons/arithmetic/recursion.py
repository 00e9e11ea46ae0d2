"""What is remembered from step to step, with its bound: s ← a s + b, or the larger of the two.

In plain arithmetic on arrays, step by step: a step costs a dozen operations on all parameters at once.
An average s ← β s + (1 − β) x is also evaluated as s + (1 − β)(x − s) (torch.lerp; keras/src/optimizers/adam.py), where
s stands twice and an error of it would be counted twice: from (1 − β)(x − s) = s_new − s follows what rounding
it adds, and the error of s itself shrinks by β as in the other order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comparisons.arithmetic.bounds import INFLATION, Bounded, stored
from comparisons.arithmetic.precision import FLOAT64, Precision
from problems.problem import Array


def sums(kept: Bounded, inflow: Bounded, start: Bounded, average: bool = False) -> Bounded:
    """s after each step, (steps, ...), of s ← kept s + inflow; kept a number, or one a step; inflow (steps, ...).

    average: whether inflow is (1 − kept) x, and s may be evaluated as s + (1 − kept)(x − s).
    """
    run = _Recursion(kept, inflow, start)
    with np.errstate(all="ignore"):
        lerp = _Lerp(kept, inflow, run) if average else None
        for k, (s, e) in run.steps():
            size = np.abs(s)
            new = run.factor[k] * s + inflow.value[k]
            error = run.grown[k] * e + run.rounding[k] * size + run.loss[k]
            if lerp is not None:
                error = np.maximum(error, lerp.error(k, size, e, np.abs(new - s)))
            run.value[k], run.error[k] = new, (error + run.unit * (np.abs(new) + error)) * INFLATION
    return run.result()


def maxima(kept: Bounded, inflow: Bounded, start: Bounded) -> Bounded:
    """s after each step, (steps, ...), of s ← max(kept s, inflow)."""
    run = _Recursion(kept, inflow, start)
    with np.errstate(all="ignore"):
        for k, (s, e) in run.steps():
            old, new = run.factor[k] * s, inflow.value[k]
            old_error = (run.grown[k] * e + run.rounding[k] * np.abs(s) + run.least) * INFLATION
            new_error = inflow.error[k]
            clear = np.abs(old - new) > (old_error + new_error) * INFLATION
            chosen = np.where(old > new, old_error, new_error)
            run.value[k] = np.maximum(old, new)
            run.error[k] = np.where(clear, chosen, np.maximum(old_error, new_error))
    return run.result()


class _Recursion:
    """The arrays of one recursion.

    unit: one rounding, here and there; grown, rounding, loss: by what the error before, the size before and nothing at
    all add to the error, before the sum is rounded.
    """

    def __init__(self, kept: Bounded, inflow: Bounded, start: Bounded) -> None:
        steps = len(inflow.value)
        shape = np.broadcast_shapes(inflow.shape[1:], start.shape)
        self.precision: Precision = inflow.precision
        self.unit = self.precision.unit + FLOAT64.unit
        kept = stored(kept, self.precision)
        factor, doubt = kept.value, kept.error
        product = np.where((factor == 1) & (doubt == 0), 0.0, self.unit)  # times exactly 1 rounds nothing
        self.factor = _each(factor, steps)
        self.grown = _each((np.abs(factor) + doubt) * (1 + product), steps)
        self.rounding = _each(doubt * (1 + product) + product * np.abs(factor), steps)
        self.least = self.precision.smallest_normal if product.any() else 0.0
        self.loss = inflow.error + self.least
        self.value, self.error = np.empty((steps, *shape)), np.empty((steps, *shape))
        self.start = np.broadcast_to(start.value, shape), np.broadcast_to(start.error, shape)

    def steps(self) -> Iterator[tuple[int, tuple[Array, Array]]]:
        """Each step's place, with s and its error before it."""
        before = self.start
        for k in range(len(self.value)):
            yield k, before
            before = self.value[k], self.error[k]

    def result(self) -> Bounded:
        """All of it; no bound where anything is not finite."""
        told = np.isfinite(self.value) & np.isfinite(self.error)
        return Bounded(self.value, np.where(told, self.error, np.inf), self.precision)


class _Lerp:
    """The error of s + w (x − s), w = 1 − β, before the last addition is rounded.

    What w and x are off by reaches s as `off` = ε_w |s| + ε_inflow. Difference and product are rounded, each by at most
    u (|w (x − s)| + off + w e). For w ≥ ½ torch.lerp takes x − (x − s)(1 − w), whose 1 − w is rounded once more, and
    |x − s| ≤ 2 |w (x − s)|.
    """

    def __init__(self, kept: Bounded, inflow: Bounded, run: _Recursion) -> None:
        steps = len(inflow.value)
        weight: Bounded = stored(1 - kept, run.precision)
        kept = stored(kept, run.precision)
        size, doubt = np.abs(weight.value) + weight.error, weight.error
        rounded = 2 * run.unit * (1 + run.unit) + np.where(weight.value >= 0.5, 2 * doubt + 4 * run.unit, 0.0)
        self.moved = _each(rounded, steps)
        self.grown = _each(np.abs(kept.value) + doubt + rounded * size, steps)
        self.size = _each(doubt * (1 + rounded), steps)
        self.loss = run.loss * (1 + float(rounded)) + run.least

    def error(self, k: int, size: Array, e: Array, moved: Array) -> Array:
        """At step k, `moved` being |s_new − s| = |w (x − s)|."""
        return self.grown[k] * e + self.size[k] * size + self.loss[k] + self.moved[k] * moved


def _each(values: Array, steps: int) -> list[float]:
    """One number for each step."""
    return [float(values)] * steps if values.ndim == 0 else values.ravel().tolist()
