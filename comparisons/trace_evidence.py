"""A trace's own steps as the material of a diagnosis, where there is nothing else to ask."""

from __future__ import annotations

import numpy as np

from comparisons.candidates import Returned, State
from comparisons.checking import Run, evidence_of
from comparisons.diagnosis import diagnose, diagnose_all
from comparisons.update_diagnosis import diagnosed_updates
from comparisons.verdict import Audit, Diagnosis
from manual.optimizers import sgd
from problems.dtypes import rounded
from problems.problem import Array, Parameters, Problem
from problems.trace import Trace

MOST_STATES = 64


def diagnosed(trace: Trace, audit: Audit) -> tuple[Diagnosis, ...]:
    """Why `trace` is wrong, element by element; nothing where no value of it is.

    Loss and gradients from steps spread over the whole of it. So are updates of plain gradient descent; those of every
    other optimizer depend on all steps before them, and are held against wrong ones from the first step on.
    """
    if not audit.deviations:
        return ()
    comparable = audit.comparable(np.arange(trace.steps))
    groups = [evidence_of(trace.problem, steps_at(trace, chosen)) for chosen in by_rows_used(trace, audit, comparable)]
    found = diagnose_all(groups) or diagnose(groups[0])
    if not trace.problem.optimizer.plain:
        found += diagnosed_updates(trace.part(0, len(comparable)))
    return tuple(found)


def by_rows_used(trace: Trace, audit: Audit, comparable: Array) -> list[Array]:
    """Positions spread over the steps with as many rows as the first bad one, then those with other numbers of rows."""
    first_bad, rows_used = audit.deviations[0].step - 1, (trace.rows >= 0).sum(axis=1)
    others = np.unique(rows_used[comparable][rows_used[comparable] != rows_used[first_bad]])
    firsts = [first_bad, *(int(comparable[rows_used[comparable] == count][0]) for count in others)]
    return [spread(trace, first, comparable) for first in firsts]


def spread(trace: Trace, first: int, comparable: Array) -> Array:
    """At most MOST_STATES positions spread over the `comparable` steps with as many rows as `first`, it among them."""
    rows_used = (trace.rows >= 0).sum(axis=1)
    alike = comparable[rows_used[comparable] == rows_used[first]]
    chosen = alike[np.linspace(0, len(alike) - 1, min(len(alike), MOST_STATES)).astype(int)]
    if first not in chosen:
        chosen[np.argmin(np.abs(chosen - first))] = first
    return chosen


def steps_at(trace: Trace, positions: Array) -> Run:
    """The steps at `positions` (from 0): where each started, and what the implementation made of it."""
    before = {name: trace.before(name, positions) for name in trace.problem.network.parameter_shapes}
    return [
        _step(trace, int(position), {name: before[name][k] for name in before}) for k, position in enumerate(positions)
    ]


def _step(trace: Trace, position: int, before: dict[str, Array]) -> tuple[State, Returned]:
    problem = trace.problem
    rows = trace.rows[position][trace.rows[position] >= 0]
    state = State(
        parameters=before, x=problem.x[rows], y=problem.y[rows], learning_rate=problem.optimizer.learning_rate
    )
    gradients = {name: values[position] for name, values in trace.gradients.items()}
    after = {name: values[position] for name, values in trace.parameters.items()}
    return state, returned_of(problem, state, trace.loss[position], gradients, after)


def returned_of(problem: Problem, state: State, loss: Array, gradients: Parameters, after: Parameters) -> Returned:
    """What was made of `state`: where the optimizer remembers, plain descent stands for an update judged elsewhere."""
    if not problem.optimizer.plain:
        after = sgd(state.parameters, gradients, rounded(state.learning_rate, problem.dtype))
    return Returned(loss=loss, parameters=after, gradients=gradients)
