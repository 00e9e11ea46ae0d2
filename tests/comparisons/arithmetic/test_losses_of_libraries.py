"""The bounds of the losses and of ∂L/∂z, over all routes, enclose what PyTorch, JAX and Optax compute.

Measured, worst over 500 batches of three rows and five outputs at z of sizes 1, 10 and 40: a loss at 0.4 of its bound,
a derivative at 0.8.
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
from comparisons.arithmetic.precision import PRECISIONS
from comparisons.arithmetic.unions import union
from manual.routes import routes
from problems.dtypes import COMPUTED

EVALUATE = Path(__file__).with_name("evaluate_losses.py")
SPREADS = (1, 10, 40)
# what evaluate_losses.py calls it: the loss, the last activation, the targets
LOSSES = {
    "cross entropy": ("categorical_cross_entropy_with_logits", "linear", "one-hot"),
    "cross entropy of doubts": ("categorical_cross_entropy_with_logits", "linear", "distribution"),
    "log of softmax": ("categorical_cross_entropy", "softmax", "one-hot"),
    "huber": ("huber", "linear", "number"),
    "absolute": ("mean_absolute_error", "linear", "number"),
    "hinge": ("hinge", "linear", "sign"),
}
LIBRARIES = {"torch": [name for name in LOSSES if name != "hinge"], "jax": ["log of softmax"], "optax": list(LOSSES)}
CASES = [(library, name) for library, names in LIBRARIES.items() for name in names]


def drawn(dtype: str) -> dict[str, Any]:
    """z by spread, and the targets of every kind."""
    rng, shape = np.random.default_rng(5), (500, 3, 5)
    tables = {f"z{spread}": spread * rng.normal(size=shape) for spread in SPREADS}
    tables |= {
        "one-hot": np.eye(5)[rng.integers(0, 5, shape[:-1])],
        "distribution": rng.dirichlet(np.ones(5), shape[:-1]),
    }
    tables |= {"number": rng.normal(size=shape), "sign": rng.choice([-1, 1], shape)}
    return {name: values.astype(dtype) for name, values in tables.items()}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A function of a library's name: its results; libraries start once each."""
    folder = tmp_path_factory.mktemp("losses")
    tables = {f"{name}.{dtype}": values for dtype in COMPUTED for name, values in drawn(dtype).items()}
    np.savez(folder / "arguments.npz", **tables)
    found: dict[str, Any] = {}

    def results(library: str) -> Any:
        if library not in found:
            target = folder / f"{library}.npz"
            pairs = [f"{name}={LOSSES[name][2]}" for name in LIBRARIES[library]]
            command = [sys.executable, str(EVALUATE), library, str(folder / "arguments.npz"), str(target), *pairs]
            quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
            subprocess.run(command, check=True, env=quiet, capture_output=True, timeout=120)
            found[library] = np.load(target)
        return found[library]

    return results


def outside(result: Bounded, found: Any) -> int:
    """How many of the library's numbers lie outside; a probability that underflows makes 0 log 0 no number there."""
    wrong = np.abs(found.astype(np.float64) - result.value) > result.error
    return int((wrong & np.isfinite(found)).sum())


@pytest.mark.parametrize("dtype", COMPUTED)
@pytest.mark.parametrize(("library", "name"), CASES)
def test_routes_enclose_the_library(library, name, dtype, evaluated):
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    loss, last, targets = LOSSES[name]
    tables, precision, found = drawn(dtype), PRECISIONS[dtype], evaluated(library)
    y = Bounded.exact(tables[targets], precision)
    for spread in SPREADS:
        z, key = Bounded.exact(tables[f"z{spread}"], precision), f"{name}.{spread}.{dtype}"
        ways = routes(loss, last)
        assert outside(union([way.loss(y, z) for way in ways]), found[f"loss.{key}"]) == 0
        assert outside(union([way.delta(y, z) for way in ways]), found[f"delta.{key}"]) == 0
