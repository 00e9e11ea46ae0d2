"""The steps of a training in chunks of one length, for implementations that take many steps in one call."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from problems.dtypes import holder
from problems.order import epoch_orders, in_batches
from problems.problem import Array, Problem

LARGEST = 2**25  # bytes of gradients and parameters in a chunk, one step aside that is larger


def chunk_length(problem: Problem) -> int:
    """Steps in a chunk: as few chunks as LARGEST allows, all of one length, so that a call is compiled once."""
    numbers = sum(rows * columns for rows, columns in problem.network.parameter_shapes.values())
    most = max(1, LARGEST // (2 * numbers * holder(problem.dtype).itemsize))
    count = max(1, -(-problem.steps // most))
    return -(-problem.steps // count)


def chunks(problem: Problem) -> Iterator[tuple[Array, int]]:
    """The rows of every step, in order, each (chunk_length, batch), and how many of them are steps of the problem.

    Short batches are filled up with -1. Steps that fill up the last chunk repeat its last rows: nothing comes after
    them, and what they make is to be left out.
    """
    length = chunk_length(problem)
    held = np.empty((0, min(problem.batch_size, len(problem.x))), dtype=np.int64)
    for rows in _several_epochs(problem, at_least=length):
        held = np.concatenate([held, rows])
        while len(held) >= length:
            yield held[:length], length
            held = held[length:]
    if len(held):
        yield np.pad(held, ((0, length - len(held)), (0, 0)), mode="edge"), len(held)


def _several_epochs(problem: Problem, *, at_least: int) -> Iterator[Array]:
    """The rows of the steps of some epochs at a time, `at_least` so many steps but for the last time."""
    orders, count = epoch_orders(problem), -(-at_least // problem.steps_per_epoch)
    while several := list(islice(orders, count)):
        yield in_batches(np.stack(several), problem)


def short_batch(problem: Problem) -> int:
    """Rows in the short batch that ends every epoch; 0 where none does."""
    return len(problem.x) % min(problem.batch_size, len(problem.x))
