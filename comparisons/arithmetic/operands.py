"""Formats that libraries round the operands of a float32 matrix product to, before they multiply.

The products are exact, or nearly, and are added in float32; what comes out is a float32 number that has lost digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from problems.problem import Array


@dataclass(frozen=True, kw_only=True)
class Operands:
    """A binary format of `digits` significant bits, the hidden one counted, with gradual underflow.

    name: for machines; words: for people; cut: what has no room is cut off, not rounded to nearest;
    vectors: whether products with a row or a column alone are computed so too, which libraries have other code for.
    """

    name: str
    words: str
    digits: int
    smallest_normal: float
    largest: float
    cut: bool = False
    vectors: bool = True

    def rounded(self, values: Array) -> Array:
        """Every number in this format; infinite where it is too large for it."""
        exponent = np.maximum(np.frexp(values)[1], np.frexp(self.smallest_normal)[1])
        whole = np.ldexp(values, self.digits - exponent)
        result = np.ldexp(np.trunc(whole) if self.cut else np.rint(whole), exponent - self.digits)
        return np.where(np.abs(result) > self.largest, np.copysign(np.inf, result), result)

    def reach(self, values: Array, error: Array) -> tuple[Array, Array]:
        """The lowest and the highest that numbers within `error` of `values` become.

        A number halfway between two of the format may go either way.
        """
        exact = (error == 0) & self.cut
        low = np.where(exact, values, np.nextafter(values - error, -np.inf))
        high = np.where(exact, values, np.nextafter(values + error, np.inf))
        return self.rounded(low), self.rounded(high)

    def concerns(self, rows: int, inner: int, columns: int) -> bool:
        """Whether a product (rows, inner) @ (inner, columns) is computed so."""
        return self.vectors or min(rows, inner, columns) > 1


SMALLEST, LARGEST = 2.0**-126, 2.0**128  # the range of float32 and so of TF32 and bfloat16, about
TF32 = Operands(name="tf32", words="TF32", digits=11, smallest_normal=SMALLEST, largest=LARGEST)
FLOAT16 = Operands(name="float16-products", words="float16", digits=11, smallest_normal=2.0**-14, largest=65504.0)
BFLOAT16 = Operands(name="bfloat16-products", words="bfloat16", digits=8, smallest_normal=SMALLEST, largest=LARGEST)

# The most accurate first. NVIDIA's instructions leave open what becomes of the 13 bits that TF32 has no room for
# (PTX ISA, mma): kernels round them to nearest or let them be cut off.
FORMATS = tuple(
    replace(one, vectors=vectors)
    for one in (TF32, replace(TF32, cut=True), FLOAT16, BFLOAT16, replace(BFLOAT16, cut=True))
    for vectors in (True, False)
)
WORDS = {one.name: f"float32 with matrix products in {one.words}" for one in FORMATS}
