"""Starting parameters, float64, in the canonical layout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from problems.network import Network
from problems.requirements import MOST_SEED, Array, ProblemError, did_you_mean, shown

Rng = np.random.Generator
Shape = tuple[int, int]  # n_in, n_out


def constant(network: Network, weight: float, bias: float = 0.0) -> dict[str, Array]:
    """All weights `weight`, all biases `bias`."""
    shapes = network.parameter_shapes
    return {name: np.full(shape, weight if name[0] == "W" else bias, np.float64) for name, shape in shapes.items()}


def random(network: Network, seed: int) -> dict[str, Array]:
    """Weights and biases alike from U(-1, 1): NumPy's default_rng(seed), drawn in the order W1, b1, W2, b2, ..."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()}


def uniform(rng: Rng, shape: Shape, r: float = 0.05) -> Array:
    """U(-r, r); the setting `range` is r."""
    return 2 * rng.uniform(-r / 2, r / 2, shape)  # the same numbers, and no overflow where 2 r is infinite


def normal(rng: Rng, shape: Shape, std: float = 0.05) -> Array:
    """N(0, std²), not cut off; the setting `std` is the standard deviation."""
    return rng.normal(0.0, std, shape)


def glorot_uniform(rng: Rng, shape: Shape) -> Array:
    """U(-r, r), r = sqrt(6 / (n_in + n_out)) (Glorot & Bengio, 2010, eq. 16)."""
    n_in, n_out = shape
    return uniform(rng, shape, math.sqrt(6 / (n_in + n_out)))


def glorot_normal(rng: Rng, shape: Shape) -> Array:
    """N(0, 2 / (n_in + n_out)) (Glorot & Bengio, 2010, eq. 12); not cut off, where Keras cuts it at two deviations."""
    n_in, n_out = shape
    return normal(rng, shape, math.sqrt(2 / (n_in + n_out)))


def he_uniform(rng: Rng, shape: Shape) -> Array:
    """U(-r, r), r = sqrt(6 / n_in): the variance of he_normal (He et al., 2015, eq. 10)."""
    n_in, _ = shape
    return uniform(rng, shape, math.sqrt(6 / n_in))


def he_normal(rng: Rng, shape: Shape) -> Array:
    """N(0, 2 / n_in) (He et al., 2015, eq. 10)."""
    n_in, _ = shape
    return normal(rng, shape, math.sqrt(2 / n_in))


def lecun_uniform(rng: Rng, shape: Shape) -> Array:
    """U(-r, r), r = sqrt(3 / n_in): the variance of lecun_normal (LeCun et al., 1998, eq. 16)."""
    n_in, _ = shape
    return uniform(rng, shape, math.sqrt(3 / n_in))


def lecun_normal(rng: Rng, shape: Shape) -> Array:
    """N(0, 1 / n_in) (LeCun et al., Efficient BackProp, 1998, eq. 16)."""
    n_in, _ = shape
    return normal(rng, shape, math.sqrt(1 / n_in))


def orthogonal(rng: Rng, shape: Shape) -> Array:
    """Orthonormal columns, or rows where n_out > n_in, all such matrices alike likely (Saxe et al., 2014, section 3).

    Q of the QR decomposition of an N(0, 1) matrix, its columns turned so that R's diagonal is positive
    (Mezzadri, 2007, section 5). The last digits are those of this machine's LAPACK.
    """
    n_in, n_out = shape
    Q, R = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    Q = Q * np.where(np.diagonal(R) < 0, -1.0, 1.0)
    return Q if n_in >= n_out else Q.T


class Scale(NamedTuple):
    """The one setting of a drawing formula: its key in a problem file, and what it is unless given."""

    key: str
    default: float


WEIGHTS: dict[str, Callable[..., Array]] = {
    "uniform": uniform,
    "normal": normal,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
}
SCALES = {"uniform": Scale("range", 0.05), "normal": Scale("std", 0.05)}
SEEDED = ("random", *WEIGHTS)


def drawn(network: Network, name: str, seed: int, scale: float | None = None) -> dict[str, Array]:
    """Weights by the formula called `name`, biases 0: NumPy's default_rng(seed), drawn in the order W1, W2, ...

    `random` draws the biases too. scale: the one setting of uniform and normal.
    """
    if name == "random":
        return random(network, seed)
    rng = np.random.default_rng(seed)
    settings = () if scale is None else (scale,)
    shapes = network.parameter_shapes.items()
    return {key: WEIGHTS[name](rng, shape, *settings) if key[0] == "W" else np.zeros(shape) for key, shape in shapes}


def _choice(name: str) -> str:
    return f"{name}:SEED[:{SCALES[name].key.upper()}]" if name in SCALES else f"{name}:SEED"


CHOICES = ", ".join(("constant:NUMBER", *map(_choice, SEEDED)))


def starting_parameters(network: Network, start: str) -> dict[str, Array]:
    """Parameters from a text: `constant:0.1`, `he_normal:7`, `normal:7:0.1` (with its scale).

    Raises ProblemError for anything else, naming the choices.
    """
    kind, _, value = start.partition(":")
    if kind == "constant":
        return constant(network, _number(start, value))
    if kind not in SEEDED:
        meant = did_you_mean(kind, ("constant", *SEEDED))
        raise _refused(start, f"is not known{meant}")
    seed, colon, scale = value.partition(":")
    return drawn(network, kind, _seed(start, seed), _scale(start, kind, scale) if colon else None)


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


def _scale(start: str, kind: str, value: str) -> float:
    if kind not in SCALES:
        raise _refused(start, "has a second colon, but no setting beside its seed")
    try:
        scale = float(value)
    except ValueError:
        scale = math.nan
    if not (math.isfinite(scale) and scale > 0):
        raise _refused(start, f"needs a {SCALES[kind].key} above 0 after its second colon")
    return scale


def _seed(start: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 19 or int(value) > MOST_SEED:
        raise _refused(start, f"needs a whole number from 0 to {MOST_SEED} after the colon")
    return int(value)
