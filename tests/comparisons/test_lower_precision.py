"""`precision` is named where the numbers are float32's, and not where something small was added."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from comparisons.api import check
from comparisons.lower_precision import are_float32
from comparisons.verdict import Verdict
from manual.network import loss_routes, train_step
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network

PROBLEM = named_problem("classification").changed(epochs=2)
NAMES = tuple(PROBLEM.network.parameter_shapes)


def right(parameters: Any, x: Any, y: Any, rate: Any, dtype: str = "float64") -> Any:
    route, *_ = loss_routes(PROBLEM.network, PROBLEM.loss)
    state = {name: values.astype(dtype) for name, values in parameters.items()}
    return train_step(PROBLEM.network, route, state, x.astype(dtype), y.astype(dtype), np.dtype(dtype).type(rate))


def named(step: Any) -> dict[str, set[tuple[str, ...]]]:
    """Parameter to the mistakes that are named in it."""
    found = check(step, PROBLEM, states=12)
    assert found.verdict is Verdict.DISAGREES
    return {name: {d.mistakes for d in found.diagnoses if d.parameter == name} for name in ("loss", *NAMES)} | {
        "text": {(d.explanation,) for d in found.diagnoses}
    }


def all_float32(parameters, x, y, rate):
    step = right(parameters, x, y, rate, "float32")
    return step.loss, step.parameters, step.gradients


def gradients_in_float32_updated_in_float64(parameters, x, y, rate):
    step = right(parameters, x, y, rate, "float32")
    return float(step.loss), {n: parameters[n] - rate * step.gradients[n].astype(np.float64) for n in NAMES}


def float32_step_from_a_float64_base(parameters, x, y, rate):
    step = right(parameters, x, y, rate, "float32")
    loss = right(parameters, x, y, rate).loss
    return loss, {n: parameters[n] - np.float32(rate) * step.gradients[n] for n in NAMES}


@pytest.mark.parametrize(
    "step", [all_float32, gradients_in_float32_updated_in_float64, float32_step_from_a_float64_base]
)
def test_float32_is_named(step):
    found = named(step)
    assert all(found[name] == {("precision",)} for name in NAMES)


def with_epsilon(epsilon):
    def step(parameters, x, y, rate):
        full = right(parameters, x, y, rate)
        hidden = 1 / (1 + np.exp(-(x @ parameters["W1"] + parameters["b1"])))
        p = 1 / (1 + np.exp(-(hidden @ parameters["W2"] + parameters["b2"])))
        loss = np.mean(-y * np.log(p + epsilon) - (1 - y) * np.log(1 - p + epsilon))
        return loss, full.parameters

    return step


@pytest.mark.parametrize("epsilon", [1e-8, 1e-9, 2.5e-8])
def test_an_epsilon_in_the_log_is_measured(epsilon):
    found = named(with_epsilon(epsilon))
    assert found["loss"] == {("wrong-loss",)}
    assert f"with {epsilon:.6g} added inside its logarithms" in next(iter(found["text"]))[0]


@pytest.mark.parametrize("loss", ["categorical_cross_entropy", "sparse_categorical_cross_entropy"])
@pytest.mark.parametrize(("epsilon", "dtype"), [(1e-8, "float64"), (1e-5, "float64"), (1e-5, "float32")])
def test_an_epsilon_in_the_log_of_a_class_is_measured(loss, epsilon, dtype):
    network = Network(inputs=2, units=(3,), activations=("softmax",))
    y = [[0], [2], [1], [1]] if loss.startswith("sparse") else np.eye(3)[[0, 2, 1, 1]]
    start = starting_parameters(network, "random:1")
    problem = PROBLEM.changed(
        network=network, loss=loss, y=y, target_names=(), initial=start, dtype=dtype, batch_size=2
    )

    def step(parameters, x, y, rate):
        route, *_ = loss_routes(network, loss)
        full = train_step(network, route, parameters, x, y, x.dtype.type(rate))
        powers = np.exp(x @ parameters["W1"] + parameters["b1"])
        p = powers / powers.sum(axis=1, keepdims=True)
        of_class = p[np.arange(len(x)), y.ravel().astype(int)] if y.shape[1] == 1 else (y * p).sum(axis=1)
        return -np.log(of_class + x.dtype.type(epsilon)).mean(), full.parameters

    (found,) = check(step, problem, states=12).diagnoses
    assert found.explanation == f"matches the formula with {epsilon:g} added inside its logarithms"


def constant_in_the_gradient(parameters, x, y, rate):
    full = right(parameters, x, y, rate)
    return full.loss, {n: parameters[n] - rate * (full.gradients[n] + 1e-9 * (n == "W1")) for n in NAMES}


def constant_in_the_parameter(parameters, x, y, rate):
    full = right(parameters, x, y, rate)
    return full.loss, {n: full.parameters[n] + 1e-9 * (n == "W1") for n in NAMES}


def constant_in_the_loss(parameters, x, y, rate):
    full = right(parameters, x, y, rate)
    return full.loss + 1e-9, full.parameters


def other_starting_numbers(parameters, x, y, rate):
    full = right({**parameters, "W1": parameters["W1"] + 1e-9}, x, y, rate)
    return full.loss, full.parameters


ADDED = {
    constant_in_the_gradient: ("W1", "1e-09 is added to the gradient, the same in every state"),
    constant_in_the_parameter: ("W1", "1e-09 is added to the parameter, the same in every state"),
    constant_in_the_loss: ("loss", "1e-09 is added to the loss, the same in every state"),
    other_starting_numbers: ("W1", "these are not float32 numbers"),
}


@pytest.mark.parametrize(("step", "told"), ADDED.items())
def test_something_small_is_not_called_float32(step, told):
    found = named(step)
    assert found[told[0]] == {("unknown",)}
    assert any(told[1] in text for (text,) in found["text"])


def test_numbers_of_few_bits_are_no_evidence():
    exact = np.zeros(4)
    assert not are_float32(np.array([1.0, 0.25, 3.0, 0.0]), exact)
    assert are_float32(np.array([0.1, 0.3, 0.7, 0.0], dtype=np.float32).astype(float), exact)
    assert not are_float32(np.array([0.1, 0.3, 0.7, 0.0]), exact)


def test_one_number_that_float32_cannot_hold_is_evidence_against_it():
    values = np.array([0.1, 0.3, 0.7, 0.9], dtype=np.float32).astype(float)
    assert not are_float32(values + np.array([0, 0, 0, 1e-12]), np.zeros(4))


def test_numbers_that_are_too_uncertain_tell_nothing():
    values = np.array([0.1, 0.3, 0.7], dtype=np.float32).astype(float)
    assert are_float32(values + 1e-15, np.full(3, 1e-14))
    assert not are_float32(values, np.full(3, 1e-8))
