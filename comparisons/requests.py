"""What a user asked for: names to implementations, names and files to problems, options to changes."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comparisons.fast import has_fast
from comparisons.implementations import IMPLEMENTATIONS, NAMES
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.files import ALL, load_problem
from problems.initializers import starting_parameters
from problems.problem import Optimizer, Problem, ProblemError
from problems.requirements import did_you_mean

if TYPE_CHECKING:
    from comparisons.sensitivity import Tolerance

BYTES_PER_STEP = 6000  # what the Python objects of one recorded step take, measured on the lesson problems
MOST_BYTES = 2**31  # for one implementation; several are trained at once
KEYS = {  # of a problem file, with the option that changes what stands there
    "network.loss": "loss",
    "initial": "initial",
    **{
        f"training.{key}": key
        for key in ("dtype", "optimizer", "learning_rate", "epochs", "order", "seed", "batch_size")
    },
}
PLAIN_CHANGES = ("dtype", "loss", "epochs", "order", "seed", "batch_size")


def chosen_implementations(against: Sequence[str]) -> tuple[str, ...]:
    """The names given, separated by commas or repeated, in our order; all where none is given.

    Raises ProblemError for a name that is not known.
    """
    asked = [name.strip() for part in against for name in part.split(",")]
    for name in asked:
        if name not in NAMES:
            raise ProblemError(
                f"implementation {name!r} is not known{did_you_mean(name, NAMES)}; choose from: {', '.join(NAMES)}"
            )
    return tuple(name for name in NAMES if name in asked) if asked else NAMES


def chosen_problems(
    arguments: Sequence[str], changes: Mapping[str, Any], *, streamed: bool = False
) -> list[tuple[str, Problem]]:
    """Each argument with its problem, changed as asked; both lesson problems where no argument is given.

    streamed: the trace will not be held in memory, and may be of any length.
    """
    keep = changed_freely if streamed else changed
    return [(argument, keep(problem_for(argument), changes)) for argument in arguments or tuple(DESCRIPTIONS)]


def problem_for(argument: str) -> Problem:
    """A problem by name, or from a file where the argument looks like one."""
    if argument in DESCRIPTIONS or not ("." in argument or "/" in argument or "\\" in argument):
        return named_problem(argument)
    return load_problem(argument)


def changed(problem: Problem, changes: Mapping[str, Any]) -> Problem:
    """The same, where the trace of all its steps fits into memory; ProblemError where it does not."""
    return recordable(changed_freely(problem, changes))


def changed_freely(problem: Problem, changes: Mapping[str, Any]) -> Problem:
    """`problem` with the options that were given; raises ProblemError, naming the option, where one does not fit."""
    given = {key: value for key, value in changes.items() if value is not None}
    try:
        return _changed(problem, given)
    except ProblemError as error:
        key, colon, what = str(error).partition(": ")
        option = KEYS.get(key, "")
        typed = f"--{option.replace('_', '-')}: {what}"
        raise ProblemError(typed if option in given and colon else str(error)) from None


def _changed(problem: Problem, given: Mapping[str, Any]) -> Problem:
    fields = {key: given[key] for key in PLAIN_CHANGES if key in given}
    if fields.get("batch_size") == ALL:
        fields["batch_size"] = len(problem.x)
    if "optimizer" in given or "learning_rate" in given:
        fields["optimizer"] = changed_optimizer(problem.optimizer, given)
    if "initial" in given:
        fields["initial"] = starting_parameters(problem.network, given["initial"])
        fields["start"] = given["initial"]
    return problem.changed(**fields) if fields else problem


def changed_optimizer(optimizer: Optimizer, given: Mapping[str, Any]) -> Optimizer:
    """Another formula has its own default settings; learning rate and schedule stay unless they are given."""
    rate = given.get("learning_rate", optimizer.learning_rate)
    if "optimizer" not in given:
        return replace(optimizer, learning_rate=rate)
    return Optimizer(name=given["optimizer"], learning_rate=rate, schedule=optimizer.schedule)


def recordable(problem: Problem) -> Problem:
    """`problem` as it is; raises ProblemError where a trace of all its steps would not fit into memory."""
    numbers = problem.network.parameter_count
    needed = problem.steps * (BYTES_PER_STEP + 2 * 8 * numbers)  # gradients and parameters of every step
    if needed > MOST_BYTES:
        most = MOST_BYTES // (BYTES_PER_STEP + 2 * 8 * numbers)
        raise ProblemError(
            f"training.epochs: {problem.epochs:,} epochs are {problem.steps:,} steps, whose trace needs about "
            f"{needed / 2**30:.0f} GiB; at most {most:,} steps of this network are recorded"
        )
    return problem


def positive_seconds(timeout: float | None, default: float) -> float:
    """The time limit; raises ProblemError unless it is a number of seconds above 0."""
    if timeout is None:
        return default
    if not (math.isfinite(timeout) and timeout > 0):
        raise ProblemError(f"--timeout: {timeout!r} must be a number of seconds above 0")
    return timeout


def at_least(option: str, value: int | None, default: int, *, least: int) -> int:
    """A count given on the command line; raises ProblemError below `least`."""
    if value is None:
        return default
    if value < least:
        raise ProblemError(f"{option}: {value} must be at least {least}")
    return value


def chosen_tolerance(text: str) -> Tolerance | None:
    """None for `derived`, else the two numbers RTOL,ATOL; raises ProblemError for anything else."""
    from comparisons.sensitivity import Tolerance

    if text == "derived":
        return None
    try:
        rtol, atol = map(float, text.split(","))
    except ValueError:
        rtol = atol = math.nan
    if not (math.isfinite(rtol) and math.isfinite(atol) and rtol >= 0 and atol >= 0):
        raise ProblemError(f"--tolerance: {text!r} is neither 'derived' nor two numbers RTOL,ATOL such as 1e-5,1e-8")
    return Tolerance(rtol=rtol, atol=atol)


def rerun_command(argument: str, changes: Mapping[str, Any], names: Sequence[str]) -> str:
    """The command that compares these implementations alone on this problem as it was changed.

    An option that none of them heeds, `--fast` or `--device`, is left out.
    """
    heeded = {
        "fast": any(map(has_fast, names)),
        "device": any(len(IMPLEMENTATIONS[name].devices) > 1 for name in names),
    }
    given = {key: value for key, value in changes.items() if value is not None and value is not False}
    options = [_option(key, value) for key, value in given.items() if heeded.get(key, True)]
    return " ".join(["backproof compare", shlex.quote(argument), "--against", ",".join(names), *options])


def _option(key: str, value: Any) -> str:
    """One option as it is typed; a flag, whose value is True, has its name alone."""
    name = f"--{key.replace('_', '-')}"
    return name if value is True else f"{name} {shlex.quote(str(value))}"
