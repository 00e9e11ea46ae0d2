"""The exact update of each step of a trace, from its own state and its own gradients, without any rounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import flint
import numpy as np

from comparisons.arithmetic.exact import balls, working_bits
from manual.optimizers import coefficients, initial_state, updated
from problems.problem import Array
from problems.trace import Trace


def exact_updates(trace: Trace) -> Iterator[Mapping[str, Array]]:
    """The parameters after each step as balls; settings and learning rate as float64 has them."""
    optimizer, names = trace.problem.optimizer, tuple(trace.problem.initial)
    state = initial_state(optimizer, trace.problem.initial, coefficients(optimizer, 1, flint.arb))
    for position in range(trace.steps):
        here = np.array([position])
        before = {name: balls(trace.before(name, here)[0]) for name in names}
        gradients = {name: balls(trace.gradients[name][position]) for name in names}
        with working_bits():
            after, state = updated(
                optimizer, before, gradients, state, coefficients(optimizer, position + 1, flint.arb)
            )
        yield after


def exact_update(trace: Trace, step: int) -> Mapping[str, Array]:
    """The parameters after `step` (from 1); NaN after a gradient that is not finite."""
    if not all(np.isfinite(values[:step]).all() for values in trace.gradients.values()):
        return {name: balls(np.full(values.shape, np.nan)) for name, values in trace.problem.initial.items()}
    *_, last = exact_updates(trace.part(0, step))
    return last
