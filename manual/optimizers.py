"""Optimizers: pure functions from parameters and gradients to new parameters."""

from __future__ import annotations

from collections.abc import Mapping

from manual.activations import Number


def sgd(parameters: Mapping[str, Number], gradients: Mapping[str, Number], learning_rate: Number) -> dict[str, Number]:
    """θ ← θ − η ∂L/∂θ (Robbins & Monro, 1951), every parameter from its own gradient."""
    return {name: theta - learning_rate * gradients[name] for name, theta in parameters.items()}
