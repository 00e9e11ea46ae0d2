"""How far from the exact value an implementation is where the bound says nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from comparisons.tally import Tally
from comparisons.verdict import Untold
from problems.problem import Problem
from problems.trace import Trace


MOST_PRODUCTS = 2**20  # in a step that is evaluated on balls, each of which takes about a microsecond


def farthest_untold(trace: Trace, tallies: list[Tally]) -> Untold | None:
    """The untold element farthest from the reference's value, held against its exact value where that is affordable."""
    candidates = [(*tally.untold, tally.name, tally.untold_value) for tally in tallies if tally.untold is not None]
    if not candidates:
        return None
    apart, step, index, name, value = max(candidates, key=lambda candidate: candidate[0])
    enclosed = products(trace.problem) <= MOST_PRODUCTS
    actual = _reported(trace, name, step, index)
    exact, distance = _exactly(trace, name, step, index, actual) if enclosed else (value, apart)
    steps = set().union(*(tally.untold_steps for tally in tallies))
    return Untold(
        quantity=name,
        step=step,
        index=index,
        exact=exact,
        actual=actual,
        distance=distance,
        steps=len(steps),
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
    return float(nearest(ball)), float(distance(ball, np.float64(actual)))
