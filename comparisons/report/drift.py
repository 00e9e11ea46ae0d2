"""Drift of the implementations of one comparison: from the exact trajectory, and from one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.report.agreement import comparable
from comparisons.trajectory import (
    EXACT_STEPS,
    Apart,
    Drift,
    apart,
    carried_bounds,
    drift,
    exact_trajectory,
    moving_together,
)
from comparisons.verdict import Comparison, Result
from problems.problem import Array, Problem
from problems.trace import Trace

MOST_BALLS = 6_000  # exact numbers that a report computes: 400 steps of the lesson's nine, fewer of a larger network
SAYS_NOTHING = 100.0  # times the largest starting parameter: a bound beyond it is not shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Drifts:
    """How far apart by each step.

    exact: from the training without rounding, for the first `followed` steps; between: every two groups of
    implementations, the farthest apart first; alike: the groups, each with the same parameters in every step;
    bound: (followed,), how far rounding alone may take any two, the exact one included; infinite once it says nothing.
    """

    followed: int
    bound: Array
    exact: tuple[Drift, ...]
    between: tuple[Apart, ...]
    alike: tuple[tuple[str, ...], ...]

    def away_from(self, name: str) -> dict[str, Array]:
        """Each implementation that does not move together with `name`, and its distance from it per step."""
        return {
            far: pair.distance
            for pair in self.between
            for near, others in ((pair.one, pair.other), (pair.other, pair.one))
            if name in near
            for far in others
        }

    def leaves_at(self, distance: Array) -> int | None:
        """The first step, from 1, whose distance is outside the bound; None where there is none."""
        steps = min(len(distance), self.followed)
        outside = np.flatnonzero(~(distance[:steps] <= self.bound[:steps]))
        return int(outside[0]) + 1 if len(outside) else None


def drifts(comparison: Comparison) -> Drifts:
    """The drift of every implementation whose trace can be compared."""
    problem, traces = comparison.problem, comparable(comparison.results)
    steps = followed(problem, traces)
    trajectory = exact_trajectory(problem, steps) if steps else []
    named = [(result.label, trace) for result, trace in traces]
    return Drifts(
        followed=steps,
        bound=told_bound(problem, steps),
        exact=tuple(
            Drift(implementation=name, distance=drift(trace, trajectory).distance) for name, trace in named if steps
        ),
        between=tuple(apart(named)),
        alike=tuple(tuple(name for name, _ in group) for group in moving_together(named)),
    )


def followed(problem: Problem, traces: Sequence[tuple[Result, Trace]]) -> int:
    """How many steps the exact trajectory is followed."""
    numbers = problem.network.parameter_count
    longest = max((trace.steps for _, trace in traces), default=0)
    return min(longest, problem.steps, EXACT_STEPS, MOST_BALLS // numbers)


def told_bound(problem: Problem, steps: int) -> Array:
    """Twice the carried bound, since each of two may lie one bound from the same numbers; infinite where too large."""
    if not steps:
        return np.empty(0)
    with np.errstate(all="ignore"):
        bound = 2 * carried_bounds(problem, steps)
    scale = max(float(np.abs(values).max()) for values in problem.initial.values()) or 1.0
    return np.where(bound < SAYS_NOTHING * scale, bound, np.inf)
