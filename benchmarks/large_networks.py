"""The large networks that benchmarks train: float32, relu and softmax, cross-entropy, one batch of normal numbers."""

from __future__ import annotations

import numpy as np

from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem

SIZES = {
    "medium": ((784, 512, 256, 10), 128),
    "ten": ((1024, 2048, 2048, 1792), 32),
    "large": ((1024, 2048, 2048, 1000), 256),
}


def large_problem(name: str) -> Problem:
    """One step of the network of this name, from small weights: from he_normal's hardly a gradient is told."""
    sizes, batch = SIZES[name]
    rng = np.random.default_rng(0)
    activations = ("relu",) * (len(sizes) - 2) + ("softmax",)
    network = Network(inputs=sizes[0], units=sizes[1:], activations=activations)
    return Problem(
        name=name,
        x=rng.normal(size=(batch, sizes[0])),
        y=np.eye(sizes[-1])[rng.integers(0, sizes[-1], batch)],
        network=network,
        loss="categorical_cross_entropy",
        initial=starting_parameters(network, "normal:0:0.004"),
        optimizer=Optimizer(learning_rate=0.01),
        epochs=1,
        batch_size=batch,
        dtype="float32",
    )
