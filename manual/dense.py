"""One dense layer: z = x W + b, and what its derivatives are."""

from __future__ import annotations

from manual.activations import Number


def forward(x: Number, W: Number, b: Number) -> Number:
    """z = x W + b."""
    return x @ W + b  # (..., rows, n_out)


def backward(x: Number, dz: Number) -> tuple[Number, Number]:
    """∂L/∂W = xᵀ ∂L/∂z, ∂L/∂b = Σ over rows of ∂L/∂z (Rumelhart, Hinton & Williams, 1986)."""
    dW = x.mT @ dz  # (..., n_in, n_out)
    db = dz.sum(-2, keepdims=True)  # (..., 1, n_out)
    return dW, db


def backward_to_inputs(W: Number, dz: Number) -> Number:
    """∂L/∂x = ∂L/∂z Wᵀ, which the layer before needs; before the first layer nobody does."""
    return dz @ W.mT  # (..., rows, n_in)
