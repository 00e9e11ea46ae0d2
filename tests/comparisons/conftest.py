"""Problems and candidates that several tests of comparisons share."""

from __future__ import annotations

from collections.abc import Callable

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
    "single": (("linear",), (2,), "mean_squared_error", 2),
}
EPOCHS = 2


def made_up(name: str, seed: int = 0) -> Problem:
    """Six random rows and a random start for a network of NETWORKS."""
    activations, units, loss, batch = NETWORKS[name]
    rng = np.random.default_rng(seed)
    network = Network(inputs=2, units=units, activations=activations)
    shape = (6, units[-1])
    return Problem(
        name=name,
        x=rng.uniform(-3, 3, (6, 2)),
        y=rng.integers(0, 2, shape).astype(float) if loss.startswith("binary") else rng.uniform(-3, 3, shape),
        network=network,
        loss=loss,
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
