"""Training by hand in matrix form: the implementation `manual-matrix`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from manual.network import loss_routes, train_step
from problems.order import batches
from problems.problem import Problem
from problems.step import Step


def versions() -> dict[str, str]:
    """What this implementation runs on."""
    return {"numpy": np.__version__}


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`, in its dtype."""
    route, *_ = loss_routes(problem.network, problem.loss)
    learning_rate = np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
    parameters = problem.initial
    for rows in batches(problem):
        with np.errstate(all="ignore"):  # a training that diverges shows it in its numbers
            loss, gradients, parameters = train_step(
                problem.network, route, parameters, problem.x[rows], problem.y[rows], learning_rate
            )
        yield Step(rows=rows, loss=loss, gradients=gradients, parameters=parameters)
