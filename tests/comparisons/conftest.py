"""Problems and candidates that several tests of comparisons share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem

# name: activations, units, loss, rows per step
NETWORKS = {
    "tanh": (("tanh", "linear"), (3, 1), "mean_squared_error", 3),
    "relu": (("relu", "sigmoid"), (3, 1), "binary_cross_entropy", 3),
    "logits": (("tanh", "linear"), (2, 2), "binary_cross_entropy_with_logits", 1),
    "half": (("sigmoid", "tanh"), (2, 2), "half_squared_error", 2),
    "deep": (("tanh", "sigmoid", "linear"), (2, 2, 1), "half_squared_error", 2),
    "classes": (("gelu", "softmax"), (3, 3), "categorical_cross_entropy", 2),
    "sparse": (("silu", "linear"), (3, 3), "sparse_categorical_cross_entropy_with_logits", 3),
    "huber": (("elu", "softplus"), (3, 2), "huber", 2),
    "hinge": (("leaky_relu", "gelu_tanh"), (3, 1), "hinge", 1),
    "single": (("linear",), (2,), "mean_squared_error", 2),
}
PENALTIES = {"classes": 0.1, "huber": 0.5}
EPOCHS = 2


def targets(loss: str, shape: tuple[int, int], rng: np.random.Generator) -> Any:
    """Targets in the domain of the loss."""
    if loss.startswith("binary"):
        return rng.integers(0, 2, shape).astype(float)
    if loss.startswith("sparse"):
        return rng.integers(0, shape[1], (shape[0], 1)).astype(float)
    if loss.startswith("categorical"):
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    return rng.choice([-1.0, 1.0], shape) if loss == "hinge" else rng.uniform(-3, 3, shape)


def made_up(name: str, seed: int = 0) -> Problem:
    """Six random rows and a random start for a network of NETWORKS."""
    activations, units, loss, batch = NETWORKS[name]
    rng = np.random.default_rng(seed)
    network = Network(inputs=2, units=units, activations=activations)
    return Problem(
        name=name,
        x=rng.uniform(-3, 3, (6, 2)),
        y=targets(loss, (6, units[-1]), rng),
        network=network,
        loss=loss,
        l2=PENALTIES.get(name, 0.0),
        initial=starting_parameters(network, f"random:{seed}"),
        optimizer=Optimizer(learning_rate=0.05),
        epochs=EPOCHS,
        batch_size=batch,
        start=f"random:{seed}",
    )


@pytest.fixture(scope="session")
def problem_called() -> Callable[[str], Problem]:
    """A function of a name: a lesson problem, trained briefly, or a network of NETWORKS."""

    def named(name: str) -> Problem:
        return made_up(name) if name in NETWORKS else named_problem(name).changed(epochs=EPOCHS)

    return named


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """A training step of a network with one hidden layer, written by hand, in which things can be exchanged.

    forward, backward: the activations on the way there and back; biases: which layers add theirs; inputs, W1: what
    is made of x and of W1 first (W1's gradient is turned back); change: of gradients, parameters and loss, before the
    update; told: whether gradients are returned.
    """

    forward: tuple[str, str]
    backward: tuple[str, str] | None = None
    loss: str = "binary_cross_entropy"
    biases: tuple[bool, bool] = (True, True)
    unused_bias: bool = False  # whether a bias that is not added gets no gradient, as from autograd
    inputs: Callable[[Any], Any] = field(default=lambda x: x)
    transposed: bool = False
    change: Callable[..., Any] = field(default=lambda gradients, parameters, loss: (gradients, loss))
    told: bool = True

    def __call__(self, parameters, x, y, learning_rate):
        with np.errstate(all="ignore"):
            loss, gradients = self.pass_through(parameters, self.inputs(x), y)
        gradients, loss = self.change(gradients, parameters, loss)
        after = {name: parameters[name] - learning_rate * gradients[name] for name in parameters}
        return (loss, after, gradients) if self.told else (loss, after)

    def pass_through(self, p, x, y):
        back = self.backward or self.forward
        W1 = p["W1"].T if self.transposed else p["W1"]
        z1 = x @ W1 + p["b1"] * self.biases[0]
        h = ACTIVATIONS[self.forward[0]](z1)
        z2 = h @ p["W2"] + p["b2"] * self.biases[1]
        y_hat = ACTIVATIONS[self.forward[1]](z2)
        loss, error = LOSSES[self.loss](y, y_hat)
        simplified = self.loss == "binary_cross_entropy" and back[1] == "sigmoid"
        d2 = (y_hat - y) / y.size if simplified else error * SLOPES[back[1]](z2, y_hat)
        d1 = d2 @ p["W2"].T * SLOPES[back[0]](z1, h)
        gradients = {"W1": x.T @ d1, "b1": d1.sum(0, keepdims=True), "W2": h.T @ d2, "b2": d2.sum(0, keepdims=True)}
        gradients["W1"] = gradients["W1"].T if self.transposed else gradients["W1"]
        for name, added in zip(("b1", "b2"), self.biases, strict=True):
            if self.unused_bias and not added:
                gradients[name] = 0 * gradients[name]
        return loss, gradients


def normal(z):
    return 0.5 * (1 + erf(z / np.sqrt(2)))


def logistic(z):
    return 1 / (1 + np.exp(-z))


def approximated(z):
    return np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))


ACTIVATIONS = {
    "linear": lambda z: z,
    "sigmoid": logistic,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "gelu": lambda z: z * normal(z),
    "gelu_tanh": lambda z: 0.5 * z * (1 + approximated(z)),
    "silu": lambda z: z * logistic(z),
}
SLOPES = {
    "linear": lambda z, a: 1.0,
    "sigmoid": lambda z, a: a * (1 - a),
    "tanh": lambda z, a: 1 - a**2,
    "relu": lambda z, a: (z > 0) * 1.0,
    "leaky_relu": lambda z, a: np.where(z > 0, 1, 0.01),
    "elu": lambda z, a: np.where(z > 0, 1, np.exp(z)),
    "softplus": lambda z, a: logistic(z),
    "gelu": lambda z, a: normal(z) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    "gelu_tanh": lambda z, a: (
        0.5 * (1 + approximated(z))
        + 0.5 * z * (1 - approximated(z) ** 2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)
    ),
    "silu": lambda z, a: logistic(z) + z * logistic(z) * (1 - logistic(z)),
}


def _cross_entropy(y, y_hat):
    loss = np.mean(-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat))
    return loss, (y_hat - y) / (y_hat * (1 - y_hat)) / y.size


def _squared(y, y_hat):
    return np.mean((y - y_hat) ** 2), 2 * (y_hat - y) / y.size


LOSSES = {"binary_cross_entropy": _cross_entropy, "mean_squared_error": _squared}


@pytest.fixture(scope="session")
def by_hand() -> type[ByHand]:
    """The class of steps written by hand."""
    return ByHand
