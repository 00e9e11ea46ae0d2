"""FUNCTION_ERROR against ball arithmetic, for every installed library.

Largest relative error found, in units of u, over all float32 arguments in steps of 7 and four million random
float64 arguments per range (NumPy 2.4, PyTorch 2.13, TensorFlow 2.21, JAX 0.10; x86-64 with AVX-512):

                     float32                              float64
              NumPy  PyTorch  TensorFlow  JAX      NumPy  PyTorch  TensorFlow  JAX     FUNCTION_ERROR
    exp        3.5     1.1       2.0      4.1       1.1     1.0       2.2      2.2           8
    log        4.6     1.6       4.3      2.1       1.1     1.2       2.2      1.0           8
    tanh       1.8     1.0       6.1      4.9       1.6     1.2       9.1      7.8          16
    sqrt       1.0     1.5       1.0      1.0       1.0     1.1       1.0      1.0           2
    power      1.8     1.0       2.0      1.0       1.2     1.0       2.1      1.0           4
    expm1      2.6     1.5       4.3      5.9       1.0     1.5       3.4      4.1           8
    log1p      3.0     1.0       4.3      3.3       1.1     1.1       3.5      2.8           8
    erfc       1.0     1.5       1.6      1.8       2.3     1.5       1.9      2.3           8
    arctan     2.0     1.0       4.9      4.9       1.0     1.0       2.1      1.0           8
    1 − erf    1.5     1.5       5.0      4.8       2.5     1.5       2.1      1.5          16
    sigmoid    4.0     2.5       8.4      2.5       2.3     2.3       3.1      2.8      (from exp: 10)

NumPy's float32 exp and log are its own for AVX2 and AVX-512, with errors up to 2.6 and 3.9 units in the last
place by its own account, which is up to 5.2 u and 7.8 u. TensorFlow and JAX flush subnormal results to zero.
TensorFlow's float32 sigmoid is Eigen's, which squares e^(z/2) to avoid subnormal numbers and doubles its error by it
(4.5 units in the last place by its own account, which is up to 9 u): this decides the constant of exp.
erfc's errors are relative to 1 where erfc is smaller. PyTorch's float32 gelu does not call erf but has a vectorized one
of its own, which test_activations_of_libraries.py found to err by 9 u: this decides the constant of erfc.
The tests below take fewer arguments than the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from scipy.special import erfc

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.exact import working_bits
from comparisons.arithmetic.precision import FLOAT32, FLOAT64, FUNCTION_ERROR, Precision
from manual.activations import sigmoid

COMPUTED = {precision.name: precision for precision in (FLOAT64, FLOAT32)}  # test_stored_formats.py has the others
EVALUATE = Path(__file__).with_name("evaluate_functions.py")
COUNT = 4000  # arguments per range
LIBRARIES = ("numpy", "torch", "tensorflow", "jax")
EXACT: dict[str, Callable[[Any], Any]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "tanh": lambda x: x.tanh(),
    "sqrt": lambda x: x.sqrt(),
    "expm1": lambda x: x.expm1(),
    "log1p": lambda x: x.log1p(),
    "erfc": lambda x: x.erfc(),
    "arctan": lambda x: x.atan(),
    "power": lambda x: x ** flint.arb(0.75),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}


def arguments(function: str, precision: Precision, rng: np.random.Generator) -> Any:
    """The whole useful range: all sizes of argument down to subnormal ones, and where results are most at risk."""
    bits = -np.log2(precision.smallest_normal)
    small = 2.0 ** rng.uniform(-bits, 0, COUNT)
    ranges = {
        "exp": [
            small,
            -small,
            rng.uniform(-0.7 * bits, 0.69 * bits, 4 * COUNT),
            rng.uniform(-3, 3, COUNT),
            [0.0, -0.0],
        ],
        "log": [small, 1 / small, 1 - small, 1 + small, rng.uniform(0, 2, 4 * COUNT), [1.0]],
        "tanh": [small, -small, rng.uniform(-20, 20, 4 * COUNT), rng.uniform(-1, 1, COUNT), [0.0, -1e3, 1e3]],
        "sqrt": [small, 1 / small, rng.uniform(0, 10, COUNT), [0.0, 1.0]],
        "expm1": [small, -small, rng.uniform(-40, 20, 4 * COUNT), rng.uniform(-3, 3, COUNT), [0.0]],
        "log1p": [small, rng.uniform(0, 10, 4 * COUNT), rng.uniform(0, 1, COUNT), [0.0]],
        "erfc": [small, -small, rng.uniform(-6, 6, 4 * COUNT), [0.0]],
        "arctan": [small, -small, rng.uniform(-10, 10, 4 * COUNT), [0.0, 1.0]],
        "power": [small, 1 / small, rng.uniform(0, 10, 4 * COUNT), [1.0]],
        "sigmoid": [small, -small, rng.uniform(-bits, bits, 2 * COUNT), rng.uniform(-40, 40, 4 * COUNT), [0.0]],
    }
    values = np.concatenate(ranges[function]).astype(precision.name)
    return values[values > 0] if function in ("log", "power") else values


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Any]]:
    """A function of a library's name: arguments and results by `function.dtype`; libraries start once each."""
    folder = tmp_path_factory.mktemp("functions")
    rng = np.random.default_rng(1)
    taken = {f"{name}.{dtype}": arguments(name, p, rng) for name in EXACT for dtype, p in COMPUTED.items()}
    np.savez(folder / "arguments.npz", **taken)
    found: dict[str, Any] = {}

    def results(library: str) -> tuple[Any, Any]:
        if library not in found:
            target = folder / f"{library}.npz"
            command = [sys.executable, str(EVALUATE), library, str(folder / "arguments.npz"), str(target)]
            subprocess.run(command, check=True, env={**os.environ, **QUIET}, capture_output=True, timeout=120)
            found[library] = np.load(target)
        return taken, found[library]

    return results


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


