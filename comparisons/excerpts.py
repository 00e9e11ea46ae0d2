"""Some steps of a training, each with the state that it started from: what is audited where not every step is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from comparisons.parts import as_trace
from problems.block import Block, stacked
from problems.problem import Array, Parameters, Problem
from problems.step import Looks, Step
from problems.trace import Trace


@dataclass(frozen=True, kw_only=True, eq=False)
class Excerpt:
    """Steps that were looked at, and the losses of all.

    numbers: (steps,) their positions in the training, from 0; before: name to (steps, *shape), the state that each
    started from; losses: of every step since the excerpt before, looked at or not.
    """

    block: Block
    numbers: Array
    before: Parameters
    losses: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class ExcerptTrace(Trace):
    """The same as a trace whose steps do not follow each other; states: (steps, *shape), before each step."""

    states: Parameters = field(default_factory=dict)

    def before(self, name: str, positions: Array) -> Array:
        """Parameter `name` just before the steps at `positions`."""
        return self.states[name][positions]

    def part(self, begin: int, end: int) -> Trace:
        """Some of these steps."""
        block = block_of(self).part(begin, end)
        return as_excerpt(self.problem, block, {name: values[begin:end] for name, values in self.states.items()})


def block_of(trace: Trace) -> Block:
    """The steps of a trace."""
    return Block(rows=trace.rows, loss=trace.loss, gradients=trace.gradients, parameters=trace.parameters)


def as_excerpt(problem: Problem, block: Block, states: Parameters) -> ExcerptTrace:
    """The steps of `block`, which started from `states`."""
    return ExcerptTrace(
        problem=problem,
        implementation="",
        initial=problem.initial,
        rows=block.rows,
        loss=block.loss,
        gradients=block.gradients,
        parameters=block.parameters,
        states=states,
    )


def excerpts(reported: Iterable[Step | Block], problem: Problem, looks: Looks, length: int) -> Iterator[Excerpt]:
    """What `looks` looks at, `length` steps at a time; a reported Block gives one of its own."""
    state, number, gathered = problem.initial, 0, _Gathered()
    for one in reported:
        if isinstance(one, Block):
            yield from gathered.excerpts()
            gathered = _Gathered()
            yield _of_block(problem, one, state, number, looks)
            number, state = number + one.steps, {name: values[-1] for name, values in one.parameters.items()}
            continue
        gathered.losses.append(one.loss)
        if looks.at(number + 1):
            gathered.keep(one, number, state)
        number, state = number + 1, one.parameters
        if len(gathered.steps) == length:
            yield from gathered.excerpts()
            gathered = _Gathered()
    yield from gathered.excerpts()


class _Gathered:
    """Steps that were looked at, and losses, that have not been handed over."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.numbers: list[int] = []
        self.before: list[Parameters] = []
        self.losses: list[Array] = []

    def keep(self, step: Step, number: int, before: Parameters) -> None:
        """Look at this step."""
        self.steps.append(step)
        self.numbers.append(number)
        self.before.append(before)

    def excerpts(self) -> Iterator[Excerpt]:
        """All of it, where there is anything."""
        if not self.losses:
            return
        block = next(stacked(self.steps, len(self.steps)), NOTHING)
        yield Excerpt(
            block=block,
            numbers=np.array(self.numbers, dtype=np.int64),
            before={name: np.array([state[name] for state in self.before]) for name in block.parameters},
            losses=np.array(self.losses, dtype=np.float64),
        )


NOTHING = Block(rows=np.empty((0, 0), dtype=np.int64), loss=np.empty(0), gradients={}, parameters={})


def _of_block(problem: Problem, block: Block, state: Parameters, begin: int, looks: Looks) -> Excerpt:
    places = np.array([k for k in range(block.steps) if looks.at(begin + k + 1)], dtype=np.int64)
    trace = as_trace(problem, state, block)
    return Excerpt(
        block=Block(
            rows=block.rows[places],
            loss=block.loss[places],
            gradients={name: values[places] for name, values in block.gradients.items()},
            parameters={name: values[places] for name, values in block.parameters.items()},
        ),
        numbers=places + begin,
        before={name: trace.before(name, places) for name in state},
        losses=block.loss,
    )
