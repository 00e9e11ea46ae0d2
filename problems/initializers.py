"""Starting parameters, float64, in the canonical layout."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from problems.problem import Array, Network, ProblemError

CHOICES = "constant:NUMBER, random:SEED, glorot_uniform:SEED"


def constant(network: Network, weight: float, bias: float = 0.0) -> dict[str, Array]:
    """All weights `weight`, all biases `bias`."""
    shapes = network.parameter_shapes
    return {name: np.full(shape, weight if name[0] == "W" else bias) for name, shape in shapes.items()}


def random(network: Network, seed: int) -> dict[str, Array]:
    """Weights and biases alike from U(−1, 1), NumPy's PCG64, drawn in the order W1, b1, W2, b2, ..."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()}


def glorot_uniform(network: Network, seed: int) -> dict[str, Array]:
    """Weights from U(−r, r), r = √(6 / (n_in + n_out)) (Glorot & Bengio, 2010, eq. 16); biases 0."""
    rng = np.random.default_rng(seed)

    def drawn(name: str, shape: tuple[int, int]) -> Array:
        limit = math.sqrt(6 / sum(shape))
        return rng.uniform(-limit, limit, shape) if name[0] == "W" else np.zeros(shape)

    return {name: drawn(name, shape) for name, shape in network.parameter_shapes.items()}


SEEDED: dict[str, Callable[[Network, int], dict[str, Array]]] = {"random": random, "glorot_uniform": glorot_uniform}


def starting_parameters(network: Network, start: str) -> dict[str, Array]:
    """Parameters from a text such as `constant:0.1`, `random:7` or `glorot_uniform:0`.

    Raises ProblemError for anything else, naming the choices.
    """
    kind, _, value = start.partition(":")
    if kind == "constant":
        return constant(network, _number(start, value))
    if kind in SEEDED:
        return SEEDED[kind](network, _seed(start, value))
    raise ProblemError(f"initial: {start!r} is not known; choose one of: {CHOICES}")


def _number(start: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ProblemError(f"initial: {start!r} needs a finite number after the colon, such as constant:0.1")
    return number


def _seed(start: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise ProblemError(f"initial: {start!r} needs a whole number after the colon, such as random:7")
    return int(value)
