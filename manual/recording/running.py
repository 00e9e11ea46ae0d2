"""Straight-line code run: on Python's floats, on NumPy's scalars, or compiled. All round alike in every operation.

Only e^z and log z may differ in the last place, since NumPy has code of its own for them.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from manual.recording.program import Program
from manual.recording.spelled import spelled_training
from problems.problem import Array

# rows (steps, inputs + targets), parameters (n,), rate -> loss, gradients and parameters of each step (steps, 1 + 2n)
Steps = Callable[[Array, Array, Any], Array]


def function(text: str, **names: Any) -> Any:
    """The function `steps` that `text` defines where these names are known."""
    exec(compile(text, "<straight-line code>", "exec"), names)
    return names["steps"]


@cache
def on_floats(text: str) -> Steps:
    """In Python's floats, the fastest numbers that it has; in NumPy's where those refuse, as in 1 / 0 and e^1000."""
    steps, unrefused = function(text, number=float, exp=math.exp, log=math.log), on_scalars(text, "float64")

    def run(rows: Array, parameters: Array, rate: Any) -> Array:
        found = [()] * len(rows)
        try:
            steps(rows.tolist(), parameters.tolist(), float(rate), found)
        except (ArithmeticError, ValueError):
            return unrefused(rows, parameters, rate)
        return np.array(found)

    return run


@cache
def on_scalars(text: str, dtype: str) -> Steps:
    """In NumPy's scalars, which keep the dtype."""
    steps = function(text, number=np.dtype(dtype).type, exp=np.exp, log=np.log)

    def run(rows: Array, parameters: Array, rate: Any) -> Array:
        found = np.empty((len(rows), 1 + 2 * len(parameters)), dtype)
        with np.errstate(all="ignore"):  # e^(−z) may be infinite; a training that diverges shows it in its numbers
            steps([list(row) for row in rows], list(parameters), rate, found)
        return found

    return run


@cache
def compiled(text: str, dtype: str) -> Steps:
    """Compiled by Numba, without any of the shortcuts that change a rounding; it takes about a second."""
    import numba

    kind = np.dtype(dtype).type
    steps = numba.njit(error_model="numpy")(function(text, number=kind, exp=math.exp, log=math.log))

    def run(rows: Array, parameters: Array, rate: Any) -> Array:
        found = np.empty((len(rows), 1 + 2 * len(parameters)), dtype)
        steps(rows, tuple(parameters), kind(rate), found)
        return found

    return run


def compiling(*, long: bool) -> bool:
    """Whether a training is compiled: a long one is worth it, where Numba is installed."""
    return long and importlib.util.find_spec("numba") is not None


def running(program: Program, dtype: str, *, long: bool) -> Steps:
    """The fastest way to run `program` here."""
    text = spelled_training(program)
    if compiling(long=long):
        return compiled(text, dtype)
    return on_floats(text) if dtype == "float64" else on_scalars(text, dtype)
