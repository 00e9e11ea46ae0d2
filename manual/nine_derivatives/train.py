"""Training with the nine derivatives: the implementation `manual-scalar`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from manual.nine_derivatives import classification, regression
from manual.train import require_computed
from problems.order import batches
from problems.problem import Array, Problem
from problems.step import Step

LESSONS = {
    ((2, 2, 1), ("linear", "linear"), "mean_squared_error"): regression,
    ((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy"): classification,
}


def versions() -> dict[str, str]:
    """What this implementation runs on."""
    return {"numpy": np.__version__}


def lesson(problem: Problem) -> ModuleType:
    """The lesson that trains `problem`; raises NotImplementedError where neither of the two does."""
    require_computed(problem)
    network = problem.network
    key = (network.sizes, network.activations, problem.loss)
    if not problem.optimizer.plain or problem.l2:
        raise NotImplementedError("the nine derivatives are written for plain gradient descent without a penalty")
    if key not in LESSONS or problem.batch_size != 1:
        raise NotImplementedError(
            "the nine derivatives are written for one row at a time and a 2-2-1 network, "
            "linear with mean_squared_error or sigmoid with binary_cross_entropy"
        )
    return LESSONS[key]


def as_lists(values: Array) -> list[list[Any]]:
    """Rows of NumPy scalars, which keep the dtype."""
    return [list(row) for row in values]


def as_arrays(tensors: Mapping[str, list[list[Any]]]) -> dict[str, Array]:
    """Nested lists of one dtype to arrays of it."""
    return {name: np.array(values) for name, values in tensors.items()}


def inside(probability: Any) -> Any:
    """The nearest number strictly between 0 and 1, where log 0 would make the loss infinite or NaN."""
    limits = np.finfo(probability.dtype)
    return np.clip(probability, limits.tiny, 1 - limits.epsneg)


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`, one row at a time, in its dtype."""
    hand = lesson(problem)
    learning_rate = np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
    parameters = {name: as_lists(values) for name, values in problem.initial.items()}
    for rows in batches(problem):
        x, y = list(problem.x[rows[0]]), problem.y[rows[0], 0]
        with np.errstate(all="ignore"):  # e^(−z) may be infinite; a training that diverges shows it in its numbers
            y_hat, hidden = hand.forward_propagation(x, parameters)
            loss = hand.loss(y, inside(y_hat) if hand is classification else y_hat)
            parameters, gradients = hand.update_parameters(parameters, x, y, y_hat, hidden, learning_rate)
        yield Step(rows=rows, loss=loss, gradients=as_arrays(gradients), parameters=as_arrays(parameters))
