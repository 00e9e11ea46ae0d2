"""Traces from files, put side by side where they train the same problem."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from comparisons.compare import compared, judged_trace
from comparisons.messages import setting
from comparisons.verdict import Comparison, Result
from problems.problem import Problem
from problems.trace import Trace

Loaded = Sequence[tuple[str, Trace]]
NO_PACKAGES = ("python", "platform", "device", "training")  # what else an environment tells


def side_by_side(loaded: Loaded) -> tuple[list[Comparison], list[dict[str, str]]]:
    """One comparison per problem, and for each the command that audits one of its traces again, by name."""
    problems: dict[bytes, Problem] = {}
    found: dict[bytes, list[Result]] = {}
    commands: dict[bytes, dict[str, str]] = {}
    for path, trace in loaded:
        key = identity(trace.problem)
        problems.setdefault(key, trace.problem)
        result = judged_trace(trace, version=versions(trace.environment))
        name, taken = result.name, commands.setdefault(key, {})
        if name in taken:
            name = f"{name} ({Path(path).name})"
        while name in taken:
            name += "'"
        taken[name] = shlex.join(["backproof", "audit", path])
        found.setdefault(key, []).append(replace(result, name=name))
    return [compared(problems[key], results) for key, results in found.items()], list(commands.values())


def versions(environment: Mapping[str, str]) -> str | None:
    """The packages that made a trace of this environment, in one line."""
    told = [f"{name} {value}" for name, value in environment.items() if name not in NO_PACKAGES]
    return ", ".join(told) or None


def identity(problem: Problem) -> bytes:
    """Everything that makes two problems the same one."""
    tables = [problem.x, problem.y, *problem.initial.values()]
    names = repr((setting(problem), problem.seed, problem.input_names, problem.target_names))
    return names.encode() + b"".join(table.tobytes() for table in tables)
