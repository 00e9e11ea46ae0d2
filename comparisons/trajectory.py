"""Free-running training: how far implementations have drifted from the exact trajectory, and apart, by step k.

The audit judges each step from its own state; here errors add up. The bound is carried from the start through every
step, for as long as it says anything: it grows with each step and is honest about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.exact import BITS, balls, distance, working_bits
from comparisons.arithmetic.precision import PRECISIONS
from comparisons.reference import carried_step
from comparisons.updates import Remembered
from manual.network import loss_and_gradients, loss_routes
from manual.optimizers import coefficients, initial_state, updated
from problems.order import batches
from problems.problem import Array, Problem
from problems.trace import Trace

EXACT_STEPS = 400  # a longer trajectory is followed this far
BITS_PER_STEP = 16  # a ball's radius grows in every step; this many bits a step keep it below any rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class Drift:
    """Per step, over all parameters: the largest distance from the exact trajectory, (steps,)."""

    implementation: str
    distance: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Apart:
    """Two groups of implementations: per step, over all parameters, the largest distance between them, (steps,).

    Within a group the parameters are the same in every step; a distance is infinite where one of them is not finite.
    """

    one: tuple[str, ...]
    other: tuple[str, ...]
    distance: Array


def exact_trajectory(problem: Problem, steps: int) -> list[Mapping[str, Array]]:
    """The parameters after each of the first `steps` steps, as balls: the training without any rounding.

    It starts from the problem's numbers as its dtype holds them, and uses the learning rate and the settings as
    float64 has them.
    """
    import flint

    route, *_ = loss_routes(problem.network, problem.loss)
    parameters: Mapping[str, Array] = {name: balls(values) for name, values in problem.initial.items()}
    trajectory: list[Mapping[str, Array]] = []
    optimizer = problem.optimizer
    with working_bits(BITS + BITS_PER_STEP * steps):
        state = initial_state(optimizer, parameters, coefficients(optimizer, 1, flint.arb))
        for t, rows in zip(range(1, steps + 1), batches(problem), strict=False):
            x, y = balls(problem.x[rows]), balls(problem.y[rows])
            given = coefficients(optimizer, t, flint.arb)
            _, gradients = loss_and_gradients(problem.network, route, parameters, x, y, problem.l2)
            parameters, state = updated(optimizer, parameters, gradients, state, given)
            trajectory.append(parameters)
    return trajectory


def drift(trace: Trace, exact: list[Mapping[str, Array]]) -> Drift:
    """How far the trace's parameters are from `exact` after each step that both have."""
    steps = min(trace.steps, len(exact))
    farthest = [
        max(float(distance(exact[step][name], trace.parameters[name][step]).max()) for name in exact[step])
        for step in range(steps)
    ]
    return Drift(implementation=trace.implementation, distance=np.array(farthest))


def moving_together(named: Sequence[tuple[str, Trace]]) -> list[list[tuple[str, Trace]]]:
    """Traces by name, grouped where every parameter is the same after every step."""
    groups: dict[bytes, list[tuple[str, Trace]]] = {}
    for name, trace in named:
        path = b"".join((trace.parameters[key].astype(np.float64) + 0.0).tobytes() for key in sorted(trace.parameters))
        groups.setdefault(path, []).append((name, trace))
    return list(groups.values())


def apart(named: Sequence[tuple[str, Trace]]) -> list[Apart]:
    """Every two of the groups that move together, in the steps that both have; the farthest apart first."""
    pairs = [
        Apart(
            one=tuple(name for name, _ in ours),
            other=tuple(name for name, _ in theirs),
            distance=_between(ours[0][1], theirs[0][1]),
        )
        for ours, theirs in combinations(moving_together(named), 2)
    ]
    return sorted(pairs, key=lambda pair: -pair.distance.max(initial=0.0))


def _between(one: Trace, other: Trace) -> Array:
    steps = min(one.steps, other.steps)
    with np.errstate(all="ignore"):
        distances = [
            np.abs(one.parameters[name][:steps].astype(np.float64) - other.parameters[name][:steps])
            for name in one.parameters
        ]
        farthest = np.max([values.reshape(steps, -1).max(axis=1) for values in distances], axis=0)
    return np.where(np.isfinite(farthest), farthest, np.inf)


def carried_bounds(problem: Problem, steps: int) -> Array:
    """Per step the largest bound of a parameter, carried from the start, (steps,); infinite once it says nothing.

    Each faithful training, the exact one included, lies within it of the same numbers, so any two within twice it.
    """
    bounds = [max(float(values.error.max()) for values in state.values()) for state in _carried(problem, steps)]
    return np.array(bounds)


def _carried(problem: Problem, steps: int) -> Iterator[Mapping[str, Bounded]]:
    """The error-carrying parameters after each step, every step starting from the last one's."""
    precision = PRECISIONS[problem.dtype]
    state: Mapping[str, Bounded] = {name: Bounded.exact(values, precision) for name, values in problem.initial.items()}
    rate = Bounded.rounded(problem.optimizer.learning_rate, precision)
    remembered = Remembered(problem.optimizer, precision)
    for t, rows in zip(range(1, steps + 1), batches(problem), strict=False):
        x, y = (Bounded.exact(table[rows], precision) for table in (problem.x, problem.y))
        _, step = carried_step(problem, state, x, y, rate)
        state = step.parameters if problem.optimizer.plain else remembered.update(t, state, step.gradients)
        yield state
