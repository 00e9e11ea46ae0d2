"""Large matrices that a run reported, exact, kept as they were stored until they are used."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from comparisons.arithmetic.bounded import Bounded
from comparisons.arithmetic.precision import Precision
from comparisons.arithmetic.upper import Upper
from problems.problem import Array

LARGE = 2**16  # numbers in a matrix


class Stored(Bounded):
    """Exact numbers in an array of the run's own dtype; `value` is made of it whenever it is asked for."""

    def __init__(self, numbers: Array, precision: Precision) -> None:
        self.numbers, self.precision, self.terms = numbers, precision, 1
        self.inherited = self.magnitude = None

    @classmethod
    def worth_it(cls, values: Array, precision: Precision) -> bool:
        """Whether `values` are large, and all of them numbers that nothing flushes to 0."""
        if values.ndim < 2 or values.shape[-1] * values.shape[-2] < LARGE or not precision.ordinary:
            return False
        return _finite_and_normal(values, precision.smallest_normal)

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

    @cached_property
    def size(self) -> Upper:
        """Their sizes."""
        return Upper.of(np.abs(self.numbers))

    @property
    def mT(self) -> Stored:
        """The matrix transpose, which shares the sizes."""
        turned = Stored(self.numbers.mT, self.precision)
        turned.__dict__["size"] = self.size.mT
        return turned

    def __getitem__(self, key: Any) -> Bounded:
        numbers = self.numbers[key].astype(np.float64)
        return Bounded(numbers, np.broadcast_to(np.float64(0), numbers.shape), self.precision)


def _finite_and_normal(values: Array, tiny: float) -> bool:
    size = np.abs(values)
    smallest = size.min(where=size > 0, initial=np.inf)
    return bool(np.isfinite(size.max()) and smallest >= tiny)
