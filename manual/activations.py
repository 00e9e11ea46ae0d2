"""Activations a = f(z) and their slopes ∂a/∂z, element by element but for softmax.

Every formula uses only operators and ufuncs, so it runs alike over floats, ensembles, error-carrying arrays
and balls. A slope receives z and a and uses whichever says it more simply. Where libraries evaluate one formula in
several ways, the accurate one stands first and `ways` names the others, which error-carrying arrays cover.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from manual.normal import cumulative, density
from manual.number import Number as Number
from manual.number import indicator, own, shift, ways

LEAK = 0.01
CUBIC = 0.044715  # of Hendrycks & Gimpel's approximation


def linear(z: Number) -> Number:
    """a = z."""
    return z


def linear_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = 1."""
    return 1


def sigmoid(z: Number) -> Number:
    """a = 1 / (1 + e^(−z)), written as e^min(z, 0) / (1 + e^(−|z|)) so that nothing overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def sigmoid_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = a (1 − a)."""
    return a * (1 - a)


def tanh(z: Number) -> Number:
    """a = (e^z − e^(−z)) / (e^z + e^(−z))."""
    return np.tanh(z)


def tanh_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = 1 − a², which JAX computes as (1 + a) (1 − a)."""
    return ways(1 - a * a, lambda: (1 + a) * (1 - a))


def relu(z: Number) -> Number:
    """a = max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = 1 where z > 0, else 0; at the kink z = 0 it is 0."""
    return indicator(z > 0, a)


def leaky_relu(z: Number) -> Number:
    """a = z where z > 0, else 0.01 z (Maas, Hannun & Ng, 2013)."""
    return np.where(z > 0, z, LEAK * z)


def leaky_relu_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = 1 where z > 0, else 0.01; at the kink z = 0 it is 0.01."""
    return np.where(z > 0, 1, LEAK * own(1, z))


def elu(z: Number) -> Number:
    """a = z where z > 0, else e^z − 1 (Clevert, Unterthiner & Hochreiter, 2016)."""
    below = np.minimum(z, 0)
    return np.where(z > 0, z, ways(np.expm1(below), lambda: np.exp(below) - 1))


def elu_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = 1 where z > 0, else e^z, which TensorFlow and JAX compute as a + 1."""
    return np.where(z > 0, 1, ways(np.exp(np.minimum(z, 0)), lambda: a + 1))


def softplus(z: Number) -> Number:
    """a = log(1 + e^z) = max(z, 0) + log(1 + e^(−|z|)).

    PyTorch computes log(1 + e^z) as it stands, up to its threshold of 20, and z above it, which is e^(−z) less.
    """
    rest = np.exp(-np.abs(z))
    return ways(
        np.maximum(z, 0) + np.log1p(rest),
        lambda: np.maximum(z, 0) + np.log(1 + rest),
        lambda: np.where(z > 20, z, np.log(1 + np.exp(np.minimum(z, 20)))),
    )


def softplus_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = σ(z), which JAX computes as e^(z − a); PyTorch has 1 above its threshold of 20."""
    return ways(sigmoid(z), lambda: np.exp(z - a), lambda: np.where(z > 20, 1, sigmoid(z)))


def gelu(z: Number) -> Number:
    """a = z Φ(z), Φ the cumulative normal distribution (Hendrycks & Gimpel, 2016)."""
    return z * cumulative(z)


def gelu_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = Φ(z) + z φ(z), φ = Φ′ the normal density."""
    return cumulative(z) + z * density(z)


def gelu_argument(z: Number) -> Number:
    """u = √(2/π) (z + 0.044715 z³)."""
    pi = 4 * np.arctan(own(1, z))
    return np.sqrt(2 / pi) * (z + CUBIC * z**3)


def gelu_argument_slope(z: Number) -> Number:
    """∂u/∂z = √(2/π) (1 + 3 · 0.044715 z²)."""
    pi = 4 * np.arctan(own(1, z))
    return np.sqrt(2 / pi) * (1 + 3 * (CUBIC * z**2))  # 3 · 0.044715 has no float64


def gelu_tanh(z: Number) -> Number:
    """a = ½ z (1 + tanh u), u = √(2/π) (z + 0.044715 z³), which is z σ(2u) (Hendrycks & Gimpel, 2016)."""
    u = gelu_argument(z)
    return ways(z * sigmoid(2 * u), lambda: 0.5 * z * (1 + np.tanh(u)))


def gelu_tanh_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = ½ (1 + tanh u) + ½ z (1 − tanh² u) ∂u/∂z, which is σ(2u) + 2 z σ(2u) σ(−2u) ∂u/∂z."""
    u, du = gelu_argument(z), gelu_argument_slope(z)
    p = sigmoid(2 * u)

    def by_tanh() -> Number:
        t = np.tanh(u)
        return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * du

    return ways(p + 2 * z * p * sigmoid(-2 * u) * du, by_tanh)


def silu(z: Number) -> Number:
    """a = z σ(z) (Elfwing, Uchibe & Doya, 2018)."""
    return z * sigmoid(z)


def silu_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = σ(z) (1 + z σ(−z)); libraries write 1 − σ(z) for σ(−z), JAX in the sum of the product rule."""
    p = sigmoid(z)
    return ways(
        p * (1 + z * sigmoid(-z)),
        lambda: p * (1 + z * (1 - p)),
        lambda: p + z * (p * (1 - p)),
        lambda: a + p * (1 - a),
    )


def softmax(z: Number) -> Number:
    """a_i = e^(z_i) / Σ_j e^(z_j) over a row, shifted by its maximum so that nothing overflows.

    TensorFlow multiplies by the reciprocal of the sum.
    """
    powers = np.exp(z - shift(z))
    total = powers.sum(-1, keepdims=True)  # (..., rows, 1)
    return ways(powers / total, lambda: powers * (1 / total))


def softmax_slope(z: Number, a: Number) -> Number:
    """Softmax has none: every z of a row moves every a of it."""
    raise TypeError("softmax has no slope of each element: use softmax_backward")


def softmax_backward(a: Number, da: Number) -> Number:
    """∂L/∂z_i = a_i (∂L/∂a_i − Σ_j ∂L/∂a_j a_j)."""
    return a * (da - (da * a).sum(-1, keepdims=True))


class Activation(NamedTuple):
    """An activation and its slope, side by side."""

    value: Callable[[Number], Number]
    slope: Callable[[Number, Number], Number]


ACTIVATIONS = {
    "linear": Activation(linear, linear_slope),
    "sigmoid": Activation(sigmoid, sigmoid_slope),
    "tanh": Activation(tanh, tanh_slope),
    "relu": Activation(relu, relu_slope),
    "leaky_relu": Activation(leaky_relu, leaky_relu_slope),
    "elu": Activation(elu, elu_slope),
    "softplus": Activation(softplus, softplus_slope),
    "gelu": Activation(gelu, gelu_slope),
    "gelu_tanh": Activation(gelu_tanh, gelu_tanh_slope),
    "silu": Activation(silu, silu_slope),
    "softmax": Activation(softmax, softmax_slope),
}


def backward(name: str, z: Number, a: Number, da: Number) -> Number:
    """∂L/∂z from ∂L/∂a of the activation called `name`."""
    return softmax_backward(a, da) if name == "softmax" else da * ACTIVATIONS[name].slope(z, a)
