"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Mapping

from manual.activations import Number
from manual.optimizers.rule import Moves, Rule, Slots


def sgd(parameters: Mapping[str, Number], gradients: Mapping[str, Number], learning_rate: Number) -> dict[str, Number]:
    """θ ← θ − η ∂L/∂θ (Robbins & Monro, 1951), every parameter from its own gradient."""
    return {name: theta - learning_rate * gradients[name] for name, theta in parameters.items()}


def descent(g: Number, rate: Number, **_: Number) -> Moves:
    """θ ← θ − η g."""
    return (rate * g,)


def velocity(g: Number, v: Number, momentum: Number, **_: Number) -> Slots:
    """v ← μ v + g (Polyak, 1964, eq. 9, divided by η)."""
    return {"v": momentum * v + g}


def along_velocity(v: Number, rate: Number, **_: Number) -> Moves:
    """θ ← θ − η v."""
    return (rate * v,)


def ahead_of_velocity(g: Number, v: Number, rate: Number, momentum: Number, **_: Number) -> Moves:
    """θ ← θ − η (g + μ v): Nesterov's step (Sutskever et al., 2013, eq. 3 and 4) told at the point looked ahead to."""
    return (rate * (g + momentum * v),)


def velocity_with_rate(g: Number, v: Number, rate: Number, momentum: Number, **_: Number) -> Slots:
    """v ← μ v − η g (Sutskever et al., 2013, eq. 1)."""
    return {"v": momentum * v - rate * g}


def by_velocity(v: Number, **_: Number) -> Moves:
    """θ ← θ + v (Sutskever et al., 2013, eq. 2)."""
    return (-v,)


def ahead_by_velocity(g: Number, v: Number, rate: Number, momentum: Number, **_: Number) -> Moves:
    """θ ← θ + μ v − η g."""
    return (-(momentum * v - rate * g),)


def first_gradient_then_velocity(g: Number, v: Number, rate: Number, momentum: Number, **_: Number) -> Moves:
    """The same in two additions, as Keras does on PyTorch (backend/torch/optimizers/torch_sgd.py)."""
    return (rate * g, -(momentum * v))


def kept_velocity(momentum: Number, **_: Number) -> Slots:
    """μ of the velocity stays."""
    return {"v": momentum}


SGD = Rule(moves=(descent,))
MOMENTUM = {
    "gradient": Rule(start={"v": 0.0}, absorb=velocity, kept=kept_velocity, moves=(along_velocity,)),
    "step": Rule(start={"v": 0.0}, absorb=velocity_with_rate, kept=kept_velocity, moves=(by_velocity,)),
}
NESTEROV = {
    "gradient": Rule(start={"v": 0.0}, absorb=velocity, kept=kept_velocity, moves=(ahead_of_velocity,)),
    "step": Rule(
        start={"v": 0.0},
        absorb=velocity_with_rate,
        kept=kept_velocity,
        moves=(ahead_by_velocity, first_gradient_then_velocity),
    ),
}
