"""Error-carrying arrays: each number with a bound on how far a faithful evaluation may lie from it.

A `Bounded` holds, per element, `value` (computed here, in float64) and `error`, such that
|candidate − value| ≤ error for the exact result and for every floating-point evaluation of the same formula
in the given precision that
  - rounds each operation to nearest, with or without fused multiply-add,
  - adds the terms of a sum or dot product, a bias included, in any order,
  - evaluates exp, log, tanh and the other functions to within FUNCTION_ERROR units,
  - in a format for storage, rounds every result to it or keeps it wider: sums may be accumulated in either,
  - flushes subnormal results to zero or keeps them.
Rules are those of Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002), chapters 2 and 3,
with second-order terms kept. The rounding of this module's own float64 arithmetic is included: one float64
rounding beside each rounding of the candidate, and an inflation of every computed bound.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from comparisons.arithmetic.bounded import RULES
from comparisons.arithmetic.bounded import Bounded as Bounded
from comparisons.arithmetic.bounded import stored as stored
from comparisons.arithmetic.choices import absolute, compared, extremum, sign, where
from comparisons.arithmetic.functions import arctan, erfc, exp, expm1, log, log1p, tanh
from comparisons.arithmetic.matrix_products import matmul
from comparisons.arithmetic.products import divide, multiply, power, sqrt, square
from comparisons.arithmetic.rounding import INFLATION as INFLATION
from comparisons.arithmetic.sums import add, negative, subtract, total

COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
OF_UFUNCS: dict[str, Callable[..., Any]] = {
    "add": add,
    "subtract": subtract,
    "negative": negative,
    "multiply": multiply,
    "divide": divide,
    "matmul": matmul,
    "power": power,
    "square": square,
    "sqrt": sqrt,
    "exp": exp,
    "log": log,
    "expm1": expm1,
    "log1p": log1p,
    "erfc": erfc,
    "arctan": arctan,
    "tanh": tanh,
    "sign": sign,
    "absolute": absolute,
    "maximum": partial(extremum, np.maximum),
    "minimum": partial(extremum, np.minimum),
    **{ufunc.__name__: partial(compared, ufunc) for ufunc in COMPARISONS},
}
RULES.update(OF_UFUNCS, total=total, where=where)
