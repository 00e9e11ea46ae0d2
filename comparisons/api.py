"""For Python and pytest: check anything that trains, and assert that it agrees.

What they need is imported when they are called: every process of ours imports this package first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from comparisons.candidates import TrainStep
    from comparisons.checking import Check
    from problems.problem import Problem
    from problems.trace import Trace

DEFAULT_STATES = 64


def check(
    candidate: TrainStep | Trace | str | Path | Any,
    problem: Problem | str | Path = "classification",
    *,
    states: int = DEFAULT_STATES,
    seed: int = 0,
) -> Check:
    """Hold a candidate against the formulas, and say which mistake it makes.

    candidate: a function `train_step(parameters, x, y, learning_rate)`; an object with `parameters` (a mapping that
    can be set) and `step(x, y, learning_rate)`, which returns the loss and updates them; a Trace; or the path of a
    Python file that defines `train_step`, which is run in a process of its own.
    problem: a Problem, the name of a lesson problem, or a TOML file; a Trace brings its own. Where its optimizer
    remembers earlier steps, clips or has a schedule, a function is refused, and an object that leaves `gradients` too
    is judged along the problem alone.
    states, seed: how many random states besides the problem's own steps, and their seed.

    Whatever the candidate raises passes through, except from a file, whose verdict is then `crashed`. Raises
    ProblemError for a problem, or a file, that is none.
    """
    from comparisons.any_candidate import check_any

    __tracebackhide__ = True
    return check_any(candidate, problem, states, seed)


def assert_agrees(
    candidate: TrainStep | Trace | str | Path | Any,
    problem: Problem | str | Path = "classification",
    *,
    states: int = DEFAULT_STATES,
    seed: int = 0,
) -> None:
    """Raise AssertionError, with the message of `backproof check`, unless the candidate agrees.

    Arguments are those of `check`.
    """
    from comparisons.check_text import check_text
    from comparisons.verdict import Verdict
    from problems.problem import ProblemError

    __tracebackhide__ = True
    try:
        found = check(candidate, problem, states=states, seed=seed)
    except ProblemError as error:
        raise error.with_traceback(None) from None  # its one line says all there is to say
    if found.verdict is not Verdict.AGREES:
        raise AssertionError(check_text(found))
