"""Large matrix products, evaluated when they are used: one product bounds what `matrix_products` bounds with four.

With ε the errors of A and B, S = |A||B| and C = |A| ε_B + ε_A (|B| + ε_B), the error of A B in n terms, t more of them
added, is before its last rounding

    (C + u (S + C)) (1 + p) + p (S + C) = k₁ C + k₂ S,   k₂ = u (1 + p) + p,  k₁ = 1 + p + k₂,  p = γ_{n+t−2},

which is [|A| | ε_A] [k₁ ε_B + k₂ |B|; k₁ (|B| + ε_B)]: one product, of half the length where A or B is exact. It need
not be accurate, only not too small: see `upper`. Products of numbers that are all 0 leave it 0.
"""

from __future__ import annotations

import numpy as np

from comparisons.arithmetic.bounded import Bounded, covered
from comparisons.arithmetic.precision import FLOAT64, Precision
from comparisons.arithmetic.rounding import INFLATION
from comparisons.arithmetic.stored_numbers import Stored
from comparisons.arithmetic.upper import DEEP, Upper, not_zero
from problems.problem import Array

LARGE = 2**20  # products in one matrix product, from which on it is worth it


def worth_it(a: Bounded, b: Bounded) -> bool:
    """Whether the product is large, and not too long for float32 to bound it well."""
    n = a.shape[-1]
    return a.precision.ordinary and n <= DEEP and a.shape[-2] * n * b.shape[-1] >= LARGE


class Dot(Bounded):
    """A B and `more`, the numbers that were added to it; evaluated whole, or some rows of it at a time."""

    __slots__ = ("_sides", "_whole", "a", "b", "more")

    def __init__(self, a: Bounded, b: Bounded, more: tuple[Bounded, ...] = ()) -> None:
        self.a, self.b, self.more = a, b, more
        self.precision: Precision = a.precision
        self.terms = a.shape[-1] + sum(one.terms for one in more)
        self.inherited = self.magnitude = None
        self._sides: tuple[Upper, Upper] | None = None
        self._whole: Bounded | None = None

    def plus(self, other: Bounded) -> Dot:
        """One more number in the same sum."""
        return Dot(self.a, self.b, (*self.more, other))

    @property
    def shape(self) -> tuple[int, ...]:
        """Known before it is evaluated."""
        leading = np.broadcast_shapes(self.a.shape[:-2], self.b.shape[:-2])
        return (*leading, self.a.shape[-2], self.b.shape[-1])

    @property
    def ndim(self) -> int:
        """Known before it is evaluated."""
        return max(self.a.ndim, self.b.ndim)

    @property
    def value(self) -> Array:  # type: ignore[override]
        """Of all of it."""
        return self.whole().value

    @property
    def error(self) -> Array:  # type: ignore[override]
        """Of all of it."""
        return self.whole().error

    def whole(self) -> Bounded:
        """All of it, evaluated once."""
        if self._whole is None:
            with np.errstate(all="ignore"):
                b = self.b
                value = b.after(self.a.value) if isinstance(b, Stored) else self.a.value @ b.value
                for one in self.more:
                    value = value + one.value
                self._whole = self._around(value, *self._bounding())
        return self._whole

    def rows(self, at: slice, plane: int | None = None) -> Bounded:
        """Rows `at` of A B; of errors that stand beside each other those of one plane."""
        with np.errstate(all="ignore"):
            return self._around(self.value_of(at), *self._bounding_of(at, plane))

    def value_of(self, at: slice) -> Array:
        """Rows `at` of the value."""
        return self.a[..., at, :].value @ self.b.value

    def product_of(self, at: slice, plane: int | None = None) -> tuple[Array, float]:
        """What bounds rows `at`, and what it is to be multiplied with."""
        left, right = self._bounding_of(at, plane)
        return left.product(right)

    def _bounding_of(self, at: slice, plane: int | None) -> tuple[Upper, Upper]:
        left, right = self._bounding()
        return left.rows(at), right.plane(plane)

    @property
    def _inherited(self) -> Array:
        """k₁ = 1 + u, k₂ = u: errors and the rounding of the products, before any addition."""
        unit = self.precision.unit + FLOAT64.unit
        found = _times(*sides(self.a, self.b, 1 + unit, unit), terms=self.a.shape[-1], precision=self.precision)
        return found + sum(one._inherited for one in self.more)

    @property
    def _magnitude(self) -> Array:
        found = _times(*sides(self.a, self.b, 1.0, 1.0), terms=self.a.shape[-1], precision=self.precision)
        return found + self._inherited + sum(one._magnitude for one in self.more)

    def _bounding(self) -> tuple[Upper, Upper]:
        if self._sides is None:
            unit, partial = self.precision.unit + FLOAT64.unit, self._partial
            k2 = unit * (1 + partial) + partial
            self._sides = sides(self.a, self.b, 1 + partial + k2, k2)
        return self._sides

    @property
    def _partial(self) -> float:
        more = max(self.terms - 2, 0)
        return self.precision.gamma(more) + FLOAT64.gamma(more)

    def _around(self, value: Array, left: Upper, right: Upper) -> Bounded:
        product, room = left.product(right)
        by_product, by_more, by_value, flushed = self.constants(room)
        some = not_zero(product)
        error = np.multiply(product, by_product, dtype=np.float64)
        for one in self.more:
            error += by_more * (one._inherited + self._partial * one._magnitude)
            some = some | (one._magnitude > 0)
        if self.terms > 1:
            error += by_value * np.abs(value)
        error += flushed if some is True else np.where(some, flushed, 0.0)
        return covered(value, error, self.precision)

    def constants(self, room: float) -> tuple[float, float, float, float]:
        """What the error takes of the product that bounds it, which is to be multiplied with `room`; of `more`; of the
        value's size; and of flushing terms to 0. The rounding of their own sum is in them."""
        unit, n = self.precision.unit + FLOAT64.unit, self.a.shape[-1]
        last = unit if self.terms > 1 else 0.0
        own = (1 + FLOAT64.gamma(2 * self.terms + 8)) * INFLATION
        flushed = (2 * n + self.terms) * (1 + self._partial) * (1 + unit) * self.precision.smallest_normal
        return room * (1 + last) * own, (1 + last) * own, last * own, flushed * own


