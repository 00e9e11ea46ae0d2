"""A problem in a file: what a worker is to train. Its tables are binary, since those of a large network are large."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from problems.problem import Problem
from problems.records import problem_of, settings_to_json


def write_problem(problem: Problem, number: int, folder: Path) -> None:
    """Where a worker looks for problem `number`: its settings and the names of its parameters, then every table."""
    head = json.dumps({"settings": settings_to_json(problem), "initial": list(problem.initial)})
    with problem_path(folder, number).open("wb") as file:
        file.write(head.encode() + b"\n")
        for table in (problem.x, problem.y, *problem.initial.values()):
            np.lib.format.write_array(file, table, allow_pickle=False)


def read_problem(number: int, folder: Path) -> Problem:
    """The problem that is written there."""
    with problem_path(folder, number).open("rb") as file:
        head = json.loads(file.readline())
        x, y, *tables = (np.lib.format.read_array(file, allow_pickle=False) for _ in range(2 + len(head["initial"])))
    return problem_of(head["settings"], x, y, dict(zip(head["initial"], tables, strict=True)))


def problem_path(folder: Path, number: int) -> Path:
    """Its file, by its number from 0."""
    return folder / f"problem-{number}"
