"""Steps divided by the root of squared gradients: AdaGrad and RMSProp."""

from __future__ import annotations

import numpy as np

from manual.activations import Number
from manual.optimizers.rule import Moves, Rule, Slots


def sum_of_squares(g: Number, s: Number, **_: Number) -> Slots:
    """s ← s + g² (Duchi, Hazan & Singer, 2011, figure 1, the diagonal of G)."""
    return {"s": s + g**2}


def average_of_squares(g: Number, s: Number, rho: Number, **_: Number) -> Slots:
    """s ← ρ s + (1 − ρ) g² (Hinton, Srivastava & Swersky, 2012, lecture 6e)."""
    return {"s": rho * s + (1 - rho) * g**2}


def outside(g: Number, s: Number, rate: Number, epsilon: Number, **_: Number) -> Moves:
    """θ ← θ − η g / (√s + ε)."""
    return (rate * g / (np.sqrt(s) + epsilon),)


def outside_quotient_first(g: Number, s: Number, rate: Number, epsilon: Number, **_: Number) -> Moves:
    """η (g / (√s + ε)), as PyTorch's addcdiv may."""
    return (rate * (g / (np.sqrt(s) + epsilon)),)


def outside_reciprocal(g: Number, s: Number, rate: Number, epsilon: Number, **_: Number) -> Moves:
    """η (g · 1 / (√s + ε)), as Optax does (scale_by_rms in optax/_src/transform.py)."""
    return (rate * (g * (1 / (np.sqrt(s) + epsilon))),)


def inside(g: Number, s: Number, rate: Number, epsilon: Number, **_: Number) -> Moves:
    """θ ← θ − η g / √(s + ε)."""
    return (rate * g / np.sqrt(s + epsilon),)


def inside_reciprocal(g: Number, s: Number, rate: Number, epsilon: Number, **_: Number) -> Moves:
    """η (g · 1 / √(s + ε)), as Optax does (scale_by_rss and scale_by_rms in optax/_src/transform.py)."""
    return (rate * (g * (1 / np.sqrt(s + epsilon))),)


def kept_sum(**_: Number) -> Slots:
    """All of the sum stays."""
    return {"s": 1}


def kept_average(rho: Number, **_: Number) -> Slots:
    """ρ of the average stays."""
    return {"s": rho}


MOVES = {"outside": (outside, outside_quotient_first, outside_reciprocal), "inside": (inside, inside_reciprocal)}
ADAGRAD = {
    place: Rule(start={"s": "initial_accumulator"}, absorb=sum_of_squares, kept=kept_sum, moves=moves)
    for place, moves in MOVES.items()
}
RMSPROP = {
    place: Rule(start={"s": 0.0}, absorb=average_of_squares, kept=kept_average, averages=frozenset({"s"}), moves=moves)
    for place, moves in MOVES.items()
}
