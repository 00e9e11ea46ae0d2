"""What a campaign does: one implementation on one problem, with a key by which it is known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from comparisons.devices import CPU
from comparisons.fast import has_fast
from comparisons.implementations import IMPLEMENTATIONS, installed, package_version, version
from comparisons.requests import changed, problem_for, rerun_command
from problems.form import Form, form_of
from problems.problem import Problem
from problems.records import problem_to_json

Cell = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """One implementation on one problem: all that another process or machine needs.

    key: the same for the same problem, implementation, versions and way to train; base: the problem as it was given,
    which all tasks of it share; cell: the options that change it; rerun: the command that does this one alone;
    device, fast: how this implementation trains, whatever was asked of all.
    """

    key: str
    implementation: str
    version: str
    base: Problem
    cell: Cell
    rerun: str
    device: str = CPU
    fast: bool = False

    @property
    def problem(self) -> Problem:
        """What is trained; made where it is trained, since a grid of large problems is larger than memory."""
        return changed(self.base, self.cell)

    @property
    def label(self) -> str:
        """The implementation where it is shown."""
        return label(self.implementation, device=self.device, fast=self.fast)


def label(implementation: str, *, device: str, fast: bool) -> str:
    """An implementation with what is not as always in parentheses, such as `jax (fast)` or `torch (cuda)`."""
    unlike = [*(["fast"] if fast else []), *([device] if device != CPU else [])]
    return f"{implementation} ({', '.join(unlike)})" if unlike else implementation


def tasks(
    arguments: Sequence[str],
    grid: Mapping[str, Sequence[Any]],
    names: Sequence[str],
    *,
    device: str = CPU,
    fast: bool = False,
) -> list[Task]:
    """Every installed implementation on every problem in every combination of `grid`, an implementation at a time.

    Of each, trainings of one form come one after another, since a process that compiles keeps its last programs.

    grid: option (`initial`, `dtype`, ...) to the values it takes; device, fast: what those train on that can, and
    whether those take many steps in one call that can. What comes out the same is one task. Raises ProblemError where
    a problem cannot be read or a value does not fit.
    """
    chosen = [(argument, problem_for(argument)) for argument in dict.fromkeys(arguments)]
    cells = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    by_form: dict[Form, list[tuple[Problem, Cell, str, str]]] = {}
    for (argument, base), cell in product(chosen, cells):
        problem = changed(base, cell)
        by_form.setdefault(form_of(problem), []).append((base, cell, digest(problem), argument))
    trained = [one for alike in by_form.values() for one in alike]
    found: dict[str, Task] = {}
    for name in filter(installed, names):
        placed, many = IMPLEMENTATIONS[name].device_for(device), fast and has_fast(name)
        typed = {"device": placed if placed != CPU else None, "fast": many}
        versions = version(name)
        for base, cell, what, argument in trained:
            rerun = rerun_command(argument, {**cell, **typed}, [name])
            key = hashed([what, name, versions, package_version("backproof"), placed, many])
            one = Task(
                key=key,
                implementation=name,
                version=versions,
                base=base,
                cell=cell,
                rerun=rerun,
                device=placed,
                fast=many,
            )
            found.setdefault(key, one)
    return list(found.values())


def digest(problem: Problem) -> str:
    """The same for the same training: a seed decides nothing where rows come in their own order."""
    record = problem_to_json(problem)
    return hashed(record | {"seed": 0} if problem.order == "sequential" else record)


def hashed(record: object) -> str:
    """A name for plain values, the same for the same values."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode("utf-8")).hexdigest()[:32]
