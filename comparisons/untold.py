"""How far from the exact value an implementation is where the bound says nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from comparisons.step_set import counted_once
from comparisons.tally import Tally
from comparisons.verdict import Untold
from problems.problem import Problem
from problems.trace import Trace

MOST_PRODUCTS = 2**20  # in a step that is evaluated on balls, each of which takes about a microsecond


def least_certain(tallies: list[Tally]) -> Tally | None:
    """The quantity with the untold element that is farthest from the reference's value."""
    return max((one for one in tallies if one.untold), key=lambda one: one.untold[0] if one.untold else 0, default=None)


def farthest_untold(trace: Trace, tallies: list[Tally], before: int = 0) -> Untold | None:
    """The untold element farthest from the reference's value, held against its exact value where that is affordable.

    before: how many steps come before the trace's first. Where an optimizer remembers those, the exact value of an
    update is not to be had.
    """
    found = least_certain(tallies)
    if found is None or found.untold is None:
        return None
    apart, step, index = found.untold
    passed = before > 0 and not trace.problem.optimizer.plain and found.name.startswith("parameter.")
    enclosed = products(trace.problem) <= MOST_PRODUCTS and not passed
    actual = _reported(trace, found.name, step - before, index)
    exact, distance = found.untold_value, apart
    if enclosed:
        exact, distance = _exactly(trace, found.name, step - before, index, actual)
    return Untold(
        quantity=found.name,
        step=step,
        index=index,
        exact=exact,
        actual=actual,
        distance=distance,
        steps=counted_once(tally.untold_steps for tally in tallies),
        enclosed=enclosed,
    )


def products(problem: Problem) -> int:
    """How many numbers are multiplied in the matrix products of one forward pass."""
    sizes = problem.network.sizes
    return problem.batch_size * sum(n_in * n_out for n_in, n_out in pairwise(sizes))


def _reported(trace: Trace, name: str, step: int, index: tuple[int, ...]) -> float:
    group, _, parameter = name.partition(".")
    if group == "loss":
        return float(trace.loss[step - 1])
    tensors = trace.gradients if group == "gradient" else trace.parameters
    return float(tensors[parameter][step - 1][index])


def _exactly(trace: Trace, name: str, step: int, index: tuple[int, ...], actual: float) -> tuple[float, float]:
    from comparisons.arithmetic.exact import distance, exact_step, nearest  # python-flint, only where needed
    from comparisons.exact_updates import exact_update

    position = np.array([step - 1])
    rows = trace.rows[step - 1]
    rows = rows[rows >= 0]
    state = {parameter: trace.before(parameter, position)[0] for parameter in trace.initial}
    result = exact_step(trace.problem, state, trace.problem.x[rows], trace.problem.y[rows])
    group, _, parameter = name.partition(".")
    if group == "loss":
        ball = result.loss
    elif group == "gradient":
        ball = result.gradients[parameter][index]
    else:
        after = result.parameters if trace.problem.optimizer.plain else exact_update(trace, step)
        ball = after[parameter][index]
    return float(nearest(ball)), float(distance(ball, np.asarray(actual)))
