"""The process in which a candidate runs. Run as `python -P -m comparisons.candidate_worker FOLDER`.

FOLDER holds problem-0.json and request.json (`file`, `states`, `seed`). Every step that the candidate returns is told
as an event the moment it is there, so that what came before a crash or an endless loop is kept.
"""

from __future__ import annotations

import importlib.util
import inspect
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, cast

import numpy as np

from comparisons.candidates import (
    CandidateFault,
    Returned,
    State,
    TrainStep,
    along,
    from_states,
    random_states,
)
from comparisons.repeats import states_again
from comparisons.worker import exit_with_parent, one_line, private_events, tell
from problems.order import batches
from problems.problem import Array, Parameters, Problem
from problems.records import problem_from_json

MOST_NAMED = 5  # functions of a file


class BadCandidate(Exception):
    """A file that holds no candidate; one line."""


def main() -> None:
    """Load the candidate, run it along the problem and from random states, tell every step."""
    folder = Path(sys.argv[1])
    events = private_events()
    close_in_children(events)
    exit_with_parent()
    sys.stdin = io.StringIO()  # a candidate that asks for input gets none
    problem = problem_from_json(json.loads((folder / "problem-0.json").read_text(encoding="utf-8")))
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    file = Path(request["file"])
    states = random_states(problem, request["states"], request["seed"])  # before anything of the candidate's runs
    asked_again = states_again(problem, states)
    try:
        train_step = load(file)
    except BadCandidate as error:
        report(events, event="refused", reason=str(error))
    else:
        run(events, file, "along", along(problem, train_step))
        run(events, file, "random", from_states(problem, train_step, states))
        run(events, file, "again", from_states(problem, train_step, asked_again))
        report(events, event="finished")
    os._exit(0)


def close_in_children(events: TextIO) -> None:
    """Close `events` in every process that the candidate forks: only this one tells its steps."""
    if hasattr(os, "register_at_fork"):  # where processes can be forked
        os.register_at_fork(after_in_child=events.close)


def report(events: TextIO, **event: Any) -> None:
    """Tell one event; a process that the candidate forked, and that came back to here, ends instead."""
    if events.closed:
        os._exit(0)
    tell(events, **event)


def load(file: Path) -> TrainStep:
    """The train_step of the file; raises BadCandidate where there is none."""
    spec = importlib.util.spec_from_file_location("candidate", file)
    if spec is None or spec.loader is None:
        raise BadCandidate("is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["candidate"] = module
    sys.path.insert(0, str(file.parent))  # a candidate may import what lies beside it
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # even SystemExit: it is the file's doing
        raise BadCandidate(f"cannot be imported: {described(error, file)}") from None
    train_step = getattr(module, "train_step", None)
    if not callable(train_step):
        raise BadCandidate(f"defines no function train_step(parameters, x, y, learning_rate){instead(module)}")
    return cast(TrainStep, train_step)


def instead(module: ModuleType) -> str:
    """What the file calls train_step, or which functions it defines; empty where there are none."""
    if hasattr(module, "train_step"):
        return f"; its train_step is of type {type(module.train_step).__name__}"
    functions = [name for name, value in vars(module).items() if inspect.isfunction(value)]
    return f"; its functions: {', '.join(functions[:MOST_NAMED])}" if functions else ""


def run(events: TextIO, file: Path, phase: str, steps: Iterator[tuple[State, Returned]]) -> None:
    """Tell every step of one phase, up to the first that fails."""
    try:
        for _, returned in steps:
            report(events, event="step", phase=phase, **record(returned))
    except CandidateFault as fault:
        report(events, event="fault", phase=phase, reason=str(fault))
    except BaseException as error:
        report(events, event="raised", phase=phase, reason=described(error, file))


def described(error: BaseException, file: Path) -> str:
    """An exception in one line, with the line of the candidate's file that it came from."""
    name = type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{name}: {one_line(str(error))}"
    text = f"{name}: {one_line(str(error))}" if str(error) else name
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{text} ({file.name}, line {lines[-1]})" if lines else text


def record(returned: Returned) -> dict[str, Any]:
    """What was returned, as JSON values."""
    gradients = returned.gradients
    return {
        "loss": packed(returned.loss),
        "parameters": {name: packed(values) for name, values in returned.parameters.items()},
        "gradients": None if gradients is None else {name: packed(values) for name, values in gradients.items()},
    }


def packed(values: Array) -> list[Any]:
    """[dtype, nested lists]."""
    return [str(values.dtype), values.tolist()]


def tensors_of(packed_tensors: dict[str, list[Any]]) -> Parameters:
    """The arrays that `packed` made lists of."""
    return {name: unpacked(values) for name, values in packed_tensors.items()}


def unpacked(values: list[Any]) -> Array:
    """The array that `packed` made a list of."""
    dtype, nested = values
    return np.array(nested, dtype=dtype)


def returned_of(event: dict[str, Any]) -> Returned:
    """What an event of a step tells."""
    gradients = event["gradients"]
    return Returned(
        loss=unpacked(event["loss"]),
        parameters=tensors_of(event["parameters"]),
        gradients=None if gradients is None else tensors_of(gradients),
    )


def states_along(problem: Problem, returned: list[Returned]) -> list[State]:
    """Where each of the candidate's steps along the problem started."""
    starts = [problem.initial, *(one.parameters for one in returned)]
    return [
        State(parameters=start, x=problem.x[rows], y=problem.y[rows], learning_rate=problem.optimizer.learning_rate)
        for start, rows, _ in zip(starts, batches(problem), returned, strict=False)
    ]


if __name__ == "__main__":
    main()
