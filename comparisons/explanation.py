"""One training step in full: the reference's numbers, and what every implementation found at the same step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from comparisons.arithmetic.precision import FLOAT32, PRECISIONS
from comparisons.audit import audit, divergence_of, observed_at
from comparisons.candidates import State
from comparisons.chains import Passes
from comparisons.compare import DEFAULT_TIMEOUT, silent, train_here
from comparisons.computed import require_computed
from comparisons.devices import CPU
from comparisons.explain import passes_of
from comparisons.implementations import IMPLEMENTATIONS, install_command, installed
from comparisons.known_deviations import known_deviation
from comparisons.messages import counted
from comparisons.reference import Expectation, expectations
from comparisons.structure import structural_faults
from comparisons.tally import outside
from comparisons.verdict import Verdict
from comparisons.workers import Outcome, Progress, train_all
from problems.problem import Parameters, Problem, ProblemError
from problems.trace import Trace

REFERENCE = "manual-matrix"
LAST = "last"


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What one implementation found at the step that it reached by its own training, or why it found nothing.

    gradients: before the update, or None; wrong: the quantities of this step that are outside their bound;
    carries_less: whether all of them are within float32's; finite: whether every number of the step is;
    quantities, compared: how many, and how many numbers in them, were looked at;
    diverged_at: the step from which on right values are too large to be compared, where this one is not before it.
    """

    name: str
    verdict: Verdict
    gradients: Parameters | None = None
    wrong: tuple[str, ...] = ()
    carries_less: bool = False
    finite: bool = True
    quantities: int = 0
    compared: int = 0
    reason: str | None = None
    known_deviation: str | None = None
    diverged_at: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Step `step` (from 1) of `problem`, as the formulas by hand train it.

    rows: positions in the data; state: where the step starts; loss, gradients: before the update;
    parameters: after it; told: by every implementation asked for, the reference first.
    """

    problem: Problem
    step: int
    rows: tuple[int, ...]
    state: State
    loss: float
    gradients: Parameters
    parameters: Parameters
    told: tuple[Told, ...]

    @cached_property
    def passes(self) -> Passes:
        """Everything that forward and backward go through, in float64."""
        return passes_of(self.problem, self.state)

    @property
    def epoch(self) -> int:
        """The epoch of the step, from 1."""
        return (self.step - 1) // self.problem.steps_per_epoch + 1


def chosen_step(text: str, problem: Problem) -> int:
    """A number from 1 to the last step, or `last`; raises ProblemError for anything else."""
    if text == LAST:
        return problem.steps
    known = text.isascii() and text.isdigit() and len(text) < 20
    if not known or not 1 <= int(text) <= problem.steps:
        epochs = f"{counted(problem.epochs, 'epoch')} of {counted(problem.steps_per_epoch, 'step')}"
        raise ProblemError(
            f"--step: {text!r} is no step of {problem.name}; choose from 1 to {problem.steps} ({epochs})"
        )
    return int(text)


def explained(
    problem: Problem,
    step: int,
    names: Sequence[str],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Progress = silent,
    device: str = CPU,
) -> Explanation:
    """Step `step` of `problem`, and the same step of every implementation in `names`.

    Each implementation trains from the start to the end of the epoch; frameworks in processes of their own, on
    `device` where they can. Raises ProblemError for a dtype for storage, in which nothing by hand computes.
    """
    require_computed("explain", problem)
    short = problem.changed(epochs=-(-step // problem.steps_per_epoch))
    present = [name for name in names if installed(name)]
    by_hand = {name: train_here(name, short) for name in {*present, REFERENCE} if IMPLEMENTATIONS[name].by_hand}
    frameworks = [name for name in present if name not in by_hand]
    trained = train_all(frameworks, [short], timeout=timeout, progress=progress, device=device) if frameworks else {}
    outcomes = by_hand | {name: outcome for name, (outcome,) in trained.items()}
    reference = outcomes[REFERENCE].trace
    if reference is None:
        raise ProblemError(f"{problem.name}: {outcomes[REFERENCE].crashed or outcomes[REFERENCE].skipped}")
    asked = (REFERENCE, *(name for name in names if name != REFERENCE))
    told = tuple(_told(name, outcomes.get(name), step) for name in asked)
    return _explanation(problem, step, reference, told)


def _explanation(problem: Problem, step: int, trace: Trace, told: tuple[Told, ...]) -> Explanation:
    at = step - 1
    rows = tuple(int(row) for row in trace.rows[at] if row >= 0)
    return Explanation(
        problem=problem,
        step=step,
        rows=rows,
        state=State(
            parameters={name: trace.before(name, np.array([at]))[0] for name in trace.parameters},
            x=problem.x[list(rows)],
            y=problem.y[list(rows)],
            learning_rate=problem.optimizer.learning_rate,
        ),
        loss=float(trace.loss[at]),
        gradients={name: values[at] for name, values in trace.gradients.items()},
        parameters={name: values[at] for name, values in trace.parameters.items()},
        told=told,
    )


def _told(name: str, outcome: Outcome | None, step: int) -> Told:
    if outcome is None:
        reason = f"not installed; install with: {install_command(name)}"
        return Told(name=name, verdict=Verdict.SKIPPED, reason=reason)
    trace = outcome.trace
    if trace is None:
        verdict = Verdict.SKIPPED if outcome.skipped else Verdict.CRASHED
        return Told(name=name, verdict=verdict, reason=outcome.skipped or outcome.crashed)
    faults = structural_faults(trace)
    if faults:
        return Told(name=name, verdict=Verdict.DISAGREES, reason="; ".join(faults))
    return _judged(name, trace, step)


def _judged(name: str, trace: Trace, step: int) -> Told:
    """Whether every number of the step is within its bound, from this implementation's own state."""
    position = np.array([step - 1])
    observed = observed_at(trace, position)
    divergence = divergence_of(trace)
    if divergence is not None and divergence.covers(position).any():
        gradients = {n: values[step - 1] for n, values in trace.gradients.items()}
        return Told(name=name, verdict=Verdict.BLIND, gradients=gradients, diverged_at=divergence.step)
    wrong, below = (
        _outside(observed.actual, expectations(trace.problem, observed.before, observed.x, observed.y, carried))
        for carried in (PRECISIONS[trace.problem.dtype], FLOAT32)
    )
    return Told(
        name=name,
        verdict=Verdict.DISAGREES if wrong else Verdict.AGREES,
        gradients={n: values[step - 1] for n, values in trace.gradients.items()},
        wrong=wrong,
        carries_less=bool(wrong) and not below,
        finite=all(bool(np.isfinite(values).all()) for values in observed.actual.values()),
        quantities=len(observed.actual),
        compared=sum(int(values.size) for values in observed.actual.values()),
        known_deviation=known_deviation(trace, audit(trace)) if wrong else None,
    )


def _outside(actual: Parameters, expected: Mapping[str, Expectation]) -> tuple[str, ...]:
    return tuple(quantity for quantity, values in actual.items() if outside(values, expected[quantity]).any())
