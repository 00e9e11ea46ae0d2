"""Where matrix products in float32 leave its range, though the numbers that they are made of are float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from comparisons.divergence import EDGE
from manual.network import loss_routes, train_step
from problems.dtypes import largest
from problems.problem import Array, Parameters, Problem

MOST = (1 - EDGE) * largest("float32")


class Float32Products(np.ndarray):
    """float64 numbers whose matrix products are infinite where float32 has no room for them."""

    def __matmul__(self, other: Any) -> Any:
        return _product(np.asarray(self), np.asarray(other))

    def __rmatmul__(self, other: Any) -> Any:
        return _product(np.asarray(other), np.asarray(self))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = super().__array_function__(function, types, args, kwargs)
        return found.view(Float32Products) if isinstance(found, np.ndarray) else found  # np.where forgets the class


def _product(a: Array, b: Array) -> Any:
    found = a @ b
    return np.where(np.abs(found) < MOST, found, np.copysign(np.inf, found)).view(Float32Products)


def beyond_products(problem: Problem, before: Parameters, x: Array, y: Array) -> Array:
    """Steps, (steps,), of which something is not finite where products are made in float32, or the start is not.

    before: (steps, n_in, n_out) each; x (steps, rows, n_in); y (steps, rows, n_out).
    """
    state = {name: values.astype(np.float64).view(Float32Products) for name, values in before.items()}
    rows = x.astype(np.float64).view(Float32Products)
    route, *_ = loss_routes(problem.network, problem.loss)
    with np.errstate(all="ignore"):
        step = train_step(problem.network, route, state, rows, y, problem.optimizer.learning_rate, problem.l2)
    told = [step.loss, *step.gradients.values(), *before.values()]
    return ~np.logical_and.reduce([np.isfinite(np.asarray(one)).reshape(len(x), -1).all(axis=1) for one in told])
