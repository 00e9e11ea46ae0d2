"""Products of numbers from 0 that are never too small, and next to never larger: in float32, at half the cost.

A computed sum of n products is Σ aᵢ bᵢ (1 + δ)ⁿ⁺², |δ| ≤ u, the rounding of the operands to float32 counted (Higham
2002, eq. 3.3), so what it is computed for is at most it over 1 − γ_{n+2}. That needs products that do not underflow:
the numbers of an operand lie within a range of 2⁶⁰, scaled to end at 1, or are 0. Else they are multiplied in float64.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from comparisons.arithmetic.precision import FLOAT32, FLOAT64
from problems.problem import Array

DEEP = 2**14  # terms, up to which float32's own rounding adds less than a five-hundredth
RANGE = 2.0**-60  # of the smallest number that is not 0, in parts of the largest
MOST = 2.0**48  # of numbers that are not scaled: a sum of products of them has a float32
SMALL = 2.0**-100  # what scales float32 numbers is one itself
LEAST = 2.0**-1074  # above 0, and nothing beside what flushing to 0 may add


def extremes(sizes: Array) -> tuple[float, float]:
    """The smallest that is not 0, infinite where there is none, and the largest; NaN where any is."""
    smallest, largest = float(sizes.min(initial=np.inf)), float(sizes.max(initial=0.0))
    return (_smallest_but_zero(sizes) if smallest == 0 else smallest), largest


def _smallest_but_zero(sizes: Array) -> float:
    """As whole numbers the bits of floats from 0 are in the same order, and 0 less 1 is the largest of them."""
    whole = np.dtype(f"u{sizes.itemsize}")
    least = int((sizes.view(whole) - whole.type(1)).min()) + 1
    return float(whole.type(least).view(sizes.dtype)) if least <= np.iinfo(whole).max else np.inf


class Upper:
    """Numbers from 0: `numbers` times `scale`, float32 where all lie in its range, else float64."""

    def __init__(self, numbers: Array, scale: float) -> None:
        self.numbers, self.scale = numbers, scale
        self._planes: dict[int, Upper] = {}

    @classmethod
    def of(cls, sizes: Array) -> Upper:
        """`sizes` from 0, of any range."""
        return cls.between(sizes, *extremes(sizes))

    @classmethod
    def between(cls, sizes: Array, smallest: float, largest: float) -> Upper:
        """`sizes` whose `extremes` these are."""
        if not (SMALL < largest < 1 / SMALL and smallest >= RANGE * largest):
            return cls(sizes.astype(np.float64, copy=False), 1.0)
        if smallest >= RANGE and largest <= MOST:
            return cls(sizes.astype(np.float32, copy=False), 1.0)
        scale = float(np.ldexp(1.0, np.frexp(largest)[1]))
        return cls((sizes * (1 / scale)).astype(np.float32, copy=False), scale)

    @property
    def mT(self) -> Upper:
        """The matrix transpose."""
        return Upper(self.numbers.mT, self.scale)

    def rows(self, at: slice) -> Upper:
        """Some rows."""
        return Upper(self.numbers[..., at, :], self.scale)

    def plane(self, number: int | None) -> Upper:
        """Those at one place of a first axis, where there is such a place and such an axis."""
        if number is None or self.numbers.ndim < 4:
            return self
        if number not in self._planes:
            self._planes[number] = Upper.of(self.numbers[number] * np.float64(self.scale))
        return self._planes[number]

    @cached_property
    def endless(self) -> bool:
        """Whether every column has an infinite number, so that no sum over it is finite."""
        return self.numbers.dtype == np.float64 and bool((~np.isfinite(self.numbers)).any(-2).all())

    @cached_property
    def _wide(self) -> Array:
        """The numbers in float64."""
        return self.numbers.astype(np.float64, copy=False)

    def product(self, other: Upper) -> tuple[Array, float]:
        """The product, 0 only where all its terms are, and what makes it at least what it is computed for."""
        scale = self.scale * other.scale
        if other.endless:
            leading = np.broadcast_shapes(self.numbers.shape[:-2], other.numbers.shape[:-2])
            return np.full((*leading, self.numbers.shape[-2], other.numbers.shape[-1]), np.inf, np.float32), scale
        added = self.numbers.shape[-1] + 3
        if self.numbers.dtype == other.numbers.dtype == np.float32:
            return _product(self.numbers, other.numbers), scale / (1 - FLOAT32.gamma(added))
        product = self._wide @ other._wide
        rows, columns = np.asarray(self.numbers.any(-1)), np.asarray(other.numbers.any(-2))
        flushed = (product == 0) & rows[..., :, None] & columns[..., None, :]
        product[flushed] = LEAST
        return product, scale / (1 - FLOAT32.gamma(3)) / (1 - FLOAT64.gamma(added))  # one may be float32

    def times(self, other: Upper) -> tuple[Array, Array | bool]:
        """The same product in a new float64 array, and where it is not 0; True for everywhere."""
        product, room = self.product(other)
        return np.multiply(product, room, dtype=np.float64), not_zero(product)


def not_zero(product: Array) -> Array | bool:
    """Where a product is not 0; True for everywhere."""
    return bool(product.min() > 0) or product > 0


def _product(a: Array, b: Array) -> Array:
    """a @ b; of several matrices before a single one all their rows at once, which reads that once."""
    if b.ndim > a.ndim or any(length > 1 for length in b.shape[:-2]):
        return a @ b
    product = a.reshape(-1, a.shape[-1]) @ b.reshape(b.shape[-2:])
    return product.reshape(*a.shape[:-1], b.shape[-1])
