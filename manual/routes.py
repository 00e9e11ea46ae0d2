"""The ways to evaluate a loss and its derivative ∂L/∂z at the last layer's pre-activation z.

All routes of a problem are the same function; in floating point they differ, and each is a right answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from manual.activations import ACTIVATIONS, Number, backward, sigmoid_slope
from manual.losses import (
    CATEGORICAL,
    CATEGORICAL_WITH_LOGITS,
    LOSSES,
    Loss,
    binary_cross_entropy,
    binary_cross_entropy_derivative,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_derivative,
    categorical_cross_entropy_with_logits,
    categorical_cross_entropy_with_logits_derivative,
    huber_in_parts,
    huber_in_parts_derivative,
    log_sigmoid_form,
    log_sigmoid_form_derivative,
    log_softmax_form_derivative,
    log_sum_exp_form,
    logits_product_form,
    normalized_cross_entropy,
    normalized_cross_entropy_derivative,
    one_hot,
)

Formula = Callable[[Number, Number], Number]


class Route(NamedTuple):
    """loss(y, z) and delta(y, z) = ∂L/∂z, both from the last layer's pre-activation z (..., rows, n_out)."""

    name: str
    loss: Formula
    delta: Formula


def chain(loss: str, activation: str) -> Route:
    """∂L/∂z = ∂L/∂ŷ · ∂ŷ/∂z with ŷ = f(z)."""
    return chain_of("chain", LOSSES[loss], activation)


def chain_of(name: str, loss: Loss, activation: str) -> Route:
    """The same of any form of a loss."""
    f = ACTIVATIONS[activation].value

    def delta(y: Number, z: Number) -> Number:
        y_hat = f(z)
        return backward(activation, z, y_hat, loss.derivative(y, y_hat))

    return Route(name, lambda y, z: loss.value(y, f(z)), delta)


def of_classes(route: Route) -> Route:
    """`route` of the number of the right class, y (..., rows, 1)."""
    return Route(
        route.name,
        lambda y, z: route.loss(one_hot(y, z.shape[-1]), z),
        lambda y, z: route.delta(one_hot(y, z.shape[-1]), z),
    )


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

SCORES = {
    "simplified": CATEGORICAL_WITH_LOGITS,
    "log softmax": Loss(categorical_cross_entropy_with_logits, log_softmax_form_derivative),
    "log sum exp": Loss(log_sum_exp_form, categorical_cross_entropy_with_logits_derivative),
}
NORMALIZED = Loss(normalized_cross_entropy, normalized_cross_entropy_derivative)
FROM_CLASS_PROBABILITIES = (
    *(Route(name, *form) for name, form in SCORES.items()),
    chain_of("chain", CATEGORICAL, "softmax"),
    chain_of("normalized", NORMALIZED, "softmax"),
)
HUBER_IN_PARTS = Loss(huber_in_parts, huber_in_parts_derivative)


def routes(loss: str, activation: str) -> tuple[Route, ...]:
    """The routes that `loss` allows behind the last layer's `activation`; the first is the most accurate.

    binary_cross_entropy behind a sigmoid: from the pre-activation, where ∂L/∂z simplifies to (ŷ − y) / N,
    and through the probability ŷ, which loses everything where ŷ rounds to 0 or 1. categorical_cross_entropy behind
    a softmax likewise.
    """
    if loss.startswith("sparse_"):
        return tuple(of_classes(route) for route in routes(loss.removeprefix("sparse_"), activation))
    if (loss, activation) == ("binary_cross_entropy", "sigmoid"):
        return (SIMPLIFIED, PRODUCT_FORM, chain(loss, activation), THROUGH_TANH)
    if (loss, activation) == ("binary_cross_entropy_with_logits", "linear"):
        return (SIMPLIFIED, PRODUCT_FORM, LOG_SIGMOID)
    if (loss, activation) == ("categorical_cross_entropy", "softmax"):
        return FROM_CLASS_PROBABILITIES
    if loss == "categorical_cross_entropy_with_logits":
        return tuple(chain_of(name, form, activation) for name, form in SCORES.items())
    if loss == "huber":
        return (chain(loss, activation), chain_of("in parts", HUBER_IN_PARTS, activation))
    return (chain(loss, activation),)
