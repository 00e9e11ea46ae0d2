"""The material of a diagnosis, gathered while steps pass: some of them, spread over the whole training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comparisons.audit import Seen
from comparisons.candidates import Returned, State
from comparisons.checking import evidence_of
from comparisons.diagnosis import diagnose, diagnose_all, searched
from comparisons.estimates import LEAST_STATES
from comparisons.observed import Observed
from comparisons.parts import as_trace
from comparisons.streaming import step_bytes
from comparisons.trace_evidence import MOST_STATES, returned_of
from comparisons.update_diagnosis import LEAST_STEPS, MOST_STEPS, diagnosed_updates
from comparisons.verdict import Audit, Diagnosis
from problems.block import Block, joined
from problems.problem import Problem

MOST_BYTES = 64 * 2**20  # of the steps that are kept; so many as explain anything are kept of any network searched
Step = tuple[int, State, Returned]  # number, from 1


class RunningEvidence:
    """Steps kept of a training: every so many of each number of rows, the first wrong one, and those it began with.

    The last where the optimizer remembers them and every step is looked at.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.wanted = searched(problem.network)
        affordable = MOST_BYTES // step_bytes(problem)
        self.samples: dict[int, Sample] = {}  # by rows in a step
        self.most = min(MOST_STATES, max(affordable, LEAST_STATES + 1))
        self.first_bad: Step | None = None
        self.beginning: list[Block] = []
        self.left = 0 if problem.optimizer.plain else min(MOST_STEPS, max(affordable, LEAST_STEPS))

    def begin(self, block: Block) -> None:
        """Keep the steps that the training began with, where its optimizer remembers them."""
        if self.wanted and self.left:
            kept = block.part(0, self.left)
            self.beginning.append(copied(kept))
            self.left -= kept.steps

    def add(self, seen: Seen) -> None:
        """Keep some of these steps, and the first wrong one."""
        if not self.wanted:
            return
        rows = seen.observed.x.shape[1]
        self.samples.setdefault(rows, Sample(self.most)).add(seen.observed)
        if seen.first_wrong is not None:
            step = step_of(seen.observed, seen.first_wrong)
            if self.first_bad is None or step[0] < self.first_bad[0]:
                self.first_bad = step

    def diagnoses(self, audit: Audit) -> tuple[Diagnosis, ...]:
        """Why it is wrong, as `diagnosed` has it of a whole trace; nothing where it is not, or is too large."""
        if self.first_bad is None or not audit.deviations:
            return ()
        groups = [evidence_of(self.problem, run) for run in self._by_rows(self.first_bad)]
        found = diagnose_all(groups) or diagnose(groups[0])
        if self.beginning:
            beginning = as_trace(self.problem, self.problem.initial, joined(self.beginning))
            comparable = len(audit.comparable(np.arange(beginning.steps)))
            found += diagnosed_updates(beginning.part(0, comparable))
        return tuple(found)

    def _by_rows(self, first_bad: Step) -> Iterator[list[tuple[State, Returned]]]:
        """What was kept of as many rows as the first wrong step has, it among them, then of other numbers of rows."""
        rows = len(first_bad[1].x)
        for count in sorted(self.samples, key=lambda count: (count != rows, count)):
            steps = {one[0]: one for one in self.samples[count].steps}
            steps |= {first_bad[0]: first_bad} if count == rows else {}
            yield [(state, returned) for _, (_, state, returned) in sorted(steps.items())]


class Sample:
    """Every stride-th of the steps that pass, the stride doubled whenever there are more than `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.stride = most, 1
        self.passed, self.next = 0, 0  # steps, and which of them is the next to keep
        self.steps: list[Step] = []

    def add(self, observed: Observed) -> None:
        """Let these pass."""
        while self.next < self.passed + len(observed.positions):
            self.steps.append(step_of(observed, self.next - self.passed))
            if len(self.steps) > self.most:
                self.steps, self.stride = self.steps[::2], 2 * self.stride
            self.next = (self.next // self.stride + 1) * self.stride
        self.passed += len(observed.positions)


def step_of(observed: Observed, place: int) -> Step:
    """One step, copied: its number, where it started, and what was made of it."""
    problem = observed.problem
    state = State(
        parameters={name: values[place].copy() for name, values in observed.before.items()},
        x=observed.x[place].copy(),
        y=observed.y[place].copy(),
        learning_rate=problem.optimizer.learning_rate,
    )
    actual = {name: values[place].copy() for name, values in observed.actual.items()}
    gradients = {name: actual[f"gradient.{name}"] for name in state.parameters}
    after = {name: actual[f"parameter.{name}"] for name in state.parameters if f"parameter.{name}" in actual}
    return int(observed.positions[place]) + 1, state, returned_of(problem, state, actual["loss"], gradients, after)


def copied(block: Block) -> Block:
    """The same in memory of its own."""
    return Block(
        rows=block.rows.copy(),
        loss=block.loss.copy(),
        gradients={name: values.copy() for name, values in block.gradients.items()},
        parameters={name: values.copy() for name, values in block.parameters.items()},
    )
