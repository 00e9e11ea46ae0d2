"""A trace: the steps of one training stacked along a leading axis, and its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from problems.block import Block as Block
from problems.block import TraceError as TraceError
from problems.block import joined, stacked
from problems.problem import Array, Parameters, Problem
from problems.requirements import shown
from problems.step import Step


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What an implementation reported of a training, whether right or wrong: nothing here is judged.

    initial: name to array; rows: (steps, batch), short batches filled up with -1; loss: (steps,);
    gradients, parameters: name to array with a leading axis of steps, `parameters` after each update;
    environment: what it ran on; seconds: how long `import` and `train` took.
    """

    problem: Problem
    implementation: str
    initial: Parameters
    rows: Array
    loss: Array
    gradients: Parameters
    parameters: Parameters
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of steps recorded."""
        return len(self.loss)

    @classmethod
    def record(
        cls,
        problem: Problem,
        steps: Iterable[Step | Block],
        *,
        implementation: str,
        environment: Mapping[str, str] | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> Trace:
        """Stack `steps` (any iterable, such as an implementation's generator), starting at the problem's numbers.

        Raises TraceError where two steps report different names or shapes, or rows that the problem does not have.
        """
        block = joined(list(stacked(steps, problem.steps)) or [_nothing(problem)])
        require_rows(block.rows, problem)
        return cls(
            problem=problem,
            implementation=implementation,
            initial=problem.initial,
            rows=block.rows,
            loss=block.loss,
            gradients=block.gradients,
            parameters=block.parameters,
            environment=dict(environment or {}),
            seconds=dict(seconds or {}),
        )

    def before(self, name: str, positions: Array) -> Array:
        """Parameter `name` just before the steps at `positions` (from 0): (len(positions), *shape)."""
        initial, after = self.initial[name], self.parameters[name]
        place = run_of(positions)
        if isinstance(place, slice) and place.start > 0:
            return after[place.start - 1 : place.stop - 1]
        if isinstance(place, slice):
            return np.concatenate([initial[None], after[: place.stop - 1]]) if place.stop > 1 else initial[None]
        first = (positions == 0).reshape(-1, *(1,) * initial.ndim)
        return np.where(first, initial, after[np.maximum(positions, 1) - 1])

    def part(self, begin: int, end: int) -> Trace:
        """Steps begin to end (from 0, end excluded) as a trace of their own, starting at its own state."""
        if begin == 0:
            initial = self.initial
        else:
            initial = {name: values[begin - 1] for name, values in self.parameters.items()}
        return Trace(
            problem=self.problem,
            implementation=self.implementation,
            initial=initial,
            rows=self.rows[begin:end],
            loss=self.loss[begin:end],
            gradients={name: values[begin:end] for name, values in self.gradients.items()},
            parameters={name: values[begin:end] for name, values in self.parameters.items()},
            environment=self.environment,
        )


def run_of(positions: Array) -> slice | Array:
    """Rising positions as a slice where they follow each other: what it selects is not copied."""
    if len(positions) and int(positions[-1]) - int(positions[0]) + 1 == len(positions):
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def _nothing(problem: Problem) -> Block:
    """No step at all."""
    rows = np.full((0, min(problem.batch_size, len(problem.x))), -1)
    return Block(rows=rows, loss=np.zeros((0,)), gradients={}, parameters={})


def require_rows(rows: Array, problem: Problem, before: int = 0) -> None:
    """Raise TraceError unless every step has rows of `problem`, at least one, with -1 only to fill up its end.

    before: how many steps come before these.
    """
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise TraceError(f"rows: shape {rows.shape} of {rows.dtype}, expected whole numbers (steps, batch)")
    filling = rows == -1
    outside = ((rows < 0) & ~filling) | (rows >= len(problem.x))
    again = ~filling[:, 1:] & filling[:, :-1]
    wrong = np.flatnonzero(outside.any(axis=1) | again.any(axis=1) | filling.all(axis=1))
    if len(wrong):
        raise TraceError(
            f"rows: step {before + wrong[0] + 1} has {shown(rows[wrong[0]].tolist())}; "
            f"expected positions 0 to {len(problem.x) - 1}, at least one, then -1 to fill up"
        )
