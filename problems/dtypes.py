"""The dtypes that numbers are stored in, and the NumPy arrays that hold them.

float64 and float32 are computed in. bfloat16 and float16 are storage: what is computed is rounded to them, and sums may
be accumulated in them or in anything wider. NumPy has no bfloat16; its numbers stand in float32 arrays, which hold
every one of them exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

COMPUTED = ("float64", "float32")
STORED = ("bfloat16", "float16")
DTYPES = (*COMPUTED, *STORED)

BFLOAT16_DIGITS = 8  # significant bits, the hidden one counted
BFLOAT16_LEAST = -133  # 2^-133 is the smallest subnormal number
BFLOAT16_LARGEST = float((2 - 2.0 ** (1 - BFLOAT16_DIGITS)) * 2.0**127)


def holder(dtype: str) -> np.dtype[np.floating]:
    """The dtype of the NumPy arrays that hold numbers of `dtype`."""
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


def largest(dtype: str) -> float:
    """The largest finite number."""
    return BFLOAT16_LARGEST if dtype == "bfloat16" else float(np.finfo(dtype).max)


def epsilon(dtype: str) -> float:
    """The distance from 1 to the next number: twice the unit roundoff."""
    return 2.0 ** (1 - BFLOAT16_DIGITS) if dtype == "bfloat16" else float(np.finfo(dtype).eps)


def smallest_normal(dtype: str) -> float:
    """The smallest number with all its digits."""
    return float(np.finfo(holder(dtype)).tiny)


def rounded(values: object, dtype: str) -> Array:
    """`values` rounded to the nearest number of `dtype`, ties to even, in a new array that holds it."""
    if dtype != "bfloat16":
        return np.array(values, dtype=dtype)
    given = np.asarray(values, dtype=np.float64)  # rounded once: by way of float32 it would be twice
    _, exponent = np.frexp(given)
    last = np.maximum(exponent - BFLOAT16_DIGITS, BFLOAT16_LEAST)  # of the last digit kept
    kept = np.ldexp(np.rint(np.ldexp(given, -last)), last)
    return np.asarray(np.where(np.abs(kept) > BFLOAT16_LARGEST, np.copysign(np.inf, given), kept), dtype=np.float32)


def holds(values: Array, dtype: str) -> Array:
    """Where `values` are numbers of `dtype`; NaN and infinity are."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        nearest = rounded(values, dtype)
    return np.asarray((nearest == values) | ~np.isfinite(values))
