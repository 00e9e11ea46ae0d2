"""How far from the exact value an implementation is where the bound says nothing."""

from __future__ import annotations

import numpy as np

from comparisons.tally import Tally
from comparisons.verdict import Untold
from problems.trace import Trace


def farthest_untold(trace: Trace, tallies: list[Tally]) -> Untold | None:
    """The untold element farthest from the reference's value, held against its exact value."""
    candidates = [(*tally.untold, tally.name) for tally in tallies if tally.untold is not None]
    if not candidates:
        return None
    _, step, index, name = max(candidates, key=lambda candidate: candidate[0])
    exact, actual, distance = _exactly(trace, name, step, index)
    steps = set().union(*(tally.untold_steps for tally in tallies))
    return Untold(
        quantity=name, step=step, index=index, exact=exact, actual=actual, distance=distance, steps=len(steps)
    )


def _exactly(trace: Trace, name: str, step: int, index: tuple[int, ...]) -> tuple[float, float, float]:
    from comparisons.arithmetic.exact import distance, exact_step, nearest  # python-flint, only where needed
    from comparisons.exact_updates import exact_update

    position = np.array([step - 1])
    rows = trace.rows[step - 1]
    rows = rows[rows >= 0]
    state = {parameter: trace.before(parameter, position)[0] for parameter in trace.initial}
    result = exact_step(trace.problem, state, trace.problem.x[rows], trace.problem.y[rows])
    group, _, parameter = name.partition(".")
    if group == "loss":
        ball, actual = result.loss, trace.loss[step - 1]
    elif group == "gradient":
        ball, actual = result.gradients[parameter][index], trace.gradients[parameter][step - 1][index]
    else:
        after = result.parameters if trace.problem.optimizer.plain else exact_update(trace, step)
        ball, actual = after[parameter][index], trace.parameters[parameter][step - 1][index]
    return float(nearest(ball)), float(actual), float(distance(ball, actual))
