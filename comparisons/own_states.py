"""What an optimizer remembers, worked out again from the gradients that an implementation itself reported.

A trace holds parameters and gradients, and no optimizer state. The state before a step follows from the gradients of
all steps before it; made of the implementation's own, as it reported them, it judges this step's update and inherits
no error of an earlier one. After a gradient that is not finite nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.leaves import leaves
from comparisons.arithmetic.precision import PRECISIONS, Precision
from comparisons.updates import (
    Given,
    Slots,
    absorbed,
    clipped_rows,
    first_slots,
    given_at,
    moved,
    rows_of,
    tensors_of,
)
from manual.optimizers import rules
from problems.problem import Array, Optimizer, Parameters
from problems.trace import Trace

BLOCK_ELEMENTS = 100_000  # numbers of one kind held at once, few enough for a processor's cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Since:
    """What came before a trace that is a part of one: how many steps, and the slots after them, by precision."""

    steps: int = 0
    slots: Mapping[Precision, list[Slots]] = field(default_factory=dict)


class OwnStates:
    """The states of one trace, in every precision asked for; steps are cheapest asked for in rising order."""

    def __init__(self, trace: Trace, since: Since | None = None) -> None:
        self.trace, self.since = trace, since or Since()
        self.scans: dict[Precision, _Scan] = {}

    def updates(self, positions: Array, before: Parameters, carried: Precision) -> dict[str, Bounded]:
        """Parameter name to what the steps at `positions` (from 0, rising) must make of `before`.

        positions: counted from the first step of the training, also where the trace is a later part of it.
        """
        found = list(self._scan(carried).updates(positions - self.since.steps, before))
        value, error = (np.concatenate([getattr(one, part) for one in found]) for part in ("value", "error"))
        return tensors_of(Bounded(value, error, carried), self.trace.problem.network.parameter_shapes)

    def after(self, precisions: Iterable[Precision]) -> Since:
        """What the part that follows starts from, in these precisions and those asked for in this one."""
        slots = {carried: self._scan(carried).last() for carried in {*precisions, *self.scans}}
        return Since(steps=self.since.steps + self.trace.steps, slots=slots)

    def _scan(self, carried: Precision) -> _Scan:
        if carried not in self.scans:
            self.scans[carried] = _Scan(self.trace, carried, self.since)
        return self.scans[carried]


class Before(dict[str, Array]):
    """The parameters just before some steps of a trace, (steps, *shape) each, and what the optimizer then remembers."""

    def __init__(self, parameters: Parameters, states: OwnStates, positions: Array) -> None:
        super().__init__(parameters)
        self.states, self.positions = states, positions

    def updates(self, carried: Precision) -> dict[str, Bounded]:
        """Parameter name to what each of the steps must make of it."""
        return self.states.updates(self.positions, self, carried)


class _Scan:
    """One pass over the steps in order, block by block; the last block is held. Positions are those in the trace."""

    def __init__(self, trace: Trace, carried: Precision, since: Since) -> None:
        problem = trace.problem
        self.optimizer, self.gradients, self.names = problem.optimizer, trace.gradients, tuple(problem.initial)
        self.run, self.carried = PRECISIONS[problem.dtype], carried
        self.since, self.steps = since, trace.steps
        self.length = block_length(trace)
        self._restart()

    def updates(self, positions: Array, before: Parameters) -> Iterator[Bounded]:
        """θ after the steps, block by block, (steps, parameters)."""
        for number in np.unique(positions // self.length):
            here = positions // self.length == number
            block = self._block(int(number))
            theta = rows_of({name: leaves(before[name][here], self.run, self.carried) for name in self.names})
            yield block.moved(self.optimizer, theta, positions[here] + self.since.steps)

    def last(self) -> list[Slots]:
        """The slots after the last step."""
        self._block((self.steps - 1) // self.length)
        return self.slots

    def _restart(self) -> None:
        self.held: _Block | None = None
        self.next = 0
        if self.since.steps:
            self.slots = self.since.slots[self.carried]
        else:
            given = given_at(self.optimizer, np.arange(1, 2), self.carried)
            self.slots = first_slots(self.optimizer, given, self.carried)

    def _block(self, number: int) -> _Block:
        if number < self.next - 1:
            self._restart()
        while self.held is None or self.next <= number:
            self.held = self._following()
        return self.held

    def _following(self) -> _Block:
        begin = self.next * self.length
        gradients = {
            name: leaves(self.gradients[name][begin : begin + self.length], self.run, self.carried)
            for name in self.names
        }
        begin += self.since.steps
        steps = np.arange(begin, begin + len(gradients[self.names[0]].value)) + 1
        given = given_at(self.optimizer, steps, self.carried)
        g = clipped_rows(gradients, given)
        after = [absorbed(rule, g, given, slots) for rule, slots in zip(rules(self.optimizer), self.slots, strict=True)]
        self.slots = [{name: held[-1] for name, held in slots.items()} for slots in after]
        self.next += 1
        return _Block(begin, g, after, self.carried)


class _Block:
    """Steps of the training from `begin` on: their gradients after clipping, and the slots after each of them."""

    def __init__(self, begin: int, g: Bounded, slots: list[Slots], carried: Precision) -> None:
        self.begin, self.g, self.slots, self.carried = begin, g, slots, carried

    def moved(self, optimizer: Optimizer, theta: Bounded, positions: Array) -> Bounded:
        """θ after the steps at `positions`."""
        here = positions - self.begin
        given: Given = given_at(optimizer, positions + 1, self.carried)
        slots = [{name: held[here] for name, held in one.items()} for one in self.slots]
        return moved(optimizer, theta, self.g[here], slots, given)


def block_length(trace: Trace) -> int:
    """Steps in a block: few enough to bound the memory of their rows and parameters."""
    network = trace.problem.network
    widest = trace.rows.shape[1] * max(network.sizes)
    numbers = widest + network.parameter_count
    return max(1, BLOCK_ELEMENTS // numbers)
