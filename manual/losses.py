"""Losses L(y, ŷ), averaged over rows, and their derivatives ∂L/∂ŷ, element by element.

y, ŷ: (..., rows, n_out). A loss is (...,), its derivative (..., rows, n_out).
N is the number of elements that the mean runs over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from manual.activations import sigmoid

Number = Any


def total(elements: Number) -> Number:
    """Sum over rows and outputs."""
    return elements.sum((-2, -1))


def count(y: Number) -> int:
    """Rows times outputs."""
    return int(y.shape[-2] * y.shape[-1])


def mean_squared_error(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ (y − ŷ)², N = rows · outputs."""
    return total((y - y_hat) ** 2) / count(y)


def mean_squared_error_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = 2 (ŷ − y) / N."""
    return 2 * (y_hat - y) / count(y)


def half_squared_error(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ ½ (y − ŷ)², N = rows."""
    return total(0.5 * (y - y_hat) ** 2) / y.shape[-2]


def half_squared_error_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = (ŷ − y) / N, N = rows."""
    return (y_hat - y) / y.shape[-2]


def binary_cross_entropy(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ −y log ŷ − (1 − y) log(1 − ŷ), ŷ a probability."""
    return total(-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)) / count(y)


def binary_cross_entropy_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = (−y / ŷ + (1 − y) / (1 − ŷ)) / N."""
    return (-y / y_hat + (1 - y) / (1 - y_hat)) / count(y)


def softplus(z: Number) -> Number:
    """log(1 + e^z) = max(z, 0) + log(1 + e^(−|z|))."""
    return np.maximum(z, 0) + np.log(1 + np.exp(-np.abs(z)))


def binary_cross_entropy_with_logits(y: Number, z: Number) -> Number:
    """L = 1/N Σ y log(1 + e^(−z)) + (1 − y) log(1 + e^z), which is the loss of ŷ = σ(z)."""
    return total(y * softplus(-z) + (1 - y) * softplus(z)) / count(y)


def binary_cross_entropy_with_logits_derivative(y: Number, z: Number) -> Number:
    """∂L/∂z = (σ(z) − y) / N."""
    return (sigmoid(z) - y) / count(y)


def logits_product_form(y: Number, z: Number) -> Number:
    """L = 1/N Σ max(z, 0) − z y + log(1 + e^(−|z|)), the form that TensorFlow documents."""
    return total(np.maximum(z, 0) - z * y + np.log(1 + np.exp(-np.abs(z)))) / count(y)


def log_sigmoid_form(y: Number, z: Number) -> Number:
    """L = 1/N Σ (1 − y) z − log σ(z), log σ(z) = min(z, 0) − log(1 + e^(−|z|)), the form that PyTorch computes."""
    return total((1 - y) * z - (np.minimum(z, 0) - np.log(1 + np.exp(-np.abs(z))))) / count(y)


def log_sigmoid_form_derivative(y: Number, z: Number) -> Number:
    """∂L/∂z with σ(z) = e^(z − log(1 + e^z)), which is how JAX differentiates log σ."""
    return ((1 - y) * np.exp(z - softplus(z)) - y * np.exp(-z - softplus(-z))) / count(y)


class Loss(NamedTuple):
    """A loss and its derivative, side by side."""

    value: Callable[[Number, Number], Number]
    derivative: Callable[[Number, Number], Number]


LOSSES = {
    "mean_squared_error": Loss(mean_squared_error, mean_squared_error_derivative),
    "half_squared_error": Loss(half_squared_error, half_squared_error_derivative),
    "binary_cross_entropy": Loss(binary_cross_entropy, binary_cross_entropy_derivative),
    "binary_cross_entropy_with_logits": Loss(
        binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_derivative
    ),
}