def _times(left: Upper, right: Upper, terms: int, precision: Precision) -> Array:
    product, some = left.times(right)
    return product * (1 + FLOAT64.gamma(terms + 8)) + np.where(some, 2 * terms * precision.smallest_normal, 0.0)


def sides(a: Bounded, b: Bounded, k1: float, k2: float) -> tuple[Upper, Upper]:
    """Two operands whose product is k₁ (|A| ε_B + ε_A (|B| + ε_B)) + k₂ |A||B|."""
    if _exact(b):
        size = k2 * np.abs(a.value)
        return Upper.of(size if _exact(a) else size + k1 * a.error), _size(b)
    size = np.abs(b.value)
    right = k1 * b.error + k2 * size
    if _exact(a):
        return _size(a), Upper.of(right)
    larger = _apart(a)  # of sizes to errors: so both halves of each operand are of one range
    left = np.concatenate(np.broadcast_arrays(np.abs(a.value), a.error * larger), axis=-1)
    return Upper.of(left), Upper.of(np.concatenate([right, k1 / larger * (size + b.error)], axis=-2))


def _apart(a: Bounded) -> float:
    """A power of two, about the largest |A| in parts of the largest ε_A."""
    size, error = np.abs(a.value).max(), a.error.max()
    if not 0 < error < np.inf:
        return 1.0
    return float(np.ldexp(1.0, int(np.clip(np.frexp(size)[1] - np.frexp(error)[1], -60, 60))))


def _exact(a: Bounded) -> bool:
    return isinstance(a, Stored) or not (a.error.ndim > a.value.ndim or a.error.any())


def _size(a: Bounded) -> Upper:
    return a.size if isinstance(a, Stored) else Upper.of(np.abs(a.value))
