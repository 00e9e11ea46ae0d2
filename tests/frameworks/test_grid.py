"""Every activation, loss and form of update in every implementation and dtype, each step of it audited."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.implementations import NAMES
from comparisons.known_deviations import known_deviation
from comparisons.verdict import Verdict
from comparisons.workers import train_all
from problems.dtypes import COMPUTED
from problems.network import ACTIVATIONS
from problems.optimizer import FORMS, OPTIMIZERS
from problems.problem import LOSSES, Network, Optimizer, Problem

FRAMEWORKS = tuple(name for name in NAMES if not name.startswith("manual"))
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
        for loss in LOSSES:
            yield f"{loss}, {dtype}", problem(loss, dtype=dtype)
        for name, optimizer in updates():
            yield f"{name}, {dtype}", problem(optimizer=optimizer, dtype=dtype, l2=0.0)


CASES = dict(cases())
# Of the cases, how many each implementation leaves out as what its library does not have.
LEFT_OUT = {"torch": 12, "keras-tensorflow": 14, "keras-torch": 14, "keras-jax": 14, "jax": 10, "sklearn": 48}


@cache
def trained(name: str) -> dict[str, Any]:
    """Every case's outcome, in one process of the implementation's own."""
    outcomes = train_all([name], list(CASES.values()), timeout=900, progress=lambda name, doing: None)
    return dict(zip(CASES, outcomes[name], strict=True))


each_name = pytest.mark.parametrize("name", FRAMEWORKS)


@each_name
def test_every_step_is_right_or_a_known_deviation(name, require_or_skip):
    require_or_skip(name)
    wrong = []
    for case, outcome in trained(name).items():
        assert outcome.crashed is None, f"{case}: {outcome.crashed}"
        if outcome.trace is not None:
            found = audit(outcome.trace)
            if found.verdict is not Verdict.AGREES and not known_deviation(outcome.trace, found):
                wrong.append(case)
    assert wrong == []


@each_name
def test_float32_is_right(name, require_or_skip):
    """In float32 no library computes in less: what is left is what scikit-learn tells of several outputs."""
    require_or_skip(name)
    for case, outcome in trained(name).items():
        if outcome.trace is not None and case.endswith("float32") and name != "sklearn":
            assert audit(outcome.trace).verdict is Verdict.AGREES, case


@each_name
def test_what_is_left_out_is_said_in_one_line(name, require_or_skip):
    require_or_skip(name)
    reasons = [outcome.skipped for outcome in trained(name).values() if outcome.trace is None]
    assert len(reasons) == LEFT_OUT[name]
    assert all(reason.startswith(f"{name.split('-')[0]}: ") and "\n" not in reason for reason in reasons)
