"""Every activation, loss and form of update in every implementation and dtype, each step of it audited.

Every day each of them in one dtype, drawn once and for all; in the other dtype with the long tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.compare import train_here
from comparisons.implementations import NAMES
from comparisons.known_deviations import known_deviation
from comparisons.verdict import Verdict
from comparisons.workers import train_all
from problems.dtypes import COMPUTED
from problems.network import ACTIVATIONS
from problems.optimizer import FORMS, OPTIMIZERS
from problems.problem import LOSSES, Network, Optimizer, Problem
from tests.every_day import divided, part

FRAMEWORKS = tuple(name for name in NAMES if not name.startswith("manual"))
KINKED = ("relu", "leaky_relu", "elu")
OUTPUTS = {
    "binary_cross_entropy": "sigmoid",
    "categorical_cross_entropy": "softmax",
    "sparse_categorical_cross_entropy": "softmax",
}


def targets(loss: str, rng: np.random.Generator) -> Any:
    """Six rows for three outputs, for one where the loss is binary."""
    if loss.startswith("binary"):
        return rng.integers(0, 2, (6, 1))
    if loss.startswith("sparse"):
        return rng.integers(0, 3, (6, 1))
    if loss.startswith("categorical"):
        return np.eye(3)[rng.integers(0, 3, 6)]
    return rng.choice([-1.0, 1.0], (6, 3)) if loss == "hinge" else rng.uniform(-2, 2, (6, 3))


def problem(loss: str = "half_squared_error", activation: str = "relu", **changes: Any) -> Problem:
    """3-4-3-3, or one output, from a random start; 8 steps of 3 rows."""
    rng = np.random.default_rng(2)
    outputs = 1 if loss.startswith("binary") else 3
    activations = (activation, activation, OUTPUTS.get(loss, "linear"))
    network = Network(inputs=3, units=(4, 3, outputs), activations=activations)
    fields: dict[str, Any] = {"optimizer": Optimizer(learning_rate=0.1), "l2": 0.03} | changes
    return Problem(
        name="grid",
        x=rng.uniform(-2, 2, (6, 3)),
        y=targets(loss, rng),
        network=network,
        loss=loss,
        initial={name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()},
        epochs=4,
        batch_size=3,
        **fields,
    )


def at_the_kink(activation: str, dtype: str) -> Problem:
    """A row of zeros and biases of 0: z is exactly 0 in every hidden node, where the slope is that of the left side."""
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


def updates() -> Iterator[tuple[str, Optimizer]]:
    """Every form of every optimizer."""
    for name in OPTIMIZERS:
        for key, forms in FORMS.get(name, {"": ("",)}).items():
            for form in forms:
                settings = {key: form} if key else {}
                yield f"{name} {form}".strip(), Optimizer(name=name, learning_rate=0.1, settings=settings)


def cases() -> Iterator[tuple[str, Problem]]:
    """What is trained, by name."""
    for dtype in COMPUTED:
        for activation in ACTIVATIONS[:-1]:
            yield f"{activation}, {dtype}", problem(activation=activation, dtype=dtype, l2=0.0)
        for activation in KINKED:
            yield f"{activation} at its kink, {dtype}", at_the_kink(activation, dtype)
        for loss in LOSSES:
            yield f"{loss}, {dtype}", problem(loss, dtype=dtype)
        for name, optimizer in updates():
            yield f"{name}, {dtype}", problem(optimizer=optimizer, dtype=dtype, l2=0.0)


CASES = divided({name: (name.split(", ")[0], problem) for name, problem in cases()}, lambda case: case[0])
# Of the cases of a part, how many each implementation leaves out as what its library does not have.
LEFT_OUT = {"torch": 6, "keras-tensorflow": 7, "keras-torch": 7, "keras-jax": 7, "jax": 5, "sklearn": 26}


@cache
def trained(name: str, every_day: bool) -> dict[str, Any]:
    """The outcome of every case of a part, in one process of the implementation's own."""
    problems = {case: problem for case, (_, problem) in CASES[every_day].items()}
    outcomes = train_all([name], list(problems.values()), timeout=900, progress=lambda name, doing: None)
    return dict(zip(problems, outcomes[name], strict=True))


each_name = pytest.mark.parametrize("name", FRAMEWORKS)


def test_every_case_is_trained_every_day_in_one_dtype():
    parts = [{case.rpartition(", ")[0] for case in one} for one in CASES]
    assert parts[0] == parts[1]
    assert {case.rpartition(", ")[2] for case in CASES[True]} == set(COMPUTED)


@part
@each_name
def test_every_step_is_right_or_a_known_deviation(name, every_day, require_or_skip):
    require_or_skip(name)
    wrong = []
    for case, outcome in trained(name, every_day).items():
        assert outcome.crashed is None, f"{case}: {outcome.crashed}"
        if outcome.trace is not None:
            found = audit(outcome.trace)
            if found.verdict is not Verdict.AGREES and not known_deviation(outcome.trace, found):
                wrong.append(case)
    assert wrong == []


@part
@each_name
def test_float32_is_right(name, every_day, require_or_skip):
    """In float32 no library computes in less: what is left is what scikit-learn tells of several outputs."""
    require_or_skip(name)
    for case, outcome in trained(name, every_day).items():
        if outcome.trace is not None and case.endswith("float32") and name != "sklearn":
            assert audit(outcome.trace).verdict is Verdict.AGREES, case


@pytest.mark.parametrize("activation", KINKED)
@pytest.mark.parametrize("dtype", COMPUTED)
def test_slope_by_hand_at_the_kink_is_the_problems(activation, dtype):
    outcome = train_here("manual-matrix", at_the_kink(activation, dtype))
    assert audit(outcome.trace).verdict is Verdict.AGREES


@each_name
def test_trace_of_a_process_says_the_device(name, require_or_skip):
    require_or_skip(name)
    traces = [outcome.trace for outcome in trained(name, True).values() if outcome.trace is not None]
    assert {trace.environment["device"] for trace in traces} == {"cpu"}


@part
@each_name
def test_what_is_left_out_is_said_in_one_line(name, every_day, require_or_skip):
    require_or_skip(name)
    reasons = [outcome.skipped for outcome in trained(name, every_day).values() if outcome.trace is None]
    assert len(reasons) == LEFT_OUT[name]
    assert not [reason for reason in reasons if reason.startswith((f"{name}: ", f"{name.split('-')[0]}: "))]
    assert not [reason for reason in reasons if "\n" in reason]
