"""A training cut into parts of bounded memory, each with the state that it starts from, however its steps arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from problems.block import Block, joined
from problems.problem import Array, Parameters, Problem
from problems.trace import Trace


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some steps of a training as a trace of their own; numbers: their positions in the training, from 0."""

    trace: Trace
    numbers: Array


class Parts:
    """Cuts blocks of any lengths, as they arrive, into parts of `length` steps."""

    def __init__(self, problem: Problem, initial: Parameters, length: int) -> None:
        self.problem, self.length = problem, length
        self.state, self.begin = initial, 0  # before the first step held, and its position
        self.held: list[Block] = []

    def add(self, block: Block) -> Iterator[Part]:
        """The parts that are whole with `block`."""
        self.held.append(block)
        while sum(held.steps for held in self.held) >= self.length:
            yield self._cut()

    def rest(self) -> Iterator[Part]:
        """What is left, in the end."""
        if any(held.steps for held in self.held):
            yield self._cut()

    def _cut(self) -> Part:
        block = joined(self.held)
        whole = as_trace(self.problem, self.state, block)
        part = whole.part(0, self.length)
        self.held = [block.part(self.length, block.steps)] if block.steps > self.length else []
        numbers = np.arange(self.begin, self.begin + part.steps)
        self.state = {name: values[-1] for name, values in part.parameters.items()}
        self.begin += part.steps
        return Part(trace=part, numbers=numbers)


def as_trace(problem: Problem, initial: Parameters, block: Block) -> Trace:
    """The steps of `block`, which start at `initial`, as a trace of `problem`."""
    return Trace(
        problem=problem,
        implementation="",
        initial=initial,
        rows=block.rows,
        loss=block.loss,
        gradients=block.gradients,
        parameters=block.parameters,
    )
