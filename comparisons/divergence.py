"""Where a training leaves the range of its dtype: from there on no number can be compared.

Decided from the formulas alone: by the sizes of what a step starts from where they settle it, else evaluated in the
run's own dtype at the state that the implementation had just before the step. What the implementation itself reports
there is never asked.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from comparisons.reference import quantities
from comparisons.sizes import surely_in_range
from comparisons.verdict import Divergence
from manual.network import loss_routes, train_step
from problems.dtypes import epsilon, holder, largest
from problems.problem import Array, Parameters, Problem

EDGE = 2.0**-10  # below the largest number, in parts of it: there rounding decides whether a right evaluation overflows
EDGE_UNITS = 16  # the same in units of the last place, where they are larger
State = tuple[Array, Parameters, Array, Array]  # positions of steps, parameters before them, their x and y


def first_divergence(problem: Problem, states: Iterable[State], last: int, numbers: int) -> Divergence | None:
    """The first step whose right values overflow from a finite state.

    last: the last step (from 1) of the training that the states are of; numbers: how many each of its steps reports.
    """
    found = first_beyond(problem, states)
    if found is None:
        return None
    step, names = found
    return Divergence(
        step=step,
        last=last,
        quantities=names,
        dtype=problem.dtype,
        numbers=(last - step + 1) * numbers,
    )


def first_beyond(problem: Problem, states: Iterable[State]) -> tuple[int, tuple[str, ...]] | None:
    """That step, from 1, and what overflows in it."""
    found = [one for positions, before, x, y in states if (one := _first_of(problem, positions, before, x, y))]
    return min(found, default=None)


def _first_of(
    problem: Problem, positions: Array, before: Parameters, x: Array, y: Array
) -> tuple[int, tuple[str, ...]] | None:
    if surely_in_range(problem, before, x, y):
        return None
    beyond = too_large(problem, before, x, y)
    steps = np.flatnonzero(np.logical_or.reduce(list(beyond.values())))
    if not len(steps):
        return None
    first = steps[np.argmin(positions[steps])]
    return int(positions[first]) + 1, tuple(name for name, over in beyond.items() if over[first])


def too_large(problem: Problem, before: Parameters, x: Array, y: Array) -> dict[str, Array]:
    """Quantity name to where the right value of any element overflows the run's dtype, (steps,).

    before: (steps, n_in, n_out) each; x (steps, rows, n_in); y (steps, rows, n_out). Nothing is said of a step
    that starts from numbers that are not finite.
    """
    dtype = holder(problem.dtype)
    state = {name: values.astype(dtype) for name, values in before.items()}
    finite = np.logical_and.reduce([_every(np.isfinite(values)) for values in state.values()])
    route, *_ = loss_routes(problem.network, problem.loss)
    with np.errstate(all="ignore"):
        rate = dtype.type(problem.optimizer.learning_rate)
        right = train_step(problem.network, route, state, x.astype(dtype), y.astype(dtype), rate, problem.l2)
    told = quantities(right)
    if not problem.optimizer.plain:  # what other updates come to depends on earlier steps
        told = {name: values for name, values in told.items() if not name.startswith("parameter.")}
    return {name: finite & ~_every(_representable(values, problem.dtype)) for name, values in told.items()}


def _representable(values: Array, dtype: str) -> Array:
    return np.asarray(np.abs(values) < (1 - max(EDGE, EDGE_UNITS * epsilon(dtype))) * largest(dtype))


def _every(holds: Array) -> Array:
    """Whether it holds for every element of a step, (steps,)."""
    return np.asarray(holds.reshape(len(holds), -1).all(axis=1))
