"""The matrix form: shapes, leading axes, and every gradient by differences of the loss alone."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import pytest

from comparisons.arithmetic.exact import balls
from manual import dense
from manual.network import forward, loss_routes, train_step
from manual.optimizers import sgd
from problems.initializers import starting_parameters
from problems.problem import Network

NETWORKS = {
    "lesson": (Network(inputs=2, units=(2, 1), activations=("sigmoid", "sigmoid")), "binary_cross_entropy"),
    "one-layer": (Network(inputs=3, units=(2,), activations=("linear",)), "mean_squared_error"),
    "deep": (Network(inputs=3, units=(4, 2, 3), activations=("relu", "tanh", "sigmoid")), "half_squared_error"),
    "logits": (Network(inputs=2, units=(3, 2), activations=("relu", "linear")), "binary_cross_entropy_with_logits"),
    "classes": (
        Network(inputs=2, units=(3, 4, 3), activations=("gelu", "elu", "softmax")),
        "categorical_cross_entropy",
    ),
    "scores": (
        Network(inputs=2, units=(3, 3), activations=("leaky_relu", "linear")),
        "categorical_cross_entropy_with_logits",
    ),
    "smooth": (Network(inputs=2, units=(3, 2, 2), activations=("silu", "softplus", "gelu_tanh")), "half_squared_error"),
    "narrow": (Network(inputs=1, units=(1, 1, 1), activations=("tanh", "linear", "relu")), "mean_squared_error"),
}
networks = pytest.mark.parametrize(("network", "loss"), NETWORKS.values(), ids=NETWORKS)
ROWS = 3


def drawn(network: Network, rng: np.random.Generator, *leading: int) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, x and y, with leading axes."""
    parameters = {name: rng.normal(size=(*leading, *shape)) for name, shape in network.parameter_shapes.items()}
    return (
        parameters,
        rng.normal(size=(*leading, ROWS, network.inputs)),
        rng.random((*leading, ROWS, network.units[-1])),
    )


@networks
def test_every_gradient_is_the_central_difference_of_the_loss(network, loss, many_digits, rng):
    parameters, x, y = drawn(network, rng)
    held, x, y = {name: balls(values) for name, values in parameters.items()}, balls(x), balls(y)
    route, *_ = loss_routes(network, loss)
    found, h = train_step(network, route, held, x, y, flint.arb(1)).gradients, flint.arb(2) ** -150

    def loss_with(name: str, place: tuple[int, ...], change: Any) -> Any:
        moved = held[name].copy()
        moved[place] = moved[place] + change
        _, cache = forward(network, {**held, name: moved}, x)
        return route.loss(y, cache.z[-1])

    for name, shape in network.parameter_shapes.items():
        for place in np.ndindex(shape):
            slope = (loss_with(name, place, h) - loss_with(name, place, -h)) / (2 * h)
            assert abs(slope - found[name][place]) < 1e-60, (name, place)


@networks
def test_penalty_moves_the_gradients_of_weights_alone(network, loss, many_digits, rng):
    parameters, x, y = drawn(network, rng)
    held, x, y = {name: balls(values) for name, values in parameters.items()}, balls(x), balls(y)
    route, *_ = loss_routes(network, loss)
    without, with_it = (train_step(network, route, held, x, y, flint.arb(1), l2) for l2 in (0.0, 0.75))
    squares = sum((held[name] ** 2).sum() for name in held if name.startswith("W"))
    assert abs(with_it.loss - without.loss - 0.375 * squares) < 1e-100
    for name, values in held.items():
        moved = with_it.gradients[name] - without.gradients[name] - (0.75 if name.startswith("W") else 0) * values
        assert all(abs(one) < 1e-100 for one in moved.flat)


@networks
def test_names_and_shapes_are_canonical(network, loss, rng):
    parameters, x, y = drawn(network, rng)
    route, *_ = loss_routes(network, loss)
    step = train_step(network, route, parameters, x, y, 0.1)
    assert step.loss.shape == ()
    for tensors in (step.gradients, step.parameters):
        assert {name: values.shape for name, values in tensors.items()} == network.parameter_shapes
        assert list(tensors) == list(network.parameter_shapes)


@networks
def test_leading_axes_are_trainings_of_their_own(network, loss, rng):
    parameters, x, y = drawn(network, rng, 4, 2)
    route, *_ = loss_routes(network, loss)
    together = train_step(network, route, parameters, x, y, 0.1)
    alone = train_step(
        network, route, {name: values[3, 1] for name, values in parameters.items()}, x[3, 1], y[3, 1], 0.1
    )
    assert together.loss[3, 1] == pytest.approx(alone.loss, rel=1e-14)
    for name, values in alone.gradients.items():
        assert together.gradients[name][3, 1] == pytest.approx(values, rel=1e-12, abs=1e-15)


@networks
def test_float32_stays_float32(network, loss, rng):
    parameters, x, y = (
        {k: v.astype("f4") for k, v in d.items()} if isinstance(d, dict) else d.astype("f4")
        for d in drawn(network, rng)
    )
    route, *_ = loss_routes(network, loss)
    step = train_step(network, route, parameters, x, y, np.float32(0.1))
    assert {values.dtype for values in (step.loss, *step.gradients.values(), *step.parameters.values())} == {
        np.dtype("float32")
    }


def test_equal_hidden_units_stay_equal():
    """The lesson's start of 0.1 and 0 keeps both hidden units alike for ever."""
    network, loss = NETWORKS["lesson"]
    route, *_ = loss_routes(network, loss)
    start = starting_parameters(network, "constant:0.1")
    step = train_step(network, route, start, np.array([[8.0, 3.0]]), np.array([[1.0]]), 0.5)
    assert (step.parameters["W1"][:, 0] == step.parameters["W1"][:, 1]).all()
    assert (step.parameters["W1"][0] != step.parameters["W1"][1]).all()


def test_a_step_leaves_its_parameters_alone(rng):
    network, loss = NETWORKS["deep"]
    parameters, x, y = drawn(network, rng)
    before = {name: values.copy() for name, values in parameters.items()}
    train_step(network, loss_routes(network, loss)[0], parameters, x, y, 0.1)
    assert all((parameters[name] == values).all() for name, values in before.items())


def test_dense_backward_is_written_out_in_sums(rng):
    x, W, dz = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    (dW, db), dx = dense.backward(x, dz), dense.backward_to_inputs(W, dz)
    assert dW[2, 1] == pytest.approx(sum(x[r, 2] * dz[r, 1] for r in range(3)))
    assert db[0, 1] == pytest.approx(sum(dz[r, 1] for r in range(3)))
    assert dx[1, 3] == pytest.approx(sum(dz[1, j] * W[3, j] for j in range(2)))


def test_dense_forward_is_written_out_in_sums(rng):
    x, W, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(1, 2))
    assert dense.forward(x, W, b)[2, 1] == pytest.approx(sum(x[2, i] * W[i, 1] for i in range(4)) + b[0, 1])


def test_sgd_moves_every_parameter_by_its_own_gradient():
    held, slopes = (
        {"W1": np.array([[1.0]]), "b1": np.array([[2.0]])},
        {"b1": np.array([[-8.0]]), "W1": np.array([[4.0]])},
    )
    assert {name: values.item() for name, values in sgd(held, slopes, 0.25).items()} == {"W1": 0.0, "b1": 4.0}
    assert held["W1"].item() == 1.0
