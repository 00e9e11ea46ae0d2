"""Classification by hand: all three nodes sigmoid, binary cross-entropy, nine partial derivatives.

The network and its names are those of the regression beside this file; here h1, h2 and ŷ have been
through σ(z) = 1 / (1 + e^(−z)), whose slope is σ (1 − σ). The loss's own slope
∂L/∂ŷ = (ŷ − y) / (ŷ (1 − ŷ)) times ŷ (1 − ŷ) leaves ∂L/∂z = ŷ − y, which begins every derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from manual.nine_derivatives.regression import descended, initialize_parameters, linear_forward

__all__ = ["forward_propagation", "initialize_parameters", "linear_forward", "loss", "sigmoid", "update_parameters"]

Number = Any
Parameters = dict[str, list[list[Number]]]


def sigmoid(z: Number) -> Number:
    """σ(z) = 1 / (1 + e^(−z))."""
    return 1 / (1 + np.exp(-z))


def forward_propagation(x: list[Number], parameters: Parameters) -> tuple[Number, list[Number]]:
    """The prediction ŷ, a probability, and the hidden outputs [h1, h2]."""
    hidden = [sigmoid(z) for z in linear_forward(x, parameters["W1"], parameters["b1"])]
    (y_hat,) = (sigmoid(z) for z in linear_forward(hidden, parameters["W2"], parameters["b2"]))
    return y_hat, hidden


def loss(y: Number, y_hat: Number) -> Number:
    """L = −y log ŷ − (1 − y) log(1 − ŷ)."""
    return -y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)


def update_parameters(
    parameters: Parameters, x: list[Number], y: Number, y_hat: Number, hidden: list[Number], learning_rate: Number
) -> tuple[Parameters, Parameters]:
    """The new parameters, and the nine derivatives they were moved by, all taken before anything moves."""
    W2 = parameters["W2"]
    x1, x2 = x
    h1, h2 = hidden

    dL_dW2_11 = -(y - y_hat) * h1  # ∂L/∂W²₁₁ = ∂L/∂z · ∂z/∂W²₁₁
    dL_dW2_21 = -(y - y_hat) * h2  # ∂L/∂W²₂₁
    dL_db2_11 = -(y - y_hat)  # ∂L/∂b²₁

    dL_dW1_11 = -(y - y_hat) * W2[0][0] * h1 * (1 - h1) * x1  # ∂L/∂W¹₁₁ = ∂L/∂z · ∂z/∂h1 · ∂h1/∂W¹₁₁
    dL_dW1_21 = -(y - y_hat) * W2[0][0] * h1 * (1 - h1) * x2  # ∂L/∂W¹₂₁
    dL_db1_11 = -(y - y_hat) * W2[0][0] * h1 * (1 - h1)  # ∂L/∂b¹₁

    dL_dW1_12 = -(y - y_hat) * W2[1][0] * h2 * (1 - h2) * x1  # ∂L/∂W¹₁₂
    dL_dW1_22 = -(y - y_hat) * W2[1][0] * h2 * (1 - h2) * x2  # ∂L/∂W¹₂₂
    dL_db1_12 = -(y - y_hat) * W2[1][0] * h2 * (1 - h2)  # ∂L/∂b¹₂

    gradients: Parameters = {
        "W1": [[dL_dW1_11, dL_dW1_12], [dL_dW1_21, dL_dW1_22]],
        "b1": [[dL_db1_11, dL_db1_12]],
        "W2": [[dL_dW2_11], [dL_dW2_21]],
        "b2": [[dL_db2_11]],
    }
    return descended(parameters, gradients, learning_rate), gradients
