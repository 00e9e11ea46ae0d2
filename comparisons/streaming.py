"""When a training is audited as it runs and not kept, in blocks of how many steps, and which of its steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from comparisons.excerpts import Excerpt, excerpts
from problems.block import Block, stacked
from problems.dtypes import holder
from problems.order import batch_width
from problems.problem import Problem
from problems.step import Looks, Step, looking

MOST_KEPT = 64 * 2**20  # bytes of a trace: a comparison of eight implementations keeps half a gigabyte at most
BLOCK_BYTES = 4 * 2**20  # of steps that are handed over at once; one step where it is larger


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a training is handed over: blocks of `length` steps; of every `every` steps one is looked at, and the last.

    Those in between are trained, and neither copied nor handed over, their losses apart.
    """

    length: int
    every: int = 1


class Taker(Protocol):
    """Whatever takes the steps of a training as they come."""

    def add(self, block: Block | Excerpt) -> None:
        """Take these, which follow those before."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """A training that is handed over as it runs: how, and to whom."""

    plan: Plan
    taker: Taker


def step_bytes(problem: Problem) -> int:
    """What a trace keeps of one step: its rows, loss, gradients and parameters."""
    numbers = 1 + 2 * sum(values.size for values in problem.initial.values())
    return np.dtype(np.int64).itemsize * batch_width(problem) + holder(problem.dtype).itemsize * numbers


def plan_of(problem: Problem, every: int = 1) -> Plan | None:
    """How `problem` is handed over; None where its trace is small enough to be kept."""
    if every == 1 and problem.steps * step_bytes(problem) <= MOST_KEPT:
        return None
    return Plan(length=block_length(problem), every=every)


def block_length(problem: Problem) -> int:
    """How many steps a block has."""
    return max(1, BLOCK_BYTES // step_bytes(problem))


@dataclass(eq=False)
class Recording:
    """A training cut as its plan has it; seconds: how long it has trained, taking its blocks apart."""

    problem: Problem
    plan: Plan
    train: Callable[[Problem], Iterable[Step | Block]]
    seconds: float = field(default=0.0, init=False)

    def __iter__(self) -> Iterator[Block | Excerpt]:
        """What is handed over, in order."""
        looks = Looks(self.plan.every, self.problem.steps)
        blocks = self._blocks(looks)
        while True:
            started = time.perf_counter()
            with looking(looks):
                block = next(blocks, None)
            self.seconds += time.perf_counter() - started
            if block is None:
                return
            yield block

    def blocks(self) -> list[Block]:
        """All of it, of a plan that looks at every step."""
        return [block for block in self if isinstance(block, Block)]

    def _blocks(self, looks: Looks) -> Iterator[Block | Excerpt]:
        steps = self.train(self.problem)
        if self.plan.every == 1:
            return stacked(steps, self.plan.length)
        return excerpts(steps, self.problem, looks, self.plan.length)
