"""Which rows each training step uses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

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
    """The rows of every step, in order, each (batch,); the last batch of an epoch may be short.

    Of a training that goes on, those of the steps that are left.
    """
    epochs, steps = divmod(problem.begin, problem.steps_per_epoch)  # made before
    first = steps * problem.batch_size
    for epoch in islice(epoch_orders(problem), epochs, None):
        for begin in range(first, len(epoch), problem.batch_size):
            yield epoch[begin : begin + problem.batch_size]
        first = 0


def stacked_batches(problem: Problem) -> Array:
    """The same stacked, (steps, batch_size), short batches filled up with -1."""
    return BatchRows(problem).take(problem.steps)


def in_batches(orders: Array, problem: Problem) -> Array:
    """The rows of every step of some epochs, (steps, batch_size); orders: (epochs, rows)."""
    width = batch_width(problem)
    missing = problem.steps_per_epoch * width - orders.shape[1]
    return np.pad(orders, ((0, 0), (0, missing)), constant_values=-1).reshape(-1, width)


def batch_width(problem: Problem) -> int:
    """How many rows the longest batch has."""
    return min(problem.batch_size, len(problem.x))


class BatchRows:
    """The rows of every step in order, drawn epoch by epoch as they are asked for."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        epochs, steps = divmod(problem.begin, problem.steps_per_epoch)  # made before
        self.orders = islice(epoch_orders(problem), epochs, None)
        self.left = np.empty((0, batch_width(problem)), dtype=np.int64)
        self.take(steps)

    def take(self, steps: int) -> Array:
        """The rows of the next steps, (steps, batch_size), short batches filled up with -1; fewer at the end."""
        epochs = -(-(steps - len(self.left)) // self.problem.steps_per_epoch)
        orders = list(islice(self.orders, max(epochs, 0)))
        drawn = in_batches(np.stack(orders), self.problem) if orders else self.left[:0]
        rows = np.concatenate([self.left, drawn])
        self.left = rows[steps:].copy()
        return rows[:steps]
