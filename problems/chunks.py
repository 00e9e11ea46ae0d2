"""The steps of a training in chunks of one length, for implementations that take many steps in one call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from problems.dtypes import holder
from problems.order import BatchRows
from problems.problem import Array, Problem

LARGEST = 2**23  # bytes of gradients and parameters in a chunk, one step aside that is larger


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
    length, rows = chunk_length(problem), BatchRows(problem)
    while count := len(held := rows.take(length)):
        yield np.pad(held, ((0, length - count), (0, 0)), mode="edge"), count


def short_batch(problem: Problem) -> int:
    """Rows in the short batch that ends every epoch; 0 where none does."""
    return len(problem.x) % min(problem.batch_size, len(problem.x))
