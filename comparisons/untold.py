"""How far from the exact value an implementation is where the bound says nothing."""

from __future__ import annotations

import numpy as np

from comparisons.step_set import counted_once
from comparisons.tally import Tally
from comparisons.verdict import Untold
from problems.trace import Trace


def least_certain(tallies: list[Tally]) -> tuple[str, int, tuple[int, ...]] | None:
    """Quantity, step and index of the untold element farthest from the reference's value."""
    candidates = [(*tally.untold, tally.name) for tally in tallies if tally.untold is not None]
    if not candidates:
        return None
    _, step, index, name = max(candidates, key=lambda candidate: candidate[0])
    return name, step, index


def farthest_untold(trace: Trace, tallies: list[Tally], before: int = 0) -> Untold | None:
    """The untold element farthest from the reference's value, held against its exact value.

    before: how many steps come before the trace's first. Where an optimizer remembers those, the exact value of an
    update is not known: exact is NaN, distance infinite.
    """
    found = least_certain(tallies)
    if found is None:
        return None
    name, step, index = found
    exact, actual, distance = _exactly(trace, name, step - before, index, whole=before == 0)
    steps = counted_once(tally.untold_steps for tally in tallies)
    return Untold(quantity=name, step=step, index=index, exact=exact, actual=actual, distance=distance, steps=steps)


def _exactly(trace: Trace, name: str, step: int, index: tuple[int, ...], *, whole: bool) -> tuple[float, float, float]:
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
    elif not (whole or trace.problem.optimizer.plain):
        return np.nan, float(trace.parameters[parameter][step - 1][index]), np.inf
    else:
        after = result.parameters if trace.problem.optimizer.plain else exact_update(trace, step)
        ball, actual = after[parameter][index], trace.parameters[parameter][step - 1][index]
    return float(nearest(ball)), float(actual), float(distance(ball, actual))
