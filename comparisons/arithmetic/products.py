"""Products, quotients, powers and roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from comparisons.arithmetic.bounded import Bounded, Indicator, finished
from comparisons.arithmetic.precision import FLOAT64, Precision
from comparisons.arithmetic.rounding import INFLATION, function_rounding
from problems.problem import Array


def _product_of_sizes(a: Array, b: Array) -> Array:
    """|a| |b|, with 0 times an infinite bound left 0: a factor that is exactly 0 settles the product."""
    product = a * b
    return product if np.isfinite(product).all() else np.where((a == 0) | (b == 0), 0.0, product)


def _is_number(a: Bounded) -> bool:
    """Whether `a` is a single exact number, such as the 2 of a derivative or the N of a mean."""
    return a.ndim == 0 and float(a.error) == 0.0


def _is_power_of_two(a: Bounded) -> bool:
    """Whether multiplying by `a` rounds nothing (underflow aside)."""
    return _is_number(a) and abs(float(np.frexp(a.value)[0])) == 0.5


def _settled(nothing: Array, value: Array) -> Array:
    """0 where a factor is exactly 0, whatever the other; most values are 0 there as they are."""
    return value if np.isfinite(value).all() else np.where(nothing, 0.0, value)


def multiply(a: Bounded, b: Bounded) -> Bounded:
    """|a| ε_b + ε_a (|b| + ε_b), and the rounding of the product."""
    for factor, other in ((a, b), (b, a)):
        if isinstance(factor, Indicator):
            return _chosen(factor, other)
    for number, other in ((a, b), (b, a)):
        if is_ordinary(number) and other.ndim > 0:
            return _times_number(number, other)
    nothing = is_nothing(a) | is_nothing(b)
    value = _settled(nothing, a.value * b.value)
    size_a, size_b = np.abs(a.value), np.abs(b.value)
    carried = _product_of_sizes(size_a, b.error)
    carried = carried + _product_of_sizes(a.error, size_b + b.error)
    units = 0 if _is_power_of_two(a) or _is_power_of_two(b) else 1
    return product(value, carried, nothing, units, a.precision)


def _chosen(factor: Indicator, b: Bounded) -> Bounded:
    """b or 0, and either where that is open."""
    value, error = np.where(factor.holds.truth, b.value, 0.0), b.error + b.precision.smallest_normal
    nothing = is_nothing(b)
    error = np.where(factor.holds.truth & ~nothing if nothing.any() else factor.holds.truth, error, 0.0)
    if factor.holds.open.any():
        size = np.abs(b.value) + b.error
        error = np.where(factor.holds.open, size + np.where(size > 0, b.precision.smallest_normal, 0.0), error)
    return finished(value, error, b.precision)


def is_ordinary(a: Bounded) -> bool:
    """Whether `a` is one number, such as a learning rate, neither 0 nor infinite, nor its error."""
    return a.ndim == a.error.ndim == 0 and bool(np.isfinite(a.value) and np.isfinite(a.error) and a.value)


def _times_number(number: Bounded, b: Bounded) -> Bounded:
    """The same bound, (1 + u)(|a| + ε_a) ε_b + ((1 + u) ε_a + u |a|) |b|, in fewer passes over b."""
    by_value, by_error = factors(number, b.precision, exact=_is_power_of_two(b))
    error = np.abs(b.value) * by_value
    error = error + b.error * by_error
    error += b.precision.smallest_normal
    nothing = is_nothing(b)
    return finished(number.value * b.value, np.where(nothing, 0.0, error) if nothing.any() else error, b.precision)


def factors(number: Bounded, precision: Precision, *, exact: bool = False) -> tuple[float, float]:
    """What a product with an ordinary number takes of the other factor's size and of its error."""
    size, doubt = abs(float(number.value)), float(number.error)
    unit = 0.0 if exact or _is_power_of_two(number) else precision.unit + FLOAT64.unit
    return (1 + unit) * doubt + unit * size, (1 + unit) * (size + doubt)


