"""Training by hand in matrix form: the implementation `manual-matrix`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from manual.network import loss_and_gradients, loss_routes
from manual.optimizers import coefficients, initial_state, updated
from problems.dtypes import COMPUTED
from problems.order import batches
from problems.problem import Problem
from problems.step import Step


def versions(problem: Problem) -> dict[str, str]:
    """What training runs on, whatever the problem."""
    return {"numpy": np.__version__}


def require_computed(problem: Problem) -> None:
    """Raise NotImplementedError for a dtype that is for storage: NumPy computes in none."""
    if problem.dtype not in COMPUTED:
        raise NotImplementedError(
            f"manual: dtype {problem.dtype!r} is not written here; by hand are {' and '.join(COMPUTED)}"
        )


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`, in its dtype."""
    require_computed(problem)
    route, *_ = loss_routes(problem.network, problem.loss)
    optimizer, number = problem.optimizer, np.dtype(problem.dtype).type
    parameters = problem.initial
    state = initial_state(optimizer, parameters, coefficients(optimizer, 1, number))
    for t, rows in enumerate(batches(problem), 1):
        given = coefficients(optimizer, t, number)
        with np.errstate(all="ignore"):  # a training that diverges shows it in its numbers
            loss, gradients = loss_and_gradients(
                problem.network, route, parameters, problem.x[rows], problem.y[rows], problem.l2
            )
            parameters, state = updated(optimizer, parameters, gradients, state, given)
        yield Step(rows=rows, loss=loss, gradients=gradients, parameters=parameters)
