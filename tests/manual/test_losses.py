"""Each loss is what its name says, reduced as stated, and its derivative is the derivative."""

from __future__ import annotations

import math
from typing import Any

import flint
import numpy as np
import pytest

from comparisons.arithmetic.exact import balls
from manual.activations import sigmoid, softmax, softplus
from manual.losses import LOSSES, one_hot
from problems import problem

names = pytest.mark.parametrize("name", LOSSES)
ROWS, OUTPUTS = 3, 2


def drawn(name: str, rng: np.random.Generator) -> tuple[Any, Any]:
    """y and ŷ (or z) in the domain of the loss: probabilities strictly inside, logits on both sides of 0."""
    y, y_hat = rng.normal(size=(ROWS, OUTPUTS)), 3 * rng.normal(size=(ROWS, OUTPUTS))
    if name.startswith("binary"):
        y = rng.random((ROWS, OUTPUTS))
    elif name.startswith("categorical"):
        y = softmax(y)
    elif name.startswith("sparse"):
        y = rng.integers(0, OUTPUTS, (ROWS, 1)).astype(float)
    elif name == "hinge":
        y = rng.choice([-1.0, 1.0], (ROWS, OUTPUTS))
    if name == "binary_cross_entropy":
        y_hat = rng.uniform(0.02, 0.98, y_hat.shape)
    elif name.endswith("categorical_cross_entropy"):
        y_hat = softmax(y_hat)
    return y, y_hat


def of_row(name: str, y: list[float], y_hat: list[float]) -> float:
    """The loss of one row, from its definition: the sum over its outputs."""
    if name.startswith("sparse"):
        return of_row(name.removeprefix("sparse_"), [float(k == y[0]) for k in range(len(y_hat))], y_hat)
    if name == "categorical_cross_entropy_with_logits":
        whole = sum(math.exp(z) for z in y_hat)
        return of_row("categorical_cross_entropy", y, [math.exp(z) / whole for z in y_hat])
    return sum(of_one(name, *pair) for pair in zip(y, y_hat, strict=True))


def of_one(name: str, y: float, y_hat: float) -> float:
    """The loss of one output, from its definition."""
    e = abs(y - y_hat)
    match name:
        case "binary_cross_entropy_with_logits":
            return of_one("binary_cross_entropy", y, 1 / (1 + math.exp(-y_hat)))
        case "binary_cross_entropy":
            return -y * math.log(y_hat) - (1 - y) * math.log(1 - y_hat)
        case "categorical_cross_entropy":
            return -y * math.log(y_hat)
        case "mean_absolute_error":
            return e
        case "huber":
            return e * e / 2 if e <= 1 else e - 0.5
        case "hinge":
            return max(0.0, 1 - y * y_hat)
    return e * e * (0.5 if name == "half_squared_error" else 1)


@names
def test_loss_is_the_mean_of_its_elements(name, rng):
    y, y_hat = drawn(name, rng)
    rows = [of_row(name, *pair) for pair in zip(y.tolist(), y_hat.tolist(), strict=True)]
    count = ROWS if name == "half_squared_error" or "categorical" in name else ROWS * OUTPUTS
    assert LOSSES[name].value(y, y_hat) == pytest.approx(sum(rows) / count, rel=1e-13)


@names
def test_derivative_is_the_central_difference(name, many_digits, rng):
    value, derivative = LOSSES[name]
    y, y_hat = map(balls, drawn(name, rng))
    found, h = derivative(y, y_hat), flint.arb(2) ** -150
    for place in np.ndindex(ROWS, OUTPUTS):
        ahead, behind = y_hat.copy(), y_hat.copy()
        ahead[place], behind[place] = y_hat[place] + h, y_hat[place] - h
        assert abs((value(y, ahead) - value(y, behind)) / (2 * h) - found[place]) < 1e-70


def surely_right(name: str, y: Any) -> tuple[Any, Any]:
    """Targets without doubt, and the output that meets them."""
    if name.startswith("binary"):
        y = np.round(y)
    elif name.startswith("categorical"):
        y = one_hot(y.argmax(-1, keepdims=True), OUTPUTS).astype(float)
    of_classes = one_hot(y, OUTPUTS) if name.startswith("sparse") else y
    if name.endswith("with_logits"):
        return y, np.where(of_classes > 0, 60.0, -60.0)
    return y, np.clip(of_classes, 1e-12, 1 - 1e-12) if name.endswith("cross_entropy") else of_classes


@names
def test_loss_and_derivative_vanish_where_the_prediction_is_right(name, rng):
    y, at = surely_right(name, drawn(name, rng)[0])
    assert LOSSES[name].value(y, at) == pytest.approx(0, abs=1e-11)
    if not name.endswith("cross_entropy"):
        assert LOSSES[name].derivative(y, at) == pytest.approx(np.zeros(at.shape), abs=1e-11)


@pytest.mark.parametrize("error", [-1.0, 1.0])
def test_huber_is_half_at_its_seam_from_both_sides(error):
    value, derivative = LOSSES["huber"]
    y, y_hat = np.array([[2.0]]), np.array([[2.0 + error]])
    assert (value(y, y_hat), derivative(y, y_hat).item()) == (0.5, error)
    assert derivative(y, y_hat * 10).item() == np.sign(derivative(y, y_hat * 10).item())


@pytest.mark.parametrize("name", ["mean_absolute_error", "hinge"])
def test_slope_at_the_kink_is_zero(name):
    assert LOSSES[name].derivative(np.array([[1.0]]), np.array([[1.0]])).item() == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_hot_keeps_the_dtype_and_every_axis(dtype):
    y = np.array([[[0], [2]], [[1], [1]]], dtype=dtype)
    found = one_hot(y, 3)
    assert (found.dtype, found.shape) == (dtype, (2, 2, 3))
    assert found.argmax(-1).tolist() == [[0, 2], [1, 1]]
    assert (found.sum(-1) == 1).all()


def test_cross_entropy_of_targets_that_sum_to_less_weighs_the_probabilities(rng):
    y, z = np.array([[0.25, 0.5, 0.0]]), rng.normal(size=(1, 3))
    found = LOSSES["categorical_cross_entropy_with_logits"].derivative(y, z)
    assert found == pytest.approx(0.75 * softmax(z) - y)


@pytest.mark.parametrize("size", [1e3, 1e300])
def test_cross_entropy_of_scores_is_finite_however_sure(size):
    value, derivative = LOSSES["categorical_cross_entropy_with_logits"]
    y, z = np.array([[0.0, 1.0, 0.0]]), np.array([[size, 0.0, -size]])
    assert value(y, z) == pytest.approx(size)
    assert derivative(y, z).tolist() == [[1.0, -1.0, 0.0]]


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