def distances(function: str, x: Any, y: Any) -> tuple[Any, Any]:
    """|exact| and |y − exact| for every argument."""
    exact, away = np.empty(len(x)), np.empty(len(x))
    with working_bits(128):
        for i, (argument, result) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            ball = EXACT[function](flint.arb(argument))
            exact[i], away[i] = float(abs(ball)), float(abs(flint.arb(result) - ball))
    return exact, away


def units(function: str, x: Any, y: Any, precision: Precision) -> float:
    """The largest relative error in units of u, of results that are not subnormal."""
    exact, away = distances(function, x, y)
    normal = (exact >= precision.smallest_normal) & np.isfinite(y)
    if function == "erfc":
        exact = np.maximum(exact, 1)
    return float(np.max(away[normal] / exact[normal])) / precision.unit


@pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda precision: precision.name)
@pytest.mark.parametrize("function", FUNCTION_ERROR)
def test_function_error_covers_the_library(function, precision, library, measured):
    x, y = (found[f"{function}.{precision.name}"] for found in measured(library))
    assert units(function, x, y, precision) <= FUNCTION_ERROR[function]


@pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda precision: precision.name)
@pytest.mark.parametrize("function", FUNCTION_ERROR)
def test_function_error_is_no_more_than_eight_times_what_a_library_needs(function, precision, measured):
    worst = {}
    for name in filter(find_spec, LIBRARIES):
        x, y = (found[f"{function}.{precision.name}"] for found in measured(name))
        worst[name] = units(function, x, y, precision)
    assert max(worst.values()) * 8 >= FUNCTION_ERROR[function], worst


@pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda precision: precision.name)
@pytest.mark.parametrize("function", [*FUNCTION_ERROR, "sigmoid"])
def test_bound_encloses_the_library(function, precision, library, measured):
    x, y = (found[f"{function}.{precision.name}"] for found in measured(library))
    formulas = {"sigmoid": sigmoid, "power": lambda a: a**0.75, "erfc": erfc}
    result = formulas.get(function, getattr(np, function, None))(Bounded.exact(x, precision))
    told = np.isfinite(result.error)
    assert told[np.isfinite(y)].all()
    assert (np.abs(y.astype(np.float64) - result.value) <= result.error)[told].all()


def test_the_exponential_of_zero_is_exactly_one(library, measured):
    for dtype in COMPUTED:
        x, y = (found[f"exp.{dtype}"] for found in measured(library))
        assert (y[x == 0] == 1).all()


def test_unit_roundoff_is_half_the_distance_from_one_to_the_next_number():
    assert all(p.unit == np.finfo(name).eps / 2 for name, p in COMPUTED.items())
    assert all(p.smallest_normal == np.finfo(name).tiny for name, p in COMPUTED.items())


def test_gamma_is_infinite_where_the_model_ends():
    assert FLOAT32.gamma(2**24) == float("inf")
    assert FLOAT32.gamma(2**20) < 0.07
