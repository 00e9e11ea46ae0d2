"""Activations a = f(z) and their slopes ∂a/∂z, element by element.

Every formula uses only operators and NumPy ufuncs, so it runs alike over floats, ensembles,
error-carrying arrays and balls. A slope receives z and a and uses whichever says it more simply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Number = Any  # an array of any of the number systems


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
    """∂a/∂z = 1 − a²."""
    return 1 - a * a


def relu(z: Number) -> Number:
    """a = max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(z: Number, a: Number) -> Number:
    """∂a/∂z = 1 where z > 0, else 0; at the kink z = 0 it is 0."""
    return np.where(z > 0, 1, 0 * a)  # 0 · a is a 0 of a's own kind: whole numbers would turn float32 into float64


class Activation(NamedTuple):
    """An activation and its slope, side by side."""

    value: Callable[[Number], Number]
    slope: Callable[[Number, Number], Number]


ACTIVATIONS = {
    "linear": Activation(linear, linear_slope),
    "sigmoid": Activation(sigmoid, sigmoid_slope),
    "tanh": Activation(tanh, tanh_slope),
    "relu": Activation(relu, relu_slope),
}
