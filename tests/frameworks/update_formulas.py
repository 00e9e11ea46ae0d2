"""The update formulas of problems/optimizer.py once more, in plain float64 and in few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = Any
Settings = dict[str, Any]


def descent(s: Settings, g: Array, rate: float, t: int, kept: Settings) -> Array:
    """θ − η g."""
    return rate * g


def momentum(s: Settings, g: Array, rate: float, t: int, kept: Settings) -> Array:
    """Both velocities, Nesterov's step or not."""
    mu, nesterov = s["momentum"], s["name"] == "nesterov"
    if s["velocity"] == "gradient":
        v = kept["v"] = mu * kept.get("v", 0) + g
        return rate * (g + mu * v if nesterov else v)
    v = kept["v"] = mu * kept.get("v", 0) - rate * g
    return rate * g - mu * v if nesterov else -v


def squares(s: Settings, g: Array, rate: float, t: int, kept: Settings) -> Array:
    """Adagrad and RMSprop, ε outside the root or inside."""
    before = kept.get("s", s.get("initial_accumulator", 0))
    now = kept["s"] = before + g**2 if s["name"] == "adagrad" else s["rho"] * before + (1 - s["rho"]) * g**2
    e = s["epsilon"]
    return rate * g / (np.sqrt(now) + e if s["epsilon_place"] == "outside" else np.sqrt(now + e))


def moments(s: Settings, g: Array, kept: Settings) -> tuple[Array, Array]:
    """m and v of the Adam family."""
    m = kept["m"] = s["beta_1"] * kept.get("m", 0) + (1 - s["beta_1"]) * g
    v = kept["v"] = s["beta_2"] * kept.get("v", 0) + (1 - s["beta_2"]) * g**2
    return m, v


def adam(s: Settings, g: Array, rate: float, t: int, kept: Settings) -> Array:
    """ε beside the corrected root or the uncorrected one."""
    (m, v), e = moments(s, g, kept), s["epsilon"]
    c1, c2 = 1 - s["beta_1"] ** t, 1 - s["beta_2"] ** t
    if s["epsilon_place"] == "corrected":
        return rate * (m / c1) / (np.sqrt(v / c2) + e)
    return rate * np.sqrt(c2) / c1 * m / (np.sqrt(v) + e)


def adamax(s: Settings, g: Array, rate: float, t: int, kept: Settings) -> Array:
    """ε in the norm or in the denominator."""
    (m, _), e = moments(s, g, kept), s["epsilon"]
    inside = s["epsilon_place"] == "norm"
    u = kept["u"] = np.maximum(s["beta_2"] * kept.get("u", 0), np.abs(g) + (e if inside else 0))
    return rate / (1 - s["beta_1"] ** t) * m / (u if inside else u + e)


def nadam(s: Settings, g: Array, rate: float, t: int, kept: Settings) -> Array:
    """Constant momentum or Dozat's."""
    (m, v), b = moments(s, g, kept), s["beta_1"]
    mu, after = (
        b * (1 - 0.5 * 0.96 ** (k * s["momentum_decay"])) if s["momentum_schedule"] == "dozat" else b
        for k in (t, t + 1)
    )
    product = kept["product"] = kept.get("product", 1) * mu
    m_hat = after * m / (1 - product * after) + (1 - mu) * g / (1 - product)
    return rate * m_hat / (np.sqrt(v / (1 - s["beta_2"] ** t)) + s["epsilon"])


FORMULAS: dict[str, Callable[..., Array]] = {
    "sgd": descent,
    "momentum": momentum,
    "nesterov": momentum,
    "adagrad": squares,
    "rmsprop": squares,
    "adam": adam,
    "adamw": adam,
    "adamax": adamax,
    "nadam": nadam,
}


def clipped(s: Settings, gradients: list[Array]) -> list[Array]:
    """The gradients held small by either norm."""
    e, norms = s.get("clip_epsilon", 0), [np.sqrt(np.sum(g**2)) for g in gradients]
    if "clip_norm" in s:
        norms, c = [np.sqrt(np.sum(np.square(norms)))] * len(norms), s["clip_norm"]
    elif "clip_norm_each" in s:
        c = s["clip_norm_each"]
    else:
        return gradients
    return [g * min(1, c / (norm + e)) for g, norm in zip(gradients, norms, strict=True)]


def updated(s: Settings, parameters: list[Array], gradients: Any, rates: Any) -> Iterator[list[Array]]:
    """The parameters after every update."""
    kept: list[Settings] = [{} for _ in parameters]
    for t, (given, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        moves = [FORMULAS[s["name"]](s, g, rate, t, memory) for g, memory in zip(clipped(s, given), kept, strict=True)]
        decay = 1 - rate * s.get("weight_decay", 0)
        parameters = [theta * decay - move for theta, move in zip(parameters, moves, strict=True)]
        yield parameters
