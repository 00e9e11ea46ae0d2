"""What a campaign does: one implementation on one problem, with a key by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from comparisons.implementations import installed, package_version, version
from comparisons.requests import changed, problem_for, rerun_command
from problems.problem import Problem
from problems.records import problem_to_json

Cell = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """One implementation on one problem: all that another process or machine needs.

    key: the same for the same problem, implementation and versions; base: the problem as it was given, which all
    tasks of it share; cell: the options that change it; rerun: the command that does this one alone.
    """

    key: str
    implementation: str
    version: str
    base: Problem
    cell: Cell
    rerun: str

    @property
    def problem(self) -> Problem:
        """What is trained; made where it is trained, since a grid of large problems is larger than memory."""
        return changed(self.base, self.cell)


def tasks(arguments: Sequence[str], grid: Mapping[str, Sequence[Any]], names: Sequence[str]) -> list[Task]:
    """Every installed implementation on every problem in every combination of `grid`, an implementation at a time.

    grid: option (`initial`, `dtype`, ...) to the values it takes. What comes out the same is one task. Raises
    ProblemError where a problem cannot be read or a value does not fit.
    """
    chosen = [(argument, problem_for(argument)) for argument in dict.fromkeys(arguments)]
    cells = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    trained = [(argument, base, cell, digest(changed(base, cell))) for argument, base in chosen for cell in cells]
    found: dict[str, Task] = {}
    for name, versions in [(name, version(name)) for name in names if installed(name)]:
        for argument, base, cell, what in trained:
            rerun = rerun_command(argument, cell, [name])
            key = hashed([what, name, versions, package_version("backproof")])
            one = Task(key=key, implementation=name, version=versions, base=base, cell=cell, rerun=rerun)
            found.setdefault(key, one)
    return list(found.values())


def digest(problem: Problem) -> str:
    """The same for the same training: a seed decides nothing where rows come in their own order."""
    record = problem_to_json(problem)
    return hashed(record | {"seed": 0} if problem.order == "sequential" else record)


def hashed(record: object) -> str:
    """A name for plain values, the same for the same values."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode("utf-8")).hexdigest()[:32]
