"""The check of anything that trains: a function, an object, a trace or a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.audit import audit
from comparisons.candidates import CandidateFault, Returned, State, TrainStep, along, from_states, random_states
from comparisons.checking import Check, checked
from comparisons.computed import require_computed
from comparisons.recorded import recorded, require_plain, start_from
from comparisons.repeats import repeats, states_again
from comparisons.trace_evidence import diagnosed, steps_at
from problems.catalogue import named_problem
from problems.files import load_problem
from problems.problem import Problem, ProblemError
from problems.trace import Trace


def problem_of(problem: Problem | str | Path) -> Problem:
    """A Problem as it is, a lesson problem by name, or one from a TOML file."""
    if isinstance(problem, Problem):
        return problem
    text = str(problem)
    return load_problem(text) if text.endswith(".toml") else named_problem(text)


def check_any(
    candidate: TrainStep | Trace | str | Path | Any, problem: Problem | str | Path, states: int, seed: int
) -> Check:
    """The check of `candidate`, with the arguments of `comparisons.check`."""
    __tracebackhide__ = True  # in a test, what a candidate raises is shown where the candidate raises it
    if isinstance(candidate, Trace):
        return check_trace(candidate)
    chosen = problem_of(problem)
    require_computed("check", chosen)
    if isinstance(candidate, str | Path):
        from comparisons.candidate_process import check_file  # its processes import this package first

        return check_file(Path(candidate), chosen, states=states, seed=seed)
    if not chosen.optimizer.plain:
        return check_remembering(chosen, candidate)
    step = candidate if callable(candidate) and not hasattr(candidate, "step") else stepping(candidate)
    name = getattr(candidate, "__name__", type(candidate).__name__)
    drawn = random_states(chosen, states, seed)
    asked_again = states_again(chosen, drawn)
    way: list[tuple[State, Returned]] = []
    elsewhere: list[tuple[State, Returned]] = []
    again: list[tuple[State, Returned]] = []
    reason = None
    try:
        way.extend(along(chosen, step))  # extend keeps what came before a fault
        elsewhere.extend(from_states(chosen, step, drawn))
        again.extend(from_states(chosen, step, asked_again))
    except CandidateFault as fault:
        reason = str(fault)
    answers = {"along": way, "random": elsewhere, "again": again}
    repeated = repeats(chosen, drawn, **{phase: [returned for _, returned in run] for phase, run in answers.items()})
    return checked(chosen, name, way, elsewhere, seed=seed, again=repeated, reason=reason)


def check_remembering(problem: Problem, candidate: Any) -> Check:
    """The check of an object whose optimizer remembers, along the problem; raises ProblemError for anything else."""
    if not hasattr(candidate, "step"):
        require_plain(problem)
    stepping(candidate)
    try:
        return check_trace(recorded(problem, candidate))
    except CandidateFault as fault:
        raise ProblemError(f"check: {type(candidate).__name__}: {fault}") from None


def stepping(candidate: Any) -> TrainStep:
    """A train_step made of an object with `parameters` and `step(x, y, learning_rate)`."""
    __tracebackhide__ = True
    if not (hasattr(candidate, "parameters") and callable(getattr(candidate, "step", None))):
        raise TypeError(
            f"{type(candidate).__name__} is no candidate: give a function train_step(parameters, x, y, learning_rate), "
            "an object with `parameters` and `step(x, y, learning_rate)`, a Trace, or the path of a Python file"
        )

    def train_step(parameters: Mapping[str, Any], x: Any, y: Any, learning_rate: float) -> Any:
        __tracebackhide__ = True
        start_from(candidate, parameters)
        loss = candidate.step(x, y, learning_rate)
        return loss, {name: np.array(values) for name, values in candidate.parameters.items()}

    return train_step


def check_trace(trace: Trace) -> Check:
    """The check of steps that are already there: no random states, so the trace's own steps are all there is."""
    found = audit(trace)
    comparable = bool(found.quantities)
    return Check(
        problem=trace.problem,
        name=trace.implementation,
        verdict=found.verdict,
        audit=found,
        diagnoses=diagnosed(trace, found),
        along=trace.steps if comparable else 0,
        states=0,
        seed=None,
        reason="; ".join(found.faults) or None,
        steps=steps_at(trace, np.arange(trace.steps)) if comparable else (),
    )
