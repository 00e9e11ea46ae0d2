"""Problems and candidates that several tests of comparisons share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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
