"""Floating-point formats: unit roundoff, smallest normal number, accuracy of elementary functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comparisons.arithmetic.operands import Operands
from problems.problem import Array


@dataclass(frozen=True, kw_only=True)
class Precision:
    """A binary format with `digits` significant bits (the hidden one counted) and rounding to nearest.

    products: the format that matrix products are computed in, their operands rounded to it, where it is another.
    operands: the format that matrix products round their operands to, and nothing else, where there is one.
    settings: the format that an optimizer's settings and learning rates are rounded to, where it is another.
    scalars: of a format for storage, the one that libraries compute in what is no tensor (learning rates, settings and
    what is made of them), and functions of a tensor's elements; each is rounded once to the format when it is stored.
    """

    name: str
    digits: int
    smallest_normal: float
    products: Precision | None = None
    operands: Operands | None = None
    settings: Precision | None = None
    scalars: Precision | None = None

    @property
    def unit(self) -> float:
        """Unit roundoff u = 2^(−digits): fl(a ∘ b) = (a ∘ b)(1 + δ), |δ| ≤ u (Higham 2002, eq. 2.4)."""
        return 2.0**-self.digits

    @property
    def ordinary(self) -> bool:
        """Whether all is computed in this format alone."""
        return self.scalars is None and self.products is None and self.operands is None

    def holds(self, values: Array) -> Array:
        """Where `values` have no more digits than the format."""
        scaled = np.ldexp(np.frexp(values)[0], self.digits)
        return scaled == np.floor(scaled)

    def function_error(self, name: str) -> int:
        """FUNCTION_ERROR of a function; of a format for storage, that of a function computed in float32 and rounded."""
        return FUNCTION_ERROR[name] if self.scalars is None else STORED_FUNCTION_ERROR[name]

    def gamma(self, n: float) -> float:
        """γ_n = n u / (1 − n u), the bound on n roundings in a row (Higham 2002, lemma 3.1); infinite at n u ≥ 1."""
        nu = n * self.unit
        return nu / (1 - nu) if nu < 1 else float("inf")


FLOAT64 = Precision(name="float64", digits=53, smallest_normal=2.0**-1022)
FLOAT32 = Precision(name="float32", digits=24, smallest_normal=2.0**-126)

# Sums on a processor's matrix units: what a term has no room for is cut off as the terms are brought to one exponent,
# and again as the sum is (Fasi, Higham, Mikaitis & Pranesh 2021, Numerical behavior of NVIDIA tensor cores, section 3),
# at most 2^-23 each time: two bits less than rounding to nearest.
MATRIX_UNIT = Precision(name="sums on matrix units", digits=22, smallest_normal=2.0**-126)

BFLOAT16 = Precision(name="bfloat16", digits=8, smallest_normal=2.0**-126, scalars=FLOAT32)
FLOAT16 = Precision(name="float16", digits=11, smallest_normal=2.0**-14, scalars=FLOAT32)

PRECISIONS = {precision.name: precision for precision in (FLOAT64, FLOAT32, BFLOAT16, FLOAT16)}

# Largest relative error allowed to an elementary function, in units of u, the final rounding included: the power of
# two above the largest measured, so that libraries and processors not measured have some room.
# tests/comparisons/arithmetic/test_precision.py measures every installed library against ball arithmetic.
# That of erfc is relative to 1 where erfc is smaller; PyTorch's float32 gelu has an erf of its own, good to 9 u.
FUNCTION_ERROR = {
    "exp": 8,
    "log": 8,
    "tanh": 16,
    "sqrt": 2,
    "power": 4,
    "expm1": 8,
    "log1p": 8,
    "erfc": 16,
    "arctan": 8,
}
# Of bfloat16 and float16: one rounding, and what float32 errs by before it. XLA computes expm1 in float16 itself.
# tests/comparisons/arithmetic/test_stored_formats.py measures them.
STORED_FUNCTION_ERROR = {**dict.fromkeys(FUNCTION_ERROR, 2), "expm1": 4}
