"""What a campaign does: one implementation on one problem, with a key by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from comparisons.implementations import installed, version
from comparisons.requests import chosen_problems, rerun_command
from problems.problem import Problem
from problems.records import problem_to_json


@dataclass(frozen=True, kw_only=True)
class Task:
    """One implementation on one problem, as plain values that another process or machine understands.

    problem: the record of `problem_to_json`; key: the same for the same problem, implementation and versions;
    rerun: the command that does this one alone.
    """

    key: str
    implementation: str
    version: str
    problem: Mapping[str, Any]
    rerun: str


def tasks(arguments: Sequence[str], grid: Mapping[str, Sequence[Any]], names: Sequence[str]) -> Iterator[Task]:
    """Every installed implementation on every problem in every combination of `grid`, an implementation at a time.

    grid: option (`initial`, `dtype`, ...) to the values it takes. Raises ProblemError where one of them does not fit.
    """
    cells = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    chosen = [
        (argument, cell, problem)
        for argument in arguments
        for cell in cells
        for _, problem in chosen_problems((argument,), cell)
    ]
    for name in names:
        if installed(name):
            for argument, cell, problem in chosen:
                yield task(problem, name, rerun_command(argument, cell).replace("{name}", name))


def task(problem: Problem, name: str, rerun: str) -> Task:
    """The task with its key."""
    record = problem_to_json(problem)
    text = json.dumps([record, name, version(name)], sort_keys=True)
    key = hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
    return Task(key=key, implementation=name, version=version(name), problem=record, rerun=rerun)
