"""Regression by hand: all three nodes linear, L = (y − ŷ)², nine partial derivatives.

    x1 ──W1_11── h1                   W1_ij: from input i to hidden node j
       ╲ ╱          ╲W2_11            b1_j:  bias of hidden node j
       ╱ ╲           ŷ                W2_j1: from hidden node j to the output
    x2 ──W1_22── h2 ╱W2_21            b2_1:  bias of the output

In the lesson's names W²₁₁ is W2_11, and O₁₁, O₁₂ are the hidden outputs h1, h2.
Parameters are nested lists, W1[i][j] and b1[0][j], of any kind of number.
"""

from __future__ import annotations

from typing import Any

Number = Any
Parameters = dict[str, list[list[Number]]]


def initialize_parameters(weight: Number = 0.1, bias: Number = 0.0) -> Parameters:
    """All weights the same number, all biases the same number."""
    return {
        "W1": [[weight, weight], [weight, weight]],
        "b1": [[bias, bias]],
        "W2": [[weight], [weight]],
        "b2": [[bias]],
    }


def linear_forward(a: list[Number], W: list[list[Number]], b: list[list[Number]]) -> list[Number]:
    """z_j = a1 W_1j + a2 W_2j + b_j for every node j."""
    return [a[0] * W[0][j] + a[1] * W[1][j] + b[0][j] for j in range(len(b[0]))]


def forward_propagation(x: list[Number], parameters: Parameters) -> tuple[Number, list[Number]]:
    """The prediction ŷ and the hidden outputs [h1, h2]."""
    hidden = linear_forward(x, parameters["W1"], parameters["b1"])
    (y_hat,) = linear_forward(hidden, parameters["W2"], parameters["b2"])
    return y_hat, hidden


def loss(y: Number, y_hat: Number) -> Number:
    """L = (y − ŷ)²."""
    return (y - y_hat) ** 2


def descended(parameters: Parameters, gradients: Parameters, learning_rate: Number) -> Parameters:
    """Every parameter one step downhill: θ − learning_rate · ∂L/∂θ, all from the old values."""
    return {
        name: [
            [theta - learning_rate * slope for theta, slope in zip(*rows, strict=True)]
            for rows in zip(matrix, gradients[name], strict=True)
        ]
        for name, matrix in parameters.items()
    }


def update_parameters(
    parameters: Parameters, x: list[Number], y: Number, y_hat: Number, hidden: list[Number], learning_rate: Number
) -> tuple[Parameters, Parameters]:
    """The new parameters, and the nine derivatives they were moved by, all taken before anything moves."""
    W2 = parameters["W2"]
    x1, x2 = x
    h1, h2 = hidden

    dL_dW2_11 = -2 * (y - y_hat) * h1  # ∂L/∂W²₁₁ = ∂L/∂ŷ · ∂ŷ/∂W²₁₁
    dL_dW2_21 = -2 * (y - y_hat) * h2  # ∂L/∂W²₂₁
    dL_db2_11 = -2 * (y - y_hat)  # ∂L/∂b²₁

    dL_dW1_11 = -2 * (y - y_hat) * W2[0][0] * x1  # ∂L/∂W¹₁₁ = ∂L/∂ŷ · ∂ŷ/∂h1 · ∂h1/∂W¹₁₁
    dL_dW1_21 = -2 * (y - y_hat) * W2[0][0] * x2  # ∂L/∂W¹₂₁
    dL_db1_11 = -2 * (y - y_hat) * W2[0][0]  # ∂L/∂b¹₁

    dL_dW1_12 = -2 * (y - y_hat) * W2[1][0] * x1  # ∂L/∂W¹₁₂
    dL_dW1_22 = -2 * (y - y_hat) * W2[1][0] * x2  # ∂L/∂W¹₂₂
    dL_db1_12 = -2 * (y - y_hat) * W2[1][0]  # ∂L/∂b¹₂

    gradients: Parameters = {
        "W1": [[dL_dW1_11, dL_dW1_12], [dL_dW1_21, dL_dW1_22]],
        "b1": [[dL_db1_11, dL_db1_12]],
        "W2": [[dL_dW2_11], [dL_dW2_21]],
        "b2": [[dL_db2_11]],
    }
    return descended(parameters, gradients, learning_rate), gradients
