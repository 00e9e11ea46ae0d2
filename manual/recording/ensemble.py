"""Many trainings of one problem at once: straight-line code on arrays, the ensemble along their only axis.

A step touches nothing but numbers that are in the processor's cache: the ensemble is cut into chunks, each of which
takes all steps before the next one does, on every processor that this process may use (NumPy lets go of Python's lock).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from manual.recording.on_arrays import array_training
from manual.recording.program import Program, recorded_step
from manual.recording.running import function
from problems.problem import Array, Problem

CHUNK, CHUNK_BYTES = 16384, 2**22  # members, and bytes of the numbers of one step of theirs: at most
LEAST = 2048  # members, fewer of which take less time than calling NumPy
SMALL, LARGE = 16, 300  # products of a row and a weight in a step


def worthwhile(problem: Problem, members: int) -> bool:
    """Whether an ensemble of `problem` is trained faster number by number than in matrices, as measured.

    The code, written for plain descent alone, calls NumPy some eight times for each product of a row and a weight,
    which only many members make worth while.
    """
    weights = sum(n_in * n_out for n_in, n_out in problem.network.parameter_shapes.values())
    products = min(problem.batch_size, len(problem.x)) * weights
    return problem.optimizer.plain and products <= min(max(SMALL, members // 8), LARGE)


def functions(text: str, dtype: str) -> dict[str, Any]:
    """What straight-line code on arrays calls."""
    names = {**vars(np), "number": np.dtype(dtype).type}
    if "erfc(" in text:
        from scipy.special import erfc  # imported when used: it takes longer than all of NumPy

        names["erfc"] = erfc
    return names


class Ensemble:
    """Trainings of `problem` by plain gradient descent, each from its own parameters and at its own learning rate.

    parameters: canonical name to (members, n_in, n_out); rates: (members,); program: one step on one row, written down
    from other formulas than those of the matrix form.
    """

    def __init__(
        self, problem: Problem, parameters: Mapping[str, Array], rates: Array, program: Program | None = None
    ) -> None:
        self.problem, self.rates = problem, np.array(rates, dtype=problem.x.dtype)
        flat = [parameters[name].reshape(len(rates), -1).T for name in problem.network.parameter_shapes]
        self.numbers = np.ascontiguousarray(np.concatenate(flat), dtype=problem.x.dtype)  # (numbers, members)
        self._given = program
        self._written: dict[tuple[int, bool], tuple[Any, int]] = {}

    @property
    def parameters(self) -> dict[str, Array]:
        """Canonical name to (members, n_in, n_out), as they are now."""
        shapes, members, begin = self.problem.network.parameter_shapes, len(self.rates), 0
        tensors = {}
        for name, (n_in, n_out) in shapes.items():
            part = self.numbers[begin : begin + n_in * n_out]
            tensors[name] = np.ascontiguousarray(part.T).reshape(members, n_in, n_out)
            begin += n_in * n_out
        return tensors

    def train(self, rows: Array, *, gradients: bool = False) -> Array:
        """Take a step for each of `rows` (steps, batch), and say what was found before each update.

        (steps, 1, members): the loss; (steps, 1 + numbers, members): below it the gradients, in canonical order.
        """
        steps, scratch = self._code(rows.shape[1], gradients)
        table = np.concatenate([part[rows].reshape(len(rows), -1) for part in (self.problem.x, self.problem.y)], axis=1)
        kept = np.empty((len(rows), 1 + gradients * len(self.numbers), len(self.rates)), self.rates.dtype)

        def take(chunk: slice) -> None:
            own = np.empty((scratch, chunk.stop - chunk.start), self.rates.dtype)
            with np.errstate(all="ignore"):  # a training that diverges shows it in its numbers
                steps(table, self.numbers[:, chunk], self.rates[chunk], kept[:, :, chunk], own)

        chunks = list(self._chunks(scratch + kept.shape[1]))
        if len(chunks) == 1:
            take(chunks[0])
        else:
            with ThreadPoolExecutor(processors()) as pool:
                list(pool.map(take, chunks))
        return kept

    def _code(self, batch: int, gradients: bool) -> tuple[Any, int]:
        """The function of a step on so many rows, and how many arrays it needs for itself."""
        if (batch, gradients) not in self._written:
            program = self._given or recorded_step(self.problem, batch)
            text, scratch = array_training(program, gradients=gradients)
            self._written[batch, gradients] = function(text, **functions(text, self.problem.dtype)), scratch
        return self._written[batch, gradients]

    def _chunks(self, arrays: int) -> Iterator[slice]:
        """The members in equal parts, as many for each processor."""
        members = len(self.rates)
        room = CHUNK_BYTES // (self.rates.itemsize * (arrays + len(self.numbers)))
        parts = -(-members // min(CHUNK, max(LEAST, room)))
        if parts > 1:
            parts = -(-parts // processors()) * processors()
        ends = [members * part // parts for part in range(parts + 1)]
        return (slice(begin, end) for begin, end in itertools.pairwise(ends) if end > begin)


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
