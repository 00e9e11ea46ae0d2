"""Large matrices that a run reported, exact, kept as they were stored until they are used."""

from __future__ import annotations

from typing import Any

import numpy as np

from comparisons.arithmetic.bounded import Bounded
from comparisons.arithmetic.precision import Precision
from comparisons.arithmetic.upper import Upper, extremes
from problems.problem import Array

LARGE = 2**16  # numbers in a matrix
BLOCK = 2**19  # numbers in float64 at once


class Stored(Bounded):
    """Exact numbers in an array of the run's own dtype; `value` is made of it whenever it is asked for."""

    def __init__(self, numbers: Array, precision: Precision, size: Upper) -> None:
        """size: of `numbers`."""
        self.numbers, self.precision, self.size, self.terms = numbers, precision, size, 1
        self.inherited = self.magnitude = None

    @classmethod
    def of(cls, values: Array, precision: Precision) -> Stored | None:
        """`values` where they are large, and all of them numbers that nothing flushes to 0."""
        if values.ndim < 2 or values.shape[-1] * values.shape[-2] < LARGE or not precision.ordinary:
            return None
        sizes = np.abs(values)
        smallest, largest = extremes(sizes)
        if not (np.isfinite(largest) and smallest >= precision.smallest_normal):
            return None
        return cls(values, precision, Upper.between(sizes, smallest, largest))

    @property
    def value(self) -> Array:  # type: ignore[override]
        """In float64."""
        return self.numbers.astype(np.float64)

    @property
    def error(self) -> Array:  # type: ignore[override]
        """Zeros that take no room."""
        return np.broadcast_to(np.float64(0), self.numbers.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the numbers."""
        return self.numbers.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.numbers.ndim

    @property
    def mT(self) -> Stored:
        """The matrix transpose, which shares the sizes."""
        return Stored(self.numbers.mT, self.precision, self.size.mT)

    def after(self, left: Array) -> Array:
        """`left` @ this in float64, some columns at a time."""
        columns = self.shape[-1]
        product = np.empty((*np.broadcast_shapes(left.shape[:-2], self.shape[:-2]), left.shape[-2], columns))
        length = max(1, BLOCK // self.shape[-2])
        for begin in range(0, columns, length):
            at = slice(begin, begin + length)
            product[..., at] = left @ self.numbers[..., at].astype(np.float64)
        return product

    def __getitem__(self, key: Any) -> Bounded:
        numbers = self.numbers[key].astype(np.float64)
        return Bounded(numbers, np.broadcast_to(np.float64(0), numbers.shape), self.precision)
