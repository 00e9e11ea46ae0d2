"""A candidate whose optimizer remembers: what cannot be checked call by call, and what is recorded as a trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comparisons.candidates import as_array, number, tensors
from comparisons.problem_words import optimizer_words
from problems.order import batches
from problems.problem import Problem, ProblemError
from problems.step import Step
from problems.trace import Trace

INSTEAD = (
    "check an object with `parameters`, `gradients` and `step(x, y, learning_rate)` in Python, record a trace and "
    "`backproof audit` it, or choose the optimizer 'sgd' without settings or schedule"
)


def require_plain(problem: Problem) -> None:
    """Raise ProblemError where an update is more than its step's gradient times the learning rate.

    A train_step is told neither which step it is nor what the ones before it left.
    """
    if not problem.optimizer.plain:
        raise ProblemError(
            f"check: a train_step knows its own call alone, and {problem.name} is trained by "
            f"{optimizer_words(problem.optimizer)}; {INSTEAD}"
        )


def recorded(problem: Problem, candidate: Any) -> Trace:
    """The trace of an object along the problem, which keeps its optimizer's state itself.

    Each `step(x, y, learning_rate)` returns the loss and leaves the new `parameters`, and in `gradients` the
    derivatives of that loss before clipping. Raises ProblemError where it tells no gradients.
    """
    return Trace.record(problem, _steps(problem, candidate), implementation=type(candidate).__name__)


def start_from(candidate: Any, parameters: Mapping[str, Any]) -> None:
    """Have its next step start there; raises TypeError where it does not let itself be told."""
    try:
        candidate.parameters = dict(parameters)
    except AttributeError as error:
        raise TypeError(
            f"{type(candidate).__name__}: `parameters` cannot be set ({error}); each state to be checked is put there "
            "before `step` is called, which has to start from it"
        ) from None


def _steps(problem: Problem, candidate: Any) -> Iterator[Step]:
    start_from(candidate, {name: as_array(values) for name, values in problem.initial.items()})
    for t, rows in enumerate(batches(problem), 1):
        x, y = as_array(problem.x[rows]), as_array(problem.y[rows])
        loss = candidate.step(x, y, problem.optimizer.learning_rate_at(t))
        yield Step(
            rows=rows,
            loss=number("loss", loss),
            gradients=tensors("gradient", _gradients(problem, candidate), problem),
            parameters=tensors("parameter", candidate.parameters, problem),
        )


def _gradients(problem: Problem, candidate: Any) -> Any:
    gradients = getattr(candidate, "gradients", None)
    if gradients is None:
        raise ProblemError(
            f"check: {type(candidate).__name__} leaves no `gradients` after a step, and what "
            f"{optimizer_words(problem.optimizer)} must make of them cannot be told without; {INSTEAD}"
        )
    return gradients
