"""NAdam: Adam that looks ahead along its momentum (Dozat, 2016, algorithm 2).

Without the β₂ by which that algorithm multiplies v̂; so PyTorch, Keras and Optax.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from manual.activations import Number
from manual.optimizers.adam import kept_moments, moments
from manual.optimizers.rule import Moves, Rule, Slots

WARMTH = 0.96


def warming(t: Number, beta_1: Number, momentum_decay: Number, warmth: Number, **_: Number) -> Number:
    """μ_t = β₁ (1 − ½ · 0.96^(t ψ)) (section 3.2)."""
    return beta_1 * (1 - 0.5 * warmth ** (t * momentum_decay))


def warming_moments(g: Number, product: Number, **given: Number) -> Slots:
    """m and v as in Adam, and the product of all μ up to μ_t."""
    return {**moments(g, **given), "product": warming(**given) * product}


def kept_warming_moments(**given: Number) -> Slots:
    """β₁ and β₂ of the averages stay; the product is multiplied by μ_t."""
    return {**kept_moments(**given), "product": warming(**given)}


def constant_products(t: Number, beta_1: Number, **_: Number) -> tuple[Number, Number, Number, Number]:
    """μ_t = μ_{t+1} = β₁, and their products up to t and t + 1."""
    return beta_1, beta_1, beta_1**t, beta_1 ** (t + 1)


def warming_products(t: Number, product: Number, **given: Number) -> tuple[Number, Number, Number, Number]:
    """μ_t, μ_{t+1}, and their products up to t and t + 1."""
    following = warming(t + 1, **given)
    return warming(t, **given), following, product, product * following


Products = Callable[..., tuple[Number, Number, Number, Number]]


def together(products: Products) -> Callable[..., Moves]:
    """m̄ = μ_{t+1} m / (1 − Π_{t+1}) + (1 − μ_t) g / (1 − Π_t), θ ← θ − η m̄ / (√v̂ + ε), v̂ = v / (1 − β₂ᵗ)."""

    def move(
        g: Number, m: Number, v: Number, t: Number, rate: Number, beta_2: Number, epsilon: Number, **given: Number
    ) -> Moves:
        now, following, until_now, until_following = products(t=t, **given)
        m_bar = following * m / (1 - until_following) + (1 - now) * g / (1 - until_now)
        return (rate * m_bar / (np.sqrt(v / (1 - beta_2**t)) + epsilon),)

    return move


def quotients_first(products: Products) -> Callable[..., Moves]:
    """The same, corrected before it is weighted, as Optax does (scale_by_adam in optax/_src/transform.py)."""

    def move(
        g: Number, m: Number, v: Number, t: Number, rate: Number, beta_2: Number, epsilon: Number, **given: Number
    ) -> Moves:
        now, following, until_now, until_following = products(t=t, **given)
        m_bar = following * (m / (1 - until_following)) + (1 - now) * (g / (1 - until_now))
        return (rate * (m_bar / (np.sqrt(v / (1 - beta_2**t)) + epsilon)),)

    return move


def gradient_then_momentum(products: Products) -> Callable[..., Moves]:
    """The same in two subtractions, as PyTorch does (_single_tensor_nadam in torch/optim/nadam.py)."""

    def move(
        g: Number, m: Number, v: Number, t: Number, rate: Number, beta_2: Number, epsilon: Number, **given: Number
    ) -> Moves:
        now, following, until_now, until_following = products(t=t, **given)
        denominator = np.sqrt(v / (1 - beta_2**t)) + epsilon
        by_gradient = rate * (1 - now) / (1 - until_now) * g / denominator
        by_momentum = rate * following / (1 - until_following) * m / denominator
        return by_gradient, by_momentum

    return move


def gradient_then_momentum_quotients_first(products: Products) -> Callable[..., Moves]:
    """The same with g and m divided first, as PyTorch's addcdiv may."""

    def move(
        g: Number, m: Number, v: Number, t: Number, rate: Number, beta_2: Number, epsilon: Number, **given: Number
    ) -> Moves:
        now, following, until_now, until_following = products(t=t, **given)
        denominator = np.sqrt(v / (1 - beta_2**t)) + epsilon
        by_gradient = rate * (1 - now) / (1 - until_now) * (g / denominator)
        by_momentum = rate * following / (1 - until_following) * (m / denominator)
        return by_gradient, by_momentum

    return move


WAYS = (together, quotients_first, gradient_then_momentum, gradient_then_momentum_quotients_first)
NADAM = {
    "constant": Rule(
        start={"m": 0.0, "v": 0.0},
        absorb=moments,
        kept=kept_moments,
        averages=frozenset({"m", "v"}),
        moves=tuple(way(constant_products) for way in WAYS),
    ),
    "dozat": Rule(
        start={"m": 0.0, "v": 0.0, "product": 1.0},
        absorb=warming_moments,
        kept=kept_warming_moments,
        averages=frozenset({"m", "v"}),
        moves=tuple(way(warming_products) for way in WAYS),
        constants={"warmth": WARMTH},
    ),
}
