"""At exactly z = 0 every implementation has the problem's slope, that of the left side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.compare import silent, train_here
from comparisons.implementations import IMPLEMENTATIONS, NAMES
from comparisons.known_deviations import known_deviation
from comparisons.verdict import Verdict
from comparisons.workers import train_all
from problems.problem import Network, Optimizer, Problem

KINKED = ("relu", "leaky_relu", "elu")


def at_the_kink(activation: str, dtype: str) -> Problem:
    """Rows of zeros between others, and biases of 0 that stay so: z is exactly 0 in every hidden node."""
    network = Network(inputs=2, units=(2, 1), activations=(activation, "linear"))
    initial = {"W1": [[0.5, -0.25], [1.0, 0.75]], "b1": [[0.0, 0.0]], "W2": [[0.5], [-1.5]], "b2": [[0.25]]}
    return Problem(
        name=activation,
        x=np.array([[0.0, 0.0]]),
        y=np.array([[2.0]]),
        network=network,
        loss="half_squared_error",
        initial={name: np.array(values) for name, values in initial.items()},
        optimizer=Optimizer(learning_rate=0.125),
        epochs=1,
        dtype=dtype,
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name != "manual-scalar"])
def test_slope_at_the_kink_is_the_problems(name: str, require_or_skip: Callable[[str], None]) -> None:
    require_or_skip(name)
    problems = [at_the_kink(activation, dtype) for activation in KINKED for dtype in ("float64", "float32")]
    if IMPLEMENTATIONS[name].by_hand:
        outcomes = [train_here(name, problem) for problem in problems]
    else:
        outcomes = train_all([name], problems, timeout=600, progress=silent)[name]
    for problem, outcome in zip(problems, outcomes, strict=True):
        if outcome.skipped:
            continue
        assert outcome.trace is not None, outcome.crashed
        found = audit(outcome.trace)
        explained = known_deviation(outcome.trace, found)
        assert found.verdict is Verdict.AGREES or explained, (problem.name, problem.dtype, found.deviations)
