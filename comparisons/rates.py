"""The learning rate of each step, with a bound around how libraries evaluate its schedule."""

from __future__ import annotations

import math

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT64, FUNCTION_ERROR, Precision
from problems.optimizer import Optimizer
from problems.problem import Array

COSINE_ERROR = 16  # in units of u, absolute: 3 roundings of π k / s ≤ π, 4 of the cosine, halved, and 6 around it


def held(value: float, precision: Precision) -> Bounded:
    """A setting: exact where the format holds it, else exact or rounded."""
    if precision.settings is not None:
        there = held(value, precision.settings)
        return Bounded(there.value, there.error, precision)
    return Bounded.exact(value, precision) if precision.holds(np.asarray(value)) else Bounded.rounded(value, precision)


def rates(optimizer: Optimizer, steps: Array, precision: Precision) -> Bounded:
    """η at each of `steps` (from 1), (steps, 1)."""
    if optimizer.schedule.name == "constant":
        values = np.full((len(steps), 1), optimizer.learning_rate)
    else:
        values = np.array([[optimizer.learning_rate_at(int(step))] for step in steps])
    unit = (precision.settings or precision).unit + FLOAT64.unit
    if optimizer.schedule.name == "cosine":
        error = optimizer.learning_rate * COSINE_ERROR * unit + 2 * unit * values
    else:
        error = roundings(optimizer, steps)[:, None] * unit * values
    return Bounded(values, error + precision.smallest_normal, precision)


def roundings(optimizer: Optimizer, steps: Array) -> Array:
    """How many roundings separate η γ^p from its evaluations, (steps,): as a power, or as a chain of products.

    γ is rounded p times over; a power rounds p log γ, a chain each of its p products; η and the last product are two.
    """
    schedule = optimizer.schedule
    if schedule.name == "constant":
        return np.ones(len(steps))
    p = (steps - 1) / schedule.every
    p = np.floor(p) if schedule.name == "step" else p
    power = FUNCTION_ERROR["power"] + 2 * p * abs(math.log(schedule.decay))
    return (p + np.maximum(power, p) + 3) * (1 + 1e-6)  # with room for second-order terms
