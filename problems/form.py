"""What a training is apart from its numbers: trainings of one form compile to one program."""

from __future__ import annotations

from dataclasses import dataclass

from problems.chunks import chunk_length, short_batch
from problems.network import Network
from problems.optimizer import Optimizer
from problems.problem import Problem

KEPT = 2  # compiled programs that a process holds: it may hold a network of Keras's with each


@dataclass(frozen=True, kw_only=True)
class Form:
    """The formulas with their settings, and every shape; not the rows, their order and where it starts.

    rows: of the data; batch_size: rows of a full batch; short_batch and chunk: as problems.chunks has them.
    """

    network: Network
    loss: str
    l2: float
    optimizer: Optimizer
    dtype: str
    rows: int
    batch_size: int
    short_batch: int
    chunk: int


def form_of(problem: Problem) -> Form:
    """The form of `problem`."""
    return Form(
        network=problem.network,
        loss=problem.loss,
        l2=problem.l2,
        optimizer=problem.optimizer,
        dtype=problem.dtype,
        rows=len(problem.x),
        batch_size=min(problem.batch_size, len(problem.x)),
        short_batch=short_batch(problem),
        chunk=chunk_length(problem),
    )
