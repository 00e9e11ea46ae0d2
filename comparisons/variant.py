"""One wrong factor of a formula, and what wrong factors are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from comparisons.chains import Number

MANY_NEIGHBOURS = 8
Index = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """One wrong factor: the site where it stands, the mistake's name, what it is in words, and the factor.

    text completes "matches the formula ..."; `where` limits the variant to the elements that it changes.
    """

    site: str
    mistake: str
    text: str
    factor: Callable[..., Number]
    where: Callable[[Index], bool] = lambda index: True


def shifts(size: int) -> range:
    """How far the neighbours are, round the end."""
    return range(1, min(size, MANY_NEIGHBOURS + 1))


def rolled(number: Number, by: int, axis: int) -> Number:
    """Each element replaced by its neighbour `by` places on, round the end."""
    return number.take(np.roll(np.arange(number.shape[axis]), -by), axis)


def absent(number: Number) -> Number:
    """Ones of the same shape: what is left of a product when this factor is left out."""
    return number * 0 + 1
