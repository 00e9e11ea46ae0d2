"""The bounds of every activation and its slope enclose what the installed libraries compute.

Compared at 10,000 z of every size; where a library computes another formula, a test says which and by how much.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, FLOAT64, PRECISIONS, Precision
from manual.activations import ACTIVATIONS
from problems.dtypes import COMPUTED

EVALUATE = Path(__file__).with_name("evaluate_activations.py")
LIBRARIES = ("torch", "tensorflow", "jax")
NAMES = ("sigmoid", "tanh", "leaky_relu", "elu", "softplus", "gelu", "gelu_tanh", "silu")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}


def drawn(dtype: str) -> Any:
    """z of every size, more where activations bend and where they saturate, and the points where formulas change."""
    rng = np.random.default_rng(7)
    small = 10.0 ** rng.uniform(-37, 0, 1000)
    parts = [rng.uniform(-4, 4, 4000), rng.uniform(-40, 40, 4000), rng.uniform(-1000, 1000, 200), small, -small]
    return np.concatenate([*parts, [0.0, 1.0, -1.0, 20.0, -20.0]]).astype(dtype)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A function of a library's name: its results; libraries start once each."""
    folder = tmp_path_factory.mktemp("activations")
    np.savez(folder / "arguments.npz", **{dtype: drawn(dtype) for dtype in COMPUTED})
    found: dict[str, Any] = {}

    def results(library: str) -> Any:
        if library not in found:
            target = folder / f"{library}.npz"
            command = [sys.executable, str(EVALUATE), library, str(folder / "arguments.npz"), str(target)]
            subprocess.run(command, check=True, env={**os.environ, **QUIET}, capture_output=True, timeout=120)
            found[library] = np.load(target)
        return found[library]

    return results


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


def outside(result: Bounded, found: Any) -> Any:
    return ~(np.abs(found.astype(np.float64) - result.value) <= result.error)


def escaped(name: str, dtype: str, found: Any, precision: Precision) -> tuple[list[float], list[float]]:
    """The z at which the library's value, and those at which its slope is outside the bound."""
    z = drawn(dtype)
    held = Bounded.exact(z, precision)
    value, slope = ACTIVATIONS[name]
    a = value(held)
    b = slope(held, a)
    return z[outside(a, found[f"{name}.{dtype}"])].tolist(), z[outside(b, found[f"{name}.slope.{dtype}"])].tolist()


# TensorFlow 2.21 makes these activations' constants float32 and only then float64 (nn_ops.py: leaky_relu's attribute
# alpha, gelu's math_ops.cast of a Python number).
IN_FLOAT32 = [("tensorflow", name) for name in ("leaky_relu", "gelu", "gelu_tanh")]


@pytest.mark.parametrize("dtype", COMPUTED)
@pytest.mark.parametrize("name", NAMES)
def test_bounds_enclose_the_library(name, dtype, library, evaluated):
    found = evaluated(library)
    if (library, name) in IN_FLOAT32 and dtype == "float64":
        values, _ = escaped(name, dtype, found, FLOAT64)
        assert len(values) > 1000
        assert escaped(name, dtype, found, FLOAT32) == ([], [])
        return
    at_its_kink = [0.0] if (library, name) == ("jax", "leaky_relu") else []  # JAX takes the slope of the right side
    assert escaped(name, dtype, found, PRECISIONS[dtype]) == ([], at_its_kink)
