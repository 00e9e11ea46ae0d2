"""What lies within float32's bound only: float32 numbers, or numbers that something small was added to.

Only numbers that float32 can hold are evidence of float32. A float64 number is one by chance once in 2^29.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, FLOAT64
from comparisons.chains import Passes, prediction, target
from comparisons.estimates import LEAST_STATES, Measured, bounded, common, within
from comparisons.evidence import Evidence
from problems.problem import Array

FEW_BITS = 12  # a number of fewer significant bits, such as 3 or 0.25, is a float32 number whatever computed it
TELLING = 2.0**-5  # of the distance of float32 numbers: what a number may be uncertain by to tell whether it is one
DIGITS = (1, 2, 3, 6)  # significant digits that an epsilon somebody typed may have


def carries_float32(evidence: Evidence) -> bool:
    """Whether any element is a float32 number in every state: a reported one, or what an update implies."""
    return any(are_float32(values, error) for values, error in _columns(evidence))


def _columns(evidence: Evidence) -> Iterator[tuple[Array, Array]]:
    """For each element its values over the states and what they are uncertain by, each (states,)."""
    exact = np.zeros(len(evidence.loss))
    yield np.asarray(evidence.loss, dtype=np.float64), exact
    for name, before in evidence.before.items():
        after = evidence.after[name].astype(np.float64)
        move = before.astype(np.float64) - after
        lost = 2 * FLOAT64.unit * np.maximum(np.abs(before), np.abs(after))
        slope = move / evidence.learning_rate
        told = [(after, 0 * lost), (move, lost), (slope, lost / evidence.learning_rate + 4 * FLOAT64.unit * abs(slope))]
        if evidence.gradients is not None:
            told.append((evidence.gradients[name].astype(np.float64), 0 * lost))
        for values, error in told:
            yield from zip(values.reshape(len(exact), -1).T, error.reshape(len(exact), -1).T, strict=True)


def are_float32(values: Array, error: Array) -> bool:
    """Whether each of `values`, uncertain by `error`, is a float32 number, and enough of them are not so by chance."""
    with np.errstate(all="ignore"):
        nearest = values.astype(np.float32).astype(np.float64)
        telling = np.isfinite(nearest) & (error < TELLING * FLOAT32.unit * np.abs(values)) & ~_few_bits(nearest)
        return bool(telling.sum() >= LEAST_STATES and (np.abs(values - nearest) <= error)[telling].all())


def _few_bits(values: Array) -> Array:
    """Where a number has no more than FEW_BITS significant bits."""
    scaled = np.ldexp(np.frexp(values)[0], FEW_BITS)
    return np.asarray(scaled == np.round(scaled))


def constant_added(measured: Measured) -> str | None:
    """In words the constant that was added in every state: to the loss or the gradient, or to the parameter."""
    precision = measured.right.precision
    found = Bounded.rounded(measured.found, precision)
    share = common(bounded(measured.slope - measured.right))
    if share is not None and measured.gives(measured.right + share):
        return f"{share.value.item():.6g} is added to the {'loss' if measured.own is None else 'gradient'}"
    if measured.rate is None:
        return None
    right = bounded(measured.own - measured.rate * measured.right)
    share = common(bounded(found - right))
    if share is not None and within(bounded(right + share), measured.found).all():
        return f"{share.value.item():.6g} is added to the parameter"
    return None


def epsilon_in_log(passes: Passes, found: Array) -> float | None:
    """The ε with which the logarithms of ŷ + ε, of a cross-entropy, give the loss found in every state."""
    if "cross_entropy" not in passes.problem.loss or passes.problem.l2:
        return None
    y, y_hat = target(passes), bounded(prediction(passes))
    loss = binary_loss if passes.problem.loss.startswith("binary") else categorical_loss
    with np.errstate(all="ignore"):
        right, slope = loss(y.value, y_hat.value, 0.0), loss_slope(loss, y.value, y_hat.value)
        about = float(np.median((right - found) / slope))
    if not (np.isfinite(about) and about > 0):
        return None
    tried = dict.fromkeys(float(f"{about:.{digits}g}") for digits in DIGITS)
    return next((one for one in tried if _gives(bounded(loss(y, y_hat, one)), found)), None)


def binary_loss(y: Any, y_hat: Any, epsilon: float) -> Any:
    """1/N Σ −y log(ŷ + ε) − (1 − y) log(1 − ŷ + ε), over every number system."""
    elements = -y * np.log(y_hat + epsilon) - (1 - y) * np.log(1 - y_hat + epsilon)
    return elements.sum((-2, -1)) / (y.shape[-2] * y.shape[-1])


def categorical_loss(y: Any, y_hat: Any, epsilon: float) -> Any:
    """1/N Σ −y log(ŷ + ε), N being the rows, over every number system."""
    return (-y * np.log(y_hat + epsilon)).sum((-2, -1)) / y.shape[-2]


def loss_slope(loss: Callable[..., Any], y: Array, y_hat: Array) -> Array:
    """By how much the loss falls for each ε, where that is small."""
    if loss is categorical_loss:
        return (y / y_hat).sum((-2, -1)) / y.shape[-2]
    return (y / y_hat + (1 - y) / (1 - y_hat)).mean((-2, -1))


def _gives(predicted: Bounded, found: Array) -> bool:
    told = np.isfinite(predicted.error)
    return bool(told.sum() >= LEAST_STATES and within(predicted, found).all())
