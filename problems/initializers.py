"""Starting parameters, float64, in the canonical layout."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from problems.problem import Network
from problems.requirements import MOST_SEED, Array, ProblemError, did_you_mean, shown

CHOICES = "constant:NUMBER, random:SEED, glorot_uniform:SEED"


def constant(network: Network, weight: float, bias: float = 0.0) -> dict[str, Array]:
    """All weights `weight`, all biases `bias`."""
    shapes = network.parameter_shapes
    return {name: np.full(shape, weight if name[0] == "W" else bias, np.float64) for name, shape in shapes.items()}


def random(network: Network, seed: int) -> dict[str, Array]:
    """Weights and biases alike from U(-1, 1): NumPy's default_rng(seed), drawn in the order W1, b1, W2, b2, ..."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()}


def glorot_uniform(network: Network, seed: int) -> dict[str, Array]:
    """Weights from U(-r, r), r = sqrt(6 / (n_in + n_out)); biases 0 (Glorot & Bengio, 2010, eq. 16).

    Drawn by NumPy's default_rng(seed) in the order W1, W2, ...
    """
    rng = np.random.default_rng(seed)

    def drawn(name: str, shape: tuple[int, int]) -> Array:
        r = math.sqrt(6 / sum(shape))
        return rng.uniform(-r, r, shape) if name[0] == "W" else np.zeros(shape)

    return {name: drawn(name, shape) for name, shape in network.parameter_shapes.items()}


SEEDED: dict[str, Callable[[Network, int], dict[str, Array]]] = {"random": random, "glorot_uniform": glorot_uniform}


def starting_parameters(network: Network, start: str) -> dict[str, Array]:
    """Parameters from a text: `constant:0.1`, `random:7` or `glorot_uniform:0`.

    Raises ProblemError for anything else, naming the choices.
    """
    kind, _, value = start.partition(":")
    if kind == "constant":
        return constant(network, _number(start, value))
    if kind in SEEDED:
        return SEEDED[kind](network, _seed(start, value))
    meant = did_you_mean(kind, ("constant", *SEEDED))
    raise _refused(start, f"is not known{meant}")


def _refused(start: str, why: str) -> ProblemError:
    return ProblemError(f"initial: {shown(start)} {why}; choose one of: {CHOICES}")


def _number(start: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _refused(start, "needs a finite number after the colon")
    return number


def _seed(start: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 19 or int(value) > MOST_SEED:
        raise _refused(start, f"needs a whole number from 0 to {MOST_SEED} after the colon")
    return int(value)
