"""Error-carrying arrays: each number with a bound on how far a faithful evaluation may lie from it.

A `Bounded` holds, per element, `value` (computed here, in float64) and `error`, such that
|candidate − value| ≤ error for the exact result and for every floating-point evaluation of the same formula
in the given precision that
  - rounds each operation to nearest, with or without fused multiply-add,
  - adds the terms of a sum or dot product, a bias included, in any order,
  - evaluates exp, log, tanh and the other functions to within FUNCTION_ERROR units,
  - in a format for storage, rounds every result to it or keeps it wider: sums may be accumulated in either,
  - flushes subnormal results to zero or keeps them.
Rules are those of Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), chapters 2 and 3,
with second-order terms kept. The rounding of this module's own float64 arithmetic is included: one float64
rounding beside each rounding of the candidate, and an inflation of every computed bound.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from comparisons.arithmetic.operands import Operands
from comparisons.arithmetic.precision import FLOAT64, MATRIX_UNIT, Precision
from problems.problem import Array

# Each rule computes its bound in at most 16 float64 operations on numbers of one sign, sums aside.
INFLATION = 1 + 32 * FLOAT64.unit
INFLATION_OF_SUM = 4 * FLOAT64.unit


class Undecided:
    """A comparison of error-carrying arrays: `truth` by value, `open` where the error could turn it over."""

    def __init__(self, truth: Array, open_: Array, precision: Precision) -> None:
        self.truth, self.open, self.precision = truth, open_, precision

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or kwargs:
            return NotImplemented
        condition, *branches = args
        return _where(condition, *(_operand(x, self.precision) for x in branches))


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
        return cls(value, _rounding(np.abs(value), precision), precision)

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
            return _sum(value, along(self._inherited), along(self._magnitude), terms, self.precision)

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
            return rule(*_together([_operand(x, self.precision) for x in inputs]))


def _together(operands: list[Bounded]) -> list[Bounded]:
    """Operands of one precision: a number that is no tensor is rounded to the format for storage that it meets."""
    for one in operands:
        if one.precision.scalars is not None:
            return [stored(each, one.precision) for each in operands]
    return operands


def stored(a: Bounded, precision: Precision) -> Bounded:
    """`a` rounded to `precision` where that stores what is computed in another; exact where the format holds it."""
    if precision.scalars is None or a.precision is precision:
        return a
    rounded, kept = _converted(a, precision), (a.error == 0) & precision.holds(a.value)
    return Bounded(a.value, np.where(kept, Bounded.exact(a.value, precision).error, rounded.error), precision)


def _operand(x: Any, precision: Precision) -> Bounded:
    """What stands in a formula beside error-carrying numbers, such as the 2 of a derivative."""
    return x if isinstance(x, Bounded) else _constant(np.asarray(x, dtype=np.float64), precision)


def _constant(value: Array, precision: Precision) -> Bounded:
    """A constant is exact where the format holds it, else rounded: 0.01 has no float32."""
    exact = Bounded.exact(value, precision)
    return Bounded(value, np.where(precision.holds(value), exact.error, _rounding(np.abs(value), precision)), precision)


def _finished(value: Array, error: Array, precision: Precision) -> Bounded:
    """The result of a rule: its own float64 rounding covered, and no bound where anything is not finite."""
    error = error * INFLATION
    return Bounded(value, np.where(np.isfinite(value) & np.isfinite(error), error, np.inf), precision)


def _rounding(size: Array, precision: Precision, units: int = 1) -> Array:
    """What rounding a result of at most `size` may add, here and in the candidate, underflow included."""
    return units * (precision.unit + FLOAT64.unit) * size + _underflow(size, precision)


def _sum(value: Array, inherited: Array, magnitude: Array, terms: int, precision: Precision) -> Bounded:
    """A sum of `terms` numbers added in any order: every term meets at most terms − 1 roundings.

    The last addition rounds the sum itself, the others partial sums of at most `magnitude`
    (Higham 2002, eq. 4.4).
    """
    partial = precision.gamma(terms - 2) + FLOAT64.gamma(terms - 2) if terms > 2 else 0.0
    inner = inherited + partial * magnitude
    if terms > 2:
        inner = inner + np.where(magnitude > 0, (terms - 2) * precision.smallest_normal, 0.0)
    error = inner + (_rounding(np.abs(value) + inner, precision) if terms > 1 else 0.0)
    result = _finished(value, error * (1 + FLOAT64.gamma(terms)), precision)
    result.inherited, result.magnitude, result.terms = inherited, magnitude, terms
    return result


def _add(a: Bounded, b: Bounded) -> Bounded:
    if _is_zero(a) or _is_zero(b):
        return _shifted_by_zero(a, b)
    return _sum(
        a.value + b.value,
        a._inherited + b._inherited,
        a._magnitude + b._magnitude,
        a.terms + b.terms,
        a.precision,
    )


def _is_zero(a: Bounded) -> bool:
    return a.ndim == 0 and a.value == 0 and a.error == 0


def _shifted_by_zero(a: Bounded, b: Bounded) -> Bounded:
    return Bounded(a.value + b.value, a.error + b.error, a.precision)


def _negative(a: Bounded) -> Bounded:
    result = Bounded(-a.value, a.error, a.precision)
    result.inherited, result.magnitude, result.terms = a.inherited, a.magnitude, a.terms
    return result


def _subtract(a: Bounded, b: Bounded) -> Bounded:
    """A difference takes its operands as they stand: only additions are put in another order."""
    if _is_zero(a) or _is_zero(b):
        return _shifted_by_zero(a, _negative(b))
    value = a.value - b.value
    carried = a.error + b.error
    return _finished(value, carried + _rounding(np.abs(value) + carried, a.precision), a.precision)


def _product_of_sizes(a: Array, b: Array) -> Array:
    """|a| |b|, with 0 times an infinite bound left 0: a factor that is exactly 0 settles the product."""
    return np.where((a == 0) | (b == 0), 0.0, a * b)


def _is_number(a: Bounded) -> bool:
    """Whether `a` is a single exact number, such as the 2 of a derivative or the N of a mean."""
    return a.ndim == 0 and float(a.error) == 0.0


def _is_power_of_two(a: Bounded) -> bool:
    """Whether multiplying by `a` rounds nothing (underflow aside)."""
    return _is_number(a) and abs(float(np.frexp(a.value)[0])) == 0.5


def _multiply(a: Bounded, b: Bounded) -> Bounded:
    nothing = _nothing(a) | _nothing(b)
    value = np.where(nothing, 0.0, a.value * b.value)
    size_a, size_b = np.abs(a.value), np.abs(b.value)
    carried = _product_of_sizes(size_a, b.error) + _product_of_sizes(a.error, size_b + b.error)
    units = 0 if _is_power_of_two(a) or _is_power_of_two(b) else 1
    return _product(value, carried, nothing, units, a.precision)


def _divide(a: Bounded, b: Bounded) -> Bounded:
    """The bound of a/b is |a/b| ε_b/(|b| − ε_b) + ε_a/(|b| − ε_b).

    An exact whole divisor is the N of a mean, which libraries divide by at once or as rows · outputs, each time
    by division or as a product with the rounded reciprocal: at most four roundings, none for a power of two.
    """
    nothing = _nothing(a)
    value = np.where(nothing, 0.0, a.value / b.value)
    room = np.abs(b.value) - b.error  # the smallest size the divisor may have
    carried = np.where(nothing, 0.0, np.abs(value) * (b.error / room) + a.error / room)
    units = (0 if _is_power_of_two(b) else 4) if _is_number(b) else 1
    result = _product(value, carried, nothing, units, a.precision)
    result.error = np.where(room > 0, result.error, np.inf)
    return result


def _nothing(a: Bounded) -> Array:
    """Where every evaluation holds exactly 0."""
    return (a.value == 0) & (a.error == 0)


def _product(value: Array, carried: Array, nothing: Array, units: Any, precision: Precision) -> Bounded:
    """A product or quotient rounded `units` times; unless a factor is exactly 0 it may underflow, here or there."""
    rounding = units * (precision.unit + FLOAT64.unit) * (np.abs(value) + carried)
    underflow = np.where(nothing, 0.0, np.maximum(units, 1) * precision.smallest_normal)
    return _finished(value, carried + rounding + underflow, precision)


def _matmul(a: Bounded, b: Bounded) -> Bounded:
    """A dot product of n terms, rounded once per product and added in any order (Higham 2002, eq. 3.5)."""
    if a.precision.products is not None:
        return _matmul_in(a.precision.products, a, b)
    operands = a.precision.operands
    if operands is not None and operands.concerns(a.shape[-2], a.shape[-1], b.shape[-1]):
        return _matmul_of(operands, a, b)
    n = a.shape[-1]
    size_a, size_b = np.abs(a.value), np.abs(b.value)
    carried = size_a @ b.error + a.error @ (size_b + b.error)
    size = size_a @ size_b + carried
    products = np.where(_nothing(a), 0.0, 1.0) @ np.where(_nothing(b), 0.0, 1.0)  # those that may underflow
    rounding = (a.precision.unit + FLOAT64.unit) * size + products * a.precision.smallest_normal
    inherited = (carried + rounding) * (1 + FLOAT64.gamma(n + 8))
    return _sum(a.value @ b.value, inherited, size + inherited, n, a.precision)


def _matmul_in(products: Precision, a: Bounded, b: Bounded) -> Bounded:
    """The same of operands first rounded to `products` and computed in it; what it gives is exact in `a.precision`."""
    result = _matmul(_converted(a, products), _converted(b, products))
    return Bounded(result.value, result.error, a.precision)


def _matmul_of(operands: Operands, a: Bounded, b: Bounded) -> Bounded:
    """The same of operands that are first rounded to `operands`, and of nothing less."""
    result = _matmul(_put_into(operands, a), _put_into(operands, b))
    rounded = Bounded(result.value, result.error, a.precision)
    rounded.inherited, rounded.magnitude, rounded.terms = result.error, result.magnitude, result.terms
    return rounded


def _put_into(operands: Operands, a: Bounded) -> Bounded:
    """Every number as it is in `operands`: known exactly unless its error reaches another number of that format."""
    value = operands.rounded(a.value)
    low, high = operands.reach(a.value, a.error)
    return _finished(value, np.maximum(value - low, high - value), MATRIX_UNIT)


def _converted(a: Bounded, precision: Precision) -> Bounded:
    """Every number rounded to `precision`."""
    return _finished(a.value, a.error + _rounding(np.abs(a.value) + a.error, precision), precision)


def _underflow(size: Array, precision: Precision) -> Array:
    return np.where(size > 0, precision.smallest_normal, 0.0)


def _square(a: Bounded) -> Bounded:
    size = np.abs(a.value)
    carried = 2 * size * a.error + a.error * a.error
    return _product(a.value * a.value, carried, _nothing(a), 1, a.precision)


def _power(a: Bounded, exponent: Bounded) -> Bounded:
    """aⁿ for exponents that are exact numbers, one or an array of them; a from 0 where they carry errors."""
    if np.any(exponent.error != 0):
        return _power_of_rounded(a, exponent)
    if exponent.ndim == 0 and exponent.value == 2:
        return _square(a)
    whole = (exponent.value == np.floor(exponent.value)) & (exponent.value >= 0)
    carried = np.where(whole, _carried_by_whole_power(a, exponent.value), _carried_by_power(a, exponent.value))
    own = a.precision.function_error("power")
    # multiplied out, in whatever order, every factor but the first brings a rounding
    units = np.where(whole, np.maximum(exponent.value - 1, own), own)
    units = np.where((exponent.value == 0) | (exponent.value == 1), 0, units)
    value = np.power(a.value, exponent.value)
    room = 1 - units * (a.precision.unit + FLOAT64.unit)  # γ_n, not n u, where n is large
    result = _product(value, carried, _nothing(a) | (exponent.value == 0), units / room, a.precision)
    result.error = np.where(room > 0, result.error, np.inf)
    return result


def _carried_by_whole_power(a: Bounded, n: Array) -> Array:
    """|(a + δ)ⁿ − aⁿ| ≤ n ε (|a| + ε)ⁿ⁻¹ for |δ| ≤ ε, whatever the sign of a."""
    largest = (np.abs(a.value) + a.error) * INFLATION
    return np.where(n == 0, 0.0, n * a.error * np.power(largest, np.maximum(n - 1, 0)))


def _carried_by_power(a: Bounded, n: Array) -> Array:
    """|(a + δ)ⁿ − aⁿ| ≤ aⁿ ((1 − ε/a)^−|n| − 1) for |δ| ≤ ε < a."""
    relative = np.where(a.value > a.error, np.log1p(a.error / (a.value - a.error)), np.inf)
    return np.power(a.value, n) * np.expm1(np.abs(n) * relative * INFLATION)


def _power_of_rounded(a: Bounded, exponent: Bounded) -> Bounded:
    """aⁿ = e^(n log a), where also n log a may be rounded; 0 to a positive power is exactly 0."""
    value, logarithm = np.power(a.value, exponent.value), np.abs(np.log(a.value))
    nothing = _nothing(a) & (exponent.value > exponent.error)
    relative = np.where(a.value > a.error, np.log1p(a.error / (a.value - a.error)), np.inf)
    shift = (np.abs(exponent.value) + exponent.error) * relative + exponent.error * logarithm
    units = a.precision.function_error("power") + np.abs(exponent.value) * logarithm
    carried = np.where(nothing, 0.0, value * np.expm1(shift * INFLATION))
    return _product(value, carried, nothing, np.where(nothing, 1.0, units), a.precision)


def _sqrt(a: Bounded) -> Bounded:
    """√(a + δ) − √a = δ / (√(a + δ) + √a), largest towards 0.

    No evaluation takes the root of a negative number: roots are taken of squares and sums of them.
    """
    value, lowest = np.sqrt(a.value), np.maximum(a.value - a.error, 0.0)
    below = np.minimum(a.error, a.value) / (value + np.sqrt(lowest))
    above = a.error / (value + np.sqrt(a.value + a.error))
    carried = np.where(a.error == 0, 0.0, np.maximum(np.where(a.value == 0, 0.0, below), above))
    return _finished(value, carried + _function_rounding("sqrt", value + carried, a.precision), a.precision)


def _function_rounding(name: str, size: Array, precision: Precision) -> Array:
    return _rounding(size, precision, units=precision.function_error(name))


def _carried_by_exp(a: Bounded, value: Array) -> Array:
    """e^(a + ε) − e^a ≤ e^a (e^ε − 1), and less than e^(a + ε), where that underflows."""
    at_most = np.maximum(value, FLOAT64.smallest_normal)  # of e^a, also where it underflows here
    top = np.exp(a.value + a.error + INFLATION_OF_SUM * (np.abs(a.value) + a.error))
    return np.minimum(at_most * np.expm1(a.error), np.maximum(top, np.where(a.error > 0, FLOAT64.smallest_normal, 0.0)))


def _exp(a: Bounded) -> Bounded:
    value = np.exp(a.value)
    carried = _carried_by_exp(a, value)
    exact_zero = (a.value == 0) & (a.error == 0)
    rounding = np.where(exact_zero, 0.0, _function_rounding("exp", value + carried, a.precision))
    # an underflowed value is 0 here and a subnormal number elsewhere
    return _finished(value, carried + rounding + _underflow(1.0 - exact_zero, a.precision), a.precision)


def _expm1(a: Bounded) -> Bounded:
    value = np.expm1(a.value)
    carried = _carried_by_exp(a, np.exp(a.value))
    return _finished(value, carried + _function_rounding("expm1", np.abs(value) + carried, a.precision), a.precision)


def _log(a: Bounded) -> Bounded:
    value = np.log(a.value)
    carried = np.log1p(a.error / (a.value - a.error))  # log a − log(a − ε), the larger side
    error = carried + _function_rounding("log", np.abs(value) + carried, a.precision)
    return _finished(value, np.where(a.value > a.error, error, np.inf), a.precision)


def _log1p(a: Bounded) -> Bounded:
    value = np.log1p(a.value)
    lowest = 1 + a.value - a.error
    carried = np.log1p(a.error / lowest)  # log(1 + a) − log(1 + a − ε), the larger side
    error = carried + _function_rounding("log1p", np.abs(value) + carried, a.precision)
    return _finished(value, np.where(lowest > 0, error, np.inf), a.precision)


def _erfc(a: Bounded) -> Bounded:
    """Its accuracy is relative to 1 or itself, the larger, since libraries also write 1 − erf."""
    from scipy.special import erfc

    value = erfc(a.value)
    nearest = np.maximum(np.abs(a.value) - a.error, 0.0)
    slope = 2 / np.sqrt(np.pi) * np.exp(-nearest * nearest * (1 - INFLATION_OF_SUM))  # the largest within ε
    carried = np.minimum(slope * a.error, 2.0)
    size = np.maximum(value, 1.0) + carried
    return _finished(value, carried + _function_rounding("erfc", size, a.precision), a.precision)


def _arctan(a: Bounded) -> Bounded:
    """Its slope is at most 1."""
    value = np.arctan(a.value)
    size = np.abs(value) + a.error
    return _finished(value, a.error + _function_rounding("arctan", size, a.precision), a.precision)


def _tanh(a: Bounded) -> Bounded:
    value = np.tanh(a.value)
    nearest = np.maximum(np.abs(a.value) - a.error, 0.0)
    slope = 1.0 / np.cosh(nearest) ** 2  # the largest slope between a − ε and a + ε
    carried = np.minimum(slope * a.error, 2.0)
    return _finished(value, carried + _function_rounding("tanh", np.abs(value) + carried, a.precision), a.precision)


def _sign(a: Bounded) -> Bounded:
    """−1, 0 or 1; where the error reaches 0 or passes it, any sign that it leaves open."""
    value = np.sign(a.value)
    is_open = (np.abs(a.value) <= a.error * INFLATION) & (a.error > 0)
    return _finished(value, np.where(is_open, 1 + np.abs(value), 0.0), a.precision)


def _absolute(a: Bounded) -> Bounded:
    return Bounded(np.abs(a.value), a.error, a.precision)


def _extremum(ufunc: np.ufunc, a: Bounded, b: Bounded) -> Bounded:
    """max and min move by no more than the operand chosen does, or either where the choice is open."""
    value = ufunc(a.value, b.value)
    chosen = np.where(value == a.value, a.error, b.error)
    is_open = np.abs(a.value - b.value) <= (a.error + b.error) * INFLATION
    return _finished(value, np.where(is_open, np.maximum(a.error, b.error), chosen), a.precision)


def _compared(ufunc: np.ufunc, a: Bounded, b: Bounded) -> Undecided:
    doubt = (a.error + b.error) * INFLATION
    return Undecided(ufunc(a.value, b.value), (np.abs(a.value - b.value) <= doubt) & (doubt > 0), a.precision)


def _where(condition: Undecided, a: Bounded, b: Bounded) -> Bounded:
    """The chosen branch; where the choice is open, the bound reaches the other branch too."""
    value = np.where(condition.truth, a.value, b.value)
    chosen = np.where(condition.truth, a.error, b.error)
    either = np.abs(a.value - b.value) + np.maximum(a.error, b.error)
    return _finished(value, np.where(condition.open, either, chosen), a.precision)


COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
# By the name of the ufunc, so that those of other libraries need no import.
RULES: dict[str, Callable[..., Any]] = {
    "add": _add,
    "subtract": _subtract,
    "negative": _negative,
    "multiply": _multiply,
    "divide": _divide,
    "matmul": _matmul,
    "power": _power,
    "square": _square,
    "sqrt": _sqrt,
    "exp": _exp,
    "log": _log,
    "expm1": _expm1,
    "log1p": _log1p,
    "erfc": _erfc,
    "arctan": _arctan,
    "tanh": _tanh,
    "sign": _sign,
    "absolute": _absolute,
    "maximum": partial(_extremum, np.maximum),
    "minimum": partial(_extremum, np.minimum),
    **{ufunc.__name__: partial(_compared, ufunc) for ufunc in COMPARISONS},
}