def divide(a: Bounded, b: Bounded) -> Bounded:
    """The bound of a/b is |a/b| ε_b/(|b| − ε_b) + ε_a/(|b| − ε_b).

    An exact whole divisor is the N of a mean, which libraries divide by at once or as rows · outputs, each time
    by division or as a product with the rounded reciprocal: at most four roundings, none for a power of two.
    """
    nothing = is_nothing(a)
    value = _settled(nothing, a.value / b.value)
    room = np.abs(b.value) - b.error  # the smallest size the divisor may have
    carried = np.where(nothing, 0.0, np.abs(value) * (b.error / room) + a.error / room)
    units = (0 if _is_power_of_two(b) else 4) if _is_number(b) else 1
    result = product(value, carried, nothing, units, a.precision)
    result.error = np.where(room > 0, result.error, np.inf)
    return result


def is_nothing(a: Bounded) -> Array:
    """Where every evaluation holds exactly 0."""
    zero = np.asarray(a.value == 0)
    return zero & (a.error == 0) if zero.any() else zero


def product(value: Array, carried: Array, nothing: Array, units: Any, precision: Precision) -> Bounded:
    """A product or quotient rounded `units` times; unless a factor is exactly 0 it may underflow, here or there."""
    error = np.abs(value) + carried
    error *= units * (precision.unit + FLOAT64.unit)
    error += carried
    error += np.maximum(units, 1) * precision.smallest_normal
    return finished(value, np.where(nothing, carried, error) if nothing.any() else error, precision)


def square(a: Bounded) -> Bounded:
    size = np.abs(a.value)
    carried = 2 * size * a.error + a.error * a.error
    return product(a.value * a.value, carried, is_nothing(a), 1, a.precision)


def power(a: Bounded, exponent: Bounded) -> Bounded:
    """aⁿ for exponents that are exact numbers, one or an array of them; a from 0 where they carry errors."""
    if np.any(exponent.error != 0):
        return _power_of_rounded(a, exponent)
    if exponent.ndim == 0 and exponent.value == 2:
        return square(a)
    whole = (exponent.value == np.floor(exponent.value)) & (exponent.value >= 0)
    carried = np.where(whole, _carried_by_whole_power(a, exponent.value), _carried_by_power(a, exponent.value))
    own = a.precision.function_error("power")
    # multiplied out, in whatever order, every factor but the first brings a rounding
    units = np.where(whole, np.maximum(exponent.value - 1, own), own)
    units = np.where((exponent.value == 0) | (exponent.value == 1), 0, units)
    value = np.power(a.value, exponent.value)
    room = 1 - units * (a.precision.unit + FLOAT64.unit)  # γ_n, not n u, where n is large
    result = product(value, carried, is_nothing(a) | (exponent.value == 0), units / room, a.precision)
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
    nothing = is_nothing(a) & (exponent.value > exponent.error)
    relative = np.where(a.value > a.error, np.log1p(a.error / (a.value - a.error)), np.inf)
    shift = (np.abs(exponent.value) + exponent.error) * relative + exponent.error * logarithm
    units = a.precision.function_error("power") + np.abs(exponent.value) * logarithm
    carried = np.where(nothing, 0.0, value * np.expm1(shift * INFLATION))
    return product(value, carried, nothing, np.where(nothing, 1.0, units), a.precision)


def sqrt(a: Bounded) -> Bounded:
    """√(a + δ) − √a = δ / (√(a + δ) + √a), largest towards 0.

    No evaluation takes the root of a negative number: roots are taken of squares and sums of them.
    """
    value, lowest = np.sqrt(a.value), np.maximum(a.value - a.error, 0.0)
    below = np.minimum(a.error, a.value) / (value + np.sqrt(lowest))
    above = a.error / (value + np.sqrt(a.value + a.error))
    carried = np.where(a.error == 0, 0.0, np.maximum(np.where(a.value == 0, 0.0, below), above))
    return finished(value, carried + function_rounding("sqrt", value + carried, a.precision), a.precision)
