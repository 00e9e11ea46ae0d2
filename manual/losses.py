"""Losses L(y, ŷ), averaged over rows, and their derivatives ∂L/∂ŷ, element by element.

y, ŷ: (..., rows, n_out); the sparse losses take y (..., rows, 1). A loss is (...,), its derivative (..., rows, n_out).
N is the number of elements that the mean runs over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from manual.activations import sigmoid, softmax, softplus
from manual.number import Number, shift


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


def mean_absolute_error(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ |y − ŷ|, N = rows · outputs."""
    return total(np.abs(y - y_hat)) / count(y)


def mean_absolute_error_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = sign(ŷ − y) / N, 0 where they are equal."""
    return np.sign(y_hat - y) / count(y)


def huber(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ ½ e² where |e| ≤ 1, else |e| − ½, e = y − ŷ, N = rows · outputs (Huber, 1964)."""
    e = np.abs(y - y_hat)
    return total(np.where(e > 1, e - 0.5, 0.5 * e**2)) / count(y)


def huber_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = ŷ − y, held between −1 and 1, over N."""
    return np.minimum(np.maximum(y_hat - y, -1), 1) / count(y)


def huber_in_parts(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ ½ q² + (|e| − q), q = min(|e|, 1), the form that Optax computes."""
    e = np.abs(y - y_hat)
    q = np.minimum(e, 1)
    return total(0.5 * q**2 + (e - q)) / count(y)


def huber_in_parts_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = sign(ŷ − y) (1 + (q − 1)) / N, as the two parts of the sum are differentiated one by one."""
    e = y_hat - y
    return np.sign(e) * (1 + (np.minimum(np.abs(e), 1) - 1)) / count(y)


def hinge(y: Number, y_hat: Number) -> Number:
    """L = 1/N Σ max(0, 1 − y ŷ), y −1 or 1, N = rows · outputs."""
    return total(np.maximum(1 - y * y_hat, 0)) / count(y)


def hinge_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = −y / N where y ŷ < 1, else 0; at the kink it is 0."""
    return np.where(1 - y * y_hat > 0, -y, 0 * y) / count(y)


def categorical_cross_entropy(y: Number, y_hat: Number) -> Number:
    """L = −1/N Σ y log ŷ, N = rows, ŷ the probabilities of the classes."""
    return -total(y * np.log(y_hat)) / y.shape[-2]


def categorical_cross_entropy_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = −(y / ŷ) / N, N = rows."""
    return -(y / y_hat) / y.shape[-2]


def normalized_cross_entropy(y: Number, y_hat: Number) -> Number:
    """L = −1/N Σ y log(ŷ / Σ ŷ), as Keras computes it: the sum is 1 but for rounding."""
    return categorical_cross_entropy(y, y_hat / y_hat.sum(-1, keepdims=True))


def normalized_cross_entropy_derivative(y: Number, y_hat: Number) -> Number:
    """∂L/∂ŷ = (Σ y / Σ ŷ − y / ŷ) / N, N = rows."""
    shared = y.sum(-1, keepdims=True) / y_hat.sum(-1, keepdims=True)  # (..., rows, 1)
    return (shared - y / y_hat) / y.shape[-2]


def log_softmax(z: Number) -> Number:
    """log(e^(z_i) / Σ_j e^(z_j)) = (z_i − m) − log Σ_j e^(z_j − m), m the maximum of the row."""
    shifted = z - shift(z)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def categorical_cross_entropy_with_logits(y: Number, z: Number) -> Number:
    """L = −1/N Σ y log softmax(z), N = rows."""
    return -total(y * log_softmax(z)) / y.shape[-2]


def categorical_cross_entropy_with_logits_derivative(y: Number, z: Number) -> Number:
    """∂L/∂z = (softmax(z) Σ y − y) / N, N = rows; Σ y of a row is 1, but for its own digits."""
    return (softmax(z) * y.sum(-1, keepdims=True) - y) / y.shape[-2]


def log_softmax_form_derivative(y: Number, z: Number) -> Number:
    """∂L/∂z with softmax(z) = e^(log softmax(z)), which is how PyTorch differentiates log softmax."""
    return (np.exp(log_softmax(z)) * y.sum(-1, keepdims=True) - y) / y.shape[-2]


def log_sum_exp_form(y: Number, z: Number) -> Number:
    """L = 1/N Σ y (log Σ_j e^(z_j) − z), log Σ e^z = m + log Σ e^(z − m), the form of textbooks and of SciPy."""
    maximum = shift(z)
    log_sum = maximum + np.log(np.exp(z - maximum).sum(-1, keepdims=True))  # (..., rows, 1)
    return total(y * (log_sum - z)) / y.shape[-2]


def one_hot(y: Number, classes: int) -> Number:
    """1 in the column of the class that y (..., rows, 1) counts from 0, else 0: (..., rows, classes)."""
    return np.where(y == np.arange(classes), 1, 0 * y)


class Loss(NamedTuple):
    """A loss and its derivative, side by side."""

    value: Callable[[Number, Number], Number]
    derivative: Callable[[Number, Number], Number]


def sparse(loss: Loss) -> Loss:
    """`loss` of the number of the right class, y (..., rows, 1)."""
    return Loss(
        lambda y, y_hat: loss.value(one_hot(y, y_hat.shape[-1]), y_hat),
        lambda y, y_hat: loss.derivative(one_hot(y, y_hat.shape[-1]), y_hat),
    )


CATEGORICAL = Loss(categorical_cross_entropy, categorical_cross_entropy_derivative)
CATEGORICAL_WITH_LOGITS = Loss(categorical_cross_entropy_with_logits, categorical_cross_entropy_with_logits_derivative)

LOSSES = {
    "mean_squared_error": Loss(mean_squared_error, mean_squared_error_derivative),
    "half_squared_error": Loss(half_squared_error, half_squared_error_derivative),
    "mean_absolute_error": Loss(mean_absolute_error, mean_absolute_error_derivative),
    "huber": Loss(huber, huber_derivative),
    "binary_cross_entropy": Loss(binary_cross_entropy, binary_cross_entropy_derivative),
    "binary_cross_entropy_with_logits": Loss(
        binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_derivative
    ),
    "categorical_cross_entropy": CATEGORICAL,
    "categorical_cross_entropy_with_logits": CATEGORICAL_WITH_LOGITS,
    "sparse_categorical_cross_entropy": sparse(CATEGORICAL),
    "sparse_categorical_cross_entropy_with_logits": sparse(CATEGORICAL_WITH_LOGITS),
    "hinge": Loss(hinge, hinge_derivative),
}
