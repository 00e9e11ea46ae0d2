"""The l2 penalty on the weights: ½ λ Σ W², the biases left alone (Tikhonov, 1943; Hoerl & Kennard, 1970)."""

from __future__ import annotations

from collections.abc import Mapping

from manual.number import Number


def penalty(parameters: Mapping[str, Number], l2: Number) -> Number:
    """½ λ Σ W² over the elements of all weights: (...,)."""
    return sum(0.5 * l2 * (W * W).sum((-2, -1)) for name, W in parameters.items() if name.startswith("W"))


def penalized(gradients: Mapping[str, Number], parameters: Mapping[str, Number], l2: Number) -> dict[str, Number]:
    """∂L/∂W + λ W of the weights, ∂L/∂b of the biases."""
    return {name: slope + l2 * parameters[name] if name.startswith("W") else slope for name, slope in gradients.items()}
