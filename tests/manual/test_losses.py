"""Each loss is what its name says, reduced as stated, and its derivative is the derivative."""

from __future__ import annotations

import math
from typing import Any

import flint
import numpy as np
import pytest

from comparisons.arithmetic.exact import balls
from manual.activations import sigmoid
from manual.losses import LOSSES, softplus
from problems import problem

names = pytest.mark.parametrize("name", LOSSES)
ROWS, OUTPUTS = 3, 2


def drawn(name: str, rng: np.random.Generator) -> tuple[Any, Any]:
    """y and ŷ (or z) in the domain of the loss: probabilities strictly inside, logits on both sides of 0."""
    y = rng.random((ROWS, OUTPUTS)) if name.startswith("binary") else rng.normal(size=(ROWS, OUTPUTS))
    return y, rng.uniform(0.02, 0.98, y.shape) if name == "binary_cross_entropy" else 3 * rng.normal(size=y.shape)


def of_one(name: str, y: float, y_hat: float) -> float:
    """The loss of one output, from its definition."""
    if name == "binary_cross_entropy_with_logits":
        return of_one("binary_cross_entropy", y, 1 / (1 + math.exp(-y_hat)))
    if name == "binary_cross_entropy":
        return -y * math.log(y_hat) - (1 - y) * math.log(1 - y_hat)
    return (y - y_hat) ** 2 * (0.5 if name == "half_squared_error" else 1)


@names
def test_loss_is_the_mean_of_its_elements(name, rng):
    y, y_hat = drawn(name, rng)
    elements = [of_one(name, *pair) for pair in zip(y.flat, y_hat.flat, strict=True)]
    count = ROWS if name == "half_squared_error" else ROWS * OUTPUTS
    assert LOSSES[name].value(y, y_hat) == pytest.approx(sum(elements) / count, rel=1e-13)


@names
def test_derivative_is_the_central_difference(name, many_digits, rng):
    value, derivative = LOSSES[name]
    y, y_hat = map(balls, drawn(name, rng))
    found, h = derivative(y, y_hat), flint.arb(2) ** -150
    for place in np.ndindex(ROWS, OUTPUTS):
        ahead, behind = y_hat.copy(), y_hat.copy()
        ahead[place], behind[place] = y_hat[place] + h, y_hat[place] - h
        assert abs((value(y, ahead) - value(y, behind)) / (2 * h) - found[place]) < 1e-70


@names
def test_loss_and_derivative_vanish_where_the_prediction_is_right(name, rng):
    y, _ = drawn(name, rng)
    if name.startswith("binary"):
        y = np.round(y)
    sure = {"binary_cross_entropy_with_logits": np.where(y > 0, 60.0, -60.0)}.get(name, np.clip(y, 1e-12, 1 - 1e-12))
    at = sure if name.startswith("binary") else y
    assert LOSSES[name].value(y, at) == pytest.approx(0, abs=1e-11)
    if name != "binary_cross_entropy":
        assert LOSSES[name].derivative(y, at) == pytest.approx(np.zeros(y.shape), abs=1e-11)


@names
def test_leading_axes_are_trainings_of_their_own(name, rng):
    y, y_hat = (np.stack(values) for values in zip(*(drawn(name, rng) for _ in range(4)), strict=True))
    value, derivative = LOSSES[name]
    assert value(y, y_hat).tolist() == [value(*pair) for pair in zip(y, y_hat, strict=True)]
    assert np.array_equal(derivative(y, y_hat)[2], derivative(y[2], y_hat[2]))


@pytest.mark.parametrize("z", [-1e308, -800.0, 800.0, 1e308])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_cross_entropy_of_logits_is_finite_however_sure(y, z):
    value, derivative = LOSSES["binary_cross_entropy_with_logits"]
    y_table, z_table = np.array([[y]]), np.array([[z]])
    assert value(y_table, z_table) == pytest.approx(y * max(-z, 0) + (1 - y) * max(z, 0))
    assert derivative(y_table, z_table).item() == (z > 0) - y


def test_cross_entropy_of_logits_is_that_of_their_sigmoid(rng):
    y, z = drawn("binary_cross_entropy_with_logits", rng)
    through = LOSSES["binary_cross_entropy"].value(y, sigmoid(z))
    assert LOSSES["binary_cross_entropy_with_logits"].value(y, z) == pytest.approx(through, rel=1e-12)


def test_softplus_of_a_sure_number_is_the_number_itself():
    assert softplus(np.array([-1e300, -800.0, 800.0])).tolist() == [0.0, 0.0, 800.0]


def test_every_loss_of_a_problem_is_here():
    assert tuple(LOSSES) == problem.LOSSES
