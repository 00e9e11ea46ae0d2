"""Run as `python going_on.py NAME FOLDER`: whether a training that goes on is the whole one, bit for bit.

Each case is recorded whole; its first steps are put into another folder, as a kill would leave them; the recording goes
on there. With BACKPROOF_FAST=1 many steps are trained in one call. Prints JSON: case to the names of quantities that
differ, or why the implementation refuses it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.fast import told_fast
from comparisons.implementations import Trainer, load
from comparisons.recording import record
from problems.catalogue import named_problem
from problems.problem import Optimizer, Problem
from problems.trace_store import StoredTrace, as_columns, open_trace
from problems.trace_writer import TraceWriter

UNCORRECTED = {"epsilon_place": "uncorrected"}
# Case to optimizer, order, rows a step and how many of 12 epochs' steps were recorded before; 4 rows, so 3 leave one.
CASES: dict[str, tuple[Optimizer, str, int, int]] = {
    "sgd": (Optimizer(learning_rate=0.01), "sequential", 1, 17),
    "sgd-shuffled": (Optimizer(learning_rate=0.01), "shuffled", 3, 7),
    "sgd-random": (Optimizer(learning_rate=0.01), "random", 3, 13),
    "momentum": (Optimizer(name="momentum", learning_rate=0.01), "shuffled", 3, 7),
    "adam": (Optimizer(name="adam", learning_rate=0.01), "random", 3, 13),
    "adam-uncorrected": (Optimizer(name="adam", learning_rate=0.01, settings=UNCORRECTED), "shuffled", 4, 5),
    "diverging": (Optimizer(learning_rate=10.0), "sequential", 1, 40),
}


def problem_of(case: str) -> Problem:
    """The problem of a case."""
    optimizer, order, batch_size, _ = CASES[case]
    name = "regression" if case == "diverging" else "classification"
    return named_problem(name).changed(optimizer=optimizer, order=order, batch_size=batch_size, epochs=12)


def record_whole(folder: Path, problem: Problem, name: str, trainer: Trainer) -> StoredTrace:
    """Record all that is left of the training in `folder`."""
    with TraceWriter(folder, problem, name, trainer.versions(problem)) as writer, np.errstate(all="ignore"):
        record(writer, trainer, 0.0, lambda doing: None)
    return open_trace(folder)


def differing(folder: Path, problem: Problem, begin: int, name: str, trainer: Trainer) -> list[str]:
    """What differs between the whole training and the one that goes on after `begin` steps."""
    whole = record_whole(folder / "whole.zarr", problem, name, trainer)
    with TraceWriter(folder / "part.zarr", problem, name, trainer.versions(problem)) as writer:
        writer.append(whole.block(0, begin))
    again = record_whole(folder / "part.zarr", problem, name, trainer)
    one, other = (as_columns(trace.block(0, trace.steps)) for trace in (whole, again))
    same_length = ["steps"] if not whole.steps == again.steps == problem.steps else []
    return same_length + [key for key in one if one[key].tobytes() != other[key].tobytes()]


def main() -> None:
    """Every case."""
    name, top = sys.argv[1], Path(sys.argv[2])
    trainer = load(name, fast=told_fast(os.environ))
    found: dict[str, Any] = {}
    for case, (*_, begin) in CASES.items():
        (top / case).mkdir()
        try:
            found[case] = differing(top / case, problem_of(case), begin, name, trainer)
        except NotImplementedError as unable:
            found[case] = str(unable)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
