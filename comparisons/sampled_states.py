"""States along a problem's own right training: what its blind spots are looked for in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from comparisons.divergence import State, first_beyond
from manual import train as matrix_form
from manual.nine_derivatives import train as nine_derivatives
from problems.block import Block, stacked
from problems.order import batches
from problems.problem import Array, Parameters, Problem
from problems.step import Step

LOOKED_AT = 256  # steps of a long training, spread evenly
WALKED = 10_000  # over so many of its first steps: they are trained by hand, which costs more than to audit them
NUMBERS_AT_ONCE = 100_000  # parameters of the steps that are trained before they are looked at


def sampled_states(problem: Problem) -> tuple[Parameters, Array, Array]:
    """States along the problem's own right training with full batches, at most LOOKED_AT of its first WALKED steps.

    Returns parameters (states, n_in, n_out) by name, x (states, rows, n_in), y (states, rows, n_out), all in float64.
    A training that diverges ends there: none where it does so in its first step.
    """
    steps = min(problem.steps, WALKED)
    wanted = np.linspace(0, steps - 1, min(steps, LOOKED_AT)).astype(int)
    taken: list[Parameters] = []
    rows_used: list[Array] = []
    full = min(problem.batch_size, len(problem.x))
    for begin, before, rows in _parts(problem.changed(epochs=-(-steps // problem.steps_per_epoch))):
        compared = _compared(problem, before, rows)
        here = wanted[(begin <= wanted) & (wanted < begin + compared)] - begin
        here = here[(rows[here] >= 0).sum(axis=1) == full]
        taken.append({name: values[here] for name, values in before.items()})
        rows_used.append(rows[here][:, :full])
        if compared < len(rows):
            break
    chosen = np.concatenate(rows_used)
    states = {name: np.concatenate([one[name] for one in taken]) for name in problem.initial}
    return states, problem.x[chosen].astype(np.float64), problem.y[chosen].astype(np.float64)


def first_state(problem: Problem) -> tuple[Parameters, Array, Array]:
    """The first of these states, without training; none where the training diverges in its first step."""
    rows = next(batches(problem))[None]
    before = {name: values[None].astype(np.float64) for name, values in problem.initial.items()}
    chosen = rows[: _compared(problem, before, rows)]
    states = {name: values[: len(chosen)] for name, values in before.items()}
    return states, problem.x[chosen].astype(np.float64), problem.y[chosen].astype(np.float64)


def _parts(problem: Problem) -> Iterator[tuple[int, Parameters, Array]]:
    """Steps of the training in float64: how many come before, the parameters before each, and its rows."""
    in_float64 = problem.changed(dtype="float64")
    last, begin = in_float64.initial, 0
    length = max(1, NUMBERS_AT_ONCE // sum(values.size for values in last.values()))
    for block in stacked(_trained(in_float64), length):
        yield (
            begin,
            {name: np.concatenate([last[name][None], values[:-1]]) for name, values in block.parameters.items()},
            block.rows,
        )
        last, begin = {name: values[-1] for name, values in block.parameters.items()}, begin + block.steps


def _trained(problem: Problem) -> Iterable[Step | Block]:
    """The training by hand that takes the least time of those that can."""
    try:
        nine_derivatives.lesson(problem)
    except NotImplementedError:
        return matrix_form.train(problem)
    return nine_derivatives.train(problem)


def _compared(problem: Problem, before: Parameters, rows: Array) -> int:
    """How many of these steps an audit compares: those before the first whose right values overflow."""
    found = first_beyond(problem, _alike(problem, before, rows))
    return len(rows) if found is None else found[0] - 1


def _alike(problem: Problem, before: Parameters, rows: Array) -> Iterator[State]:
    """The steps, those with equally many rows together."""
    used = (rows >= 0).sum(axis=1)
    for count in np.unique(used):
        positions = np.flatnonzero(used == count)
        those = rows[positions, :count]
        yield (
            positions,
            {name: values[positions] for name, values in before.items()},
            problem.x[those],
            problem.y[those],
        )
