"""What an error-carrying array is; `bounds` tells what it promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from comparisons.arithmetic.precision import FLOAT64, Precision
from comparisons.arithmetic.rounding import INFLATION, rounding
from problems.problem import Array

# By the name of the ufunc, so that those of other libraries need no import; and `total` and `where`.
RULES: dict[str, Callable[..., Any]] = {}


class Undecided:
    """A comparison of error-carrying arrays: `truth` by value, `open` where the error could turn it over."""

    def __init__(self, truth: Array, open_: Array, precision: Precision) -> None:
        self.truth, self.open, self.precision = truth, open_, precision

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or kwargs:
            return NotImplemented
        condition, *branches = args
        with np.errstate(all="ignore"):
            return RULES["where"](condition, *(operand(x, self.precision) for x in branches))

    def indicator(self) -> Indicator:
        """1 where it holds, else 0; either where that is open."""
        return Indicator(self)


class Bounded(NDArrayOperatorsMixin):
    """An array of numbers with error bounds, for use in the manual formulas.

    value, error: arrays of one shape. A sum also remembers its terms, since they may be added in any order:
    `inherited` (the error of the terms themselves), `magnitude` (the sum of their sizes) and `terms` (how many).
    """

    __slots__ = ("error", "inherited", "magnitude", "precision", "terms", "value")

    def __init__(self, value: Array, error: Array, precision: Precision) -> None:
        self.value, self.error, self.precision = value, error, precision
        self.terms: int = 1
        self.inherited: Array | None = None
        self.magnitude: Array | None = None

    @classmethod
    def exact(cls, value: Any, precision: Precision) -> Bounded:
        """Numbers that every evaluation holds exactly, unless it flushes subnormal ones to zero."""
        value = np.asarray(value, dtype=np.float64)
        size = np.abs(value)
        return cls(value, np.where(size < precision.smallest_normal, size, 0.0), precision)

    @classmethod
    def rounded(cls, value: Any, precision: Precision) -> Bounded:
        """Numbers that an evaluation may hold exactly or rounded to `precision`."""
        value = np.asarray(value, dtype=np.float64)
        return cls(value, rounding(np.abs(value), precision), precision)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return self.value.ndim

    @property
    def mT(self) -> Bounded:
        """The matrix transpose, over the last two axes."""
        return Bounded(self.value.mT, self.error.mT, self.precision)

    def __getitem__(self, key: Any) -> Bounded:
        return Bounded(self.value[key], self.error[key], self.precision)

    def take(self, positions: Any, axis: int) -> Bounded:
        """The elements at `positions` along `axis`."""
        return Bounded(self.value.take(positions, axis), self.error.take(positions, axis), self.precision)

    def sum(self, axis: int | tuple[int, ...], keepdims: bool = False) -> Bounded:
        """The sum over `axis`, its terms added in any order."""

        def along(array: Array) -> Array:
            return array.sum(axis, keepdims=keepdims)

        with np.errstate(all="ignore"):
            value = along(self.value)
            terms = self.terms * (self.value.size // max(value.size, 1))
            return RULES["total"](value, along(self._inherited), along(self._magnitude), terms, self.precision)

    def covering(self, *others: Bounded) -> Bounded:
        """The same value, with a bound that reaches whatever other ways to evaluate it reach."""
        error = self.error
        for other in others:
            with np.errstate(all="ignore"):
                reach = (np.abs(other.value - self.value) + other.error) * INFLATION
            error = np.maximum(error, np.where(np.isnan(reach), np.inf, reach))
        return Bounded(self.value, error, self.precision)

    def shift(self) -> Bounded:
        """The maximum of each row, taken as exact, for a formula from which it cancels.

        An evaluation with errors up to ε takes another maximum; z less that may then be 2 ε larger, and round more.
        """
        spread = 2 * self.error.max(-1, keepdims=True)
        rounding = (self.precision.unit + FLOAT64.unit) * spread
        return Bounded(self.value.max(-1, keepdims=True), rounding * INFLATION, self.precision)

    @property
    def _inherited(self) -> Array:
        return self.error if self.inherited is None else self.inherited

    @property
    def _magnitude(self) -> Array:
        return np.abs(self.value) + self.error if self.magnitude is None else self.magnitude

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        rule = RULES.get(ufunc.__name__)
        if method != "__call__" or options or rule is None:
            return NotImplemented
        with np.errstate(all="ignore"):
            return rule(*together([operand(x, self.precision) for x in inputs]))


class Indicator(Bounded):
    """1 where a comparison holds, else 0, and either where that is open: a factor that rounds nothing."""

    __slots__ = ("holds",)

    def __init__(self, holds: Undecided) -> None:
        error = np.where(holds.open, INFLATION, 0.0)
        super().__init__(holds.truth.astype(np.float64), error, holds.precision)
        self.holds = holds


def together(operands: list[Bounded]) -> list[Bounded]:
    """Operands of one precision: a number that is no tensor is rounded to the format for storage that it meets."""
    for one in operands:
        if one.precision.scalars is not None:
            return [stored(each, one.precision) for each in operands]
    return operands


def stored(a: Bounded, precision: Precision) -> Bounded:
    """`a` rounded to `precision` where that stores what is computed in another; exact where the format holds it."""
    if precision.scalars is None or a.precision is precision:
        return a
    rounded, kept = converted(a, precision), (a.error == 0) & precision.holds(a.value)
    return Bounded(a.value, np.where(kept, Bounded.exact(a.value, precision).error, rounded.error), precision)


def operand(x: Any, precision: Precision) -> Bounded:
    """What stands in a formula beside error-carrying numbers, such as the 2 of a derivative."""
    return x if isinstance(x, Bounded) else constant(np.asarray(x, dtype=np.float64), precision)


def constant(value: Array, precision: Precision) -> Bounded:
    """A constant is exact where the format holds it, else rounded: 0.01 has no float32."""
    exact = Bounded.exact(value, precision)
    return Bounded(value, np.where(precision.holds(value), exact.error, rounding(np.abs(value), precision)), precision)


def finished(value: Array, error: Array, precision: Precision) -> Bounded:
    """The result of a rule: its own float64 rounding covered, and no bound where anything is not finite.

    error: an array that nothing else uses.
    """
    error *= INFLATION
    return covered(value, error, precision)


def covered(value: Array, error: Array, precision: Precision) -> Bounded:
    """A result whose error covers the float64 rounding of its rule; no bound where anything is not finite."""
    if np.isfinite(error).all() and np.isfinite(value).all():
        return Bounded(value, error, precision)
    return Bounded(value, np.where(np.isfinite(value) & np.isfinite(error), error, np.inf), precision)


def converted(a: Bounded, precision: Precision) -> Bounded:
    """Every number rounded to `precision`."""
    return finished(a.value, a.error + rounding(np.abs(a.value) + a.error, precision), precision)
