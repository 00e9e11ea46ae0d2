"""Which rows each training step uses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from problems.problem import Array, Problem


def epoch_orders(problem: Problem) -> Iterator[Array]:
    """Positions of the rows in the order they are used, each (rows,), one an epoch.

    sequential: 0, 1, 2, ... in every epoch; shuffled: a new permutation each epoch;
    random: drawn with replacement. The last two come from NumPy's PCG64 with the problem's seed.
    """
    rows = len(problem.x)
    rng = np.random.default_rng(problem.seed)
    sequential = np.arange(rows)
    for _ in range(problem.epochs):
        if problem.order == "sequential":
            yield sequential
        elif problem.order == "shuffled":
            yield rng.permutation(rows)
        else:
            yield rng.integers(rows, size=rows)


def row_order(problem: Problem) -> Array:
    """The order of every epoch, (epochs, rows)."""
    return np.stack(list(epoch_orders(problem)))


def batches(problem: Problem) -> Iterator[Array]:
    """The rows of every step, in order, each (batch,); the last batch of an epoch may be short."""
    for epoch in epoch_orders(problem):
        for begin in range(0, len(epoch), problem.batch_size):
            yield epoch[begin : begin + problem.batch_size]


def stacked_batches(problem: Problem) -> Array:
    """The rows of every step, (steps, batch_size), short batches filled up with -1."""
    return in_batches(row_order(problem), problem)


def in_batches(orders: Array, problem: Problem) -> Array:
    """The rows of every step of some epochs, (steps, batch_size); orders: (epochs, rows)."""
    width = min(problem.batch_size, len(problem.x))
    missing = problem.steps_per_epoch * width - orders.shape[1]
    padded = np.pad(orders, ((0, 0), (0, missing)), constant_values=-1)
    return padded.reshape(-1, width)
