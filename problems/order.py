"""Which rows each training step uses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from problems.problem import Array, Problem


def row_order(problem: Problem) -> Array:
    """Positions of the rows in the order they are used, (epochs, rows).

    sequential: 0, 1, 2, ... in every epoch; shuffled: a new permutation each epoch;
    random: drawn with replacement. The last two come from NumPy's PCG64 with the problem's seed.
    """
    rows = len(problem.x)
    if problem.order == "sequential":
        return np.tile(np.arange(rows), (problem.epochs, 1))
    rng = np.random.default_rng(problem.seed)
    if problem.order == "shuffled":
        return np.stack([rng.permutation(rows) for _ in range(problem.epochs)])
    return rng.integers(rows, size=(problem.epochs, rows))


def batches(problem: Problem) -> Iterator[Array]:
    """The rows of every step, in order, each (batch,); the last batch of an epoch may be short."""
    for epoch in row_order(problem):
        for begin in range(0, len(epoch), problem.batch_size):
            yield epoch[begin : begin + problem.batch_size]


def stacked_batches(problem: Problem) -> Array:
    """The rows of every step, (steps, batch_size), short batches filled up with -1."""
    width = min(problem.batch_size, len(problem.x))
    order = row_order(problem)
    missing = problem.steps_per_epoch * width - order.shape[1]
    padded = np.pad(order, ((0, 0), (0, missing)), constant_values=-1)
    return padded.reshape(problem.steps, width)
