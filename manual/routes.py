"""The ways to evaluate a loss and its derivative ∂L/∂z at the last layer's pre-activation z.

All routes of a problem are the same function; in floating point they differ, and each is a right answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from manual.activations import ACTIVATIONS, Number, sigmoid_slope
from manual.losses import (
    LOSSES,
    binary_cross_entropy,
    binary_cross_entropy_derivative,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_derivative,
    log_sigmoid_form,
    log_sigmoid_form_derivative,
    logits_product_form,
)

Formula = Callable[[Number, Number], Number]


class Route(NamedTuple):
    """loss(y, z) and delta(y, z) = ∂L/∂z, both from the last layer's pre-activation z (..., rows, n_out)."""

    name: str
    loss: Formula
    delta: Formula


def chain(loss: str, activation: str) -> Route:
    """∂L/∂z = ∂L/∂ŷ · ∂ŷ/∂z with ŷ = f(z)."""
    value, derivative = LOSSES[loss]
    f, slope = ACTIVATIONS[activation]

    def delta(y: Number, z: Number) -> Number:
        y_hat = f(z)
        return derivative(y, y_hat) * slope(z, y_hat)

    return Route("chain", lambda y, z: value(y, f(z)), delta)


def tanh_probability(z: Number) -> Number:
    """σ(z) = ½ (1 + tanh ½z): the form whose error is absolute, some units in the last place of 1."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def _tanh_probability_delta(y: Number, z: Number) -> Number:
    p = tanh_probability(z)
    return binary_cross_entropy_derivative(y, p) * sigmoid_slope(z, p)


SIMPLIFIED = Route("simplified", binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_derivative)
THROUGH_TANH = Route("through tanh", lambda y, z: binary_cross_entropy(y, tanh_probability(z)), _tanh_probability_delta)
PRODUCT_FORM = Route("product form", logits_product_form, binary_cross_entropy_with_logits_derivative)
LOG_SIGMOID = Route("log sigmoid", log_sigmoid_form, log_sigmoid_form_derivative)


def routes(loss: str, activation: str) -> tuple[Route, ...]:
    """The routes that `loss` allows behind the last layer's `activation`; the first is the most accurate.

    binary_cross_entropy behind a sigmoid: from the pre-activation, where ∂L/∂z simplifies to (ŷ − y) / N,
    and through the probability ŷ, which loses everything where ŷ rounds to 0 or 1.
    """
    if (loss, activation) == ("binary_cross_entropy", "sigmoid"):
        return (SIMPLIFIED, PRODUCT_FORM, chain(loss, activation), THROUGH_TANH)
    if (loss, activation) == ("binary_cross_entropy_with_logits", "linear"):
        return (SIMPLIFIED, PRODUCT_FORM, LOG_SIGMOID)
    return (chain(loss, activation),)
