"""What differs between the number systems that the formulas run over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Number = Any  # an array of any of the number systems


def ways(first: Number, *others: Callable[[], Number]) -> Number:
    """One quantity that libraries evaluate in several ways: the first of them.

    Error-carrying arrays cover the others too, which no other number system computes.
    """
    covering = getattr(first, "covering", None)
    return covering(*(other() for other in others)) if covering else first


def own(number: float, z: Number) -> Number:
    """`number` in the number system of z and in its dtype, so that what is made of it, such as √2, is as exact as z."""
    return number * z**0


def indicator(holds: Number, z: Number) -> Number:
    """1 where `holds`, else 0, in the number system of z and in its dtype.

    Of plain arrays without asking each element which of two it is to be, which takes as long as a matrix product.
    """
    if type(z) is np.ndarray and z.dtype.kind == "f":
        return holds.astype(z.dtype)
    of_its_own = getattr(holds, "indicator", None)
    if of_its_own:
        return of_its_own()
    return np.where(holds, 1, 0 * z)  # 0 · z is a 0 of z's own kind: whole numbers would turn float32 into float64


def shift(z: Number) -> Number:
    """A number for each row that keeps e^(z − shift) from overflowing, its maximum; it must cancel in the formula.

    Since it cancels, number systems that know better than the maximum have a `shift` of their own.
    """
    of_its_own = getattr(z, "shift", None)
    return of_its_own() if of_its_own else z.max(-1, keepdims=True)  # (..., rows, 1)
