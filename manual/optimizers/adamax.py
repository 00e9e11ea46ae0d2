"""AdaMax: Adam with the largest recent gradient in place of the root of the average square (Kingma & Ba, 2015)."""

from __future__ import annotations

import numpy as np

from manual.activations import Number
from manual.optimizers.rule import Moves, Rule, Slots


def norm_with_epsilon(
    g: Number, m: Number, u: Number, beta_1: Number, beta_2: Number, epsilon: Number, **_: Number
) -> Slots:
    """m ← β₁ m + (1 − β₁) g, u ← max(β₂ u, |g| + ε) (algorithm 2; ε as in PyTorch and Optax)."""
    return {"m": beta_1 * m + (1 - beta_1) * g, "u": np.maximum(beta_2 * u, np.abs(g) + epsilon)}


def norm(g: Number, m: Number, u: Number, beta_1: Number, beta_2: Number, **_: Number) -> Slots:
    """m ← β₁ m + (1 − β₁) g, u ← max(β₂ u, |g|) (algorithm 2)."""
    return {"m": beta_1 * m + (1 - beta_1) * g, "u": np.maximum(beta_2 * u, np.abs(g))}


def by_norm(m: Number, u: Number, t: Number, rate: Number, beta_1: Number, **_: Number) -> Moves:
    """θ ← θ − η / (1 − β₁ᵗ) · m / u (algorithm 2)."""
    return (rate / (1 - beta_1**t) * m / u,)


def by_norm_quotient_first(m: Number, u: Number, t: Number, rate: Number, beta_1: Number, **_: Number) -> Moves:
    """η / (1 − β₁ᵗ) · (m / u), as PyTorch's addcdiv may."""
    return (rate / (1 - beta_1**t) * (m / u),)


def by_norm_corrected_first(m: Number, u: Number, t: Number, rate: Number, beta_1: Number, **_: Number) -> Moves:
    """η (m̂ / u), as Optax does (scale_by_adamax in optax/_src/transform.py)."""
    return (rate * (m / (1 - beta_1**t) / u),)


def by_norm_and_epsilon(
    m: Number, u: Number, t: Number, rate: Number, beta_1: Number, epsilon: Number, **_: Number
) -> Moves:
    """θ ← θ − η m / ((1 − β₁ᵗ)(u + ε)) (Keras: keras/src/optimizers/adamax.py)."""
    return (rate * m / ((1 - beta_1**t) * (u + epsilon)),)


def kept_moments(beta_1: Number, beta_2: Number, **_: Number) -> Slots:
    """β₁ of the average and β₂ of the norm stay."""
    return {"m": beta_1, "u": beta_2}


START = {"m": 0.0, "u": 0.0}
ADAMAX = {
    "norm": Rule(
        start=START,
        absorb=norm_with_epsilon,
        kept=kept_moments,
        averages=frozenset({"m"}),
        largest=frozenset({"u"}),
        moves=(by_norm, by_norm_quotient_first, by_norm_corrected_first),
    ),
    "denominator": Rule(
        start=START,
        absorb=norm,
        kept=kept_moments,
        averages=frozenset({"m"}),
        largest=frozenset({"u"}),
        moves=(by_norm_and_epsilon,),
    ),
}
