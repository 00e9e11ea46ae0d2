"""What the charts draw, as plain points: few enough to read, the extremes among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from comparisons.report.agreement import comparable
from comparisons.report.sampling import extremes
from comparisons.trajectory import EXACT_STEPS, carried_bounds, drift, exact_trajectory
from comparisons.verdict import Result
from problems.problem import Array, Problem
from problems.trace import Trace

Point = dict[str, Any]
MOST_BALLS = 6_000  # exact numbers that a report computes: 400 steps of the lesson's nine, fewer of a larger network
MOST_LINES = 12  # elements of one parameter drawn per implementation
PARAMETER_BUCKETS = 40


def points(series: int, values: Array, *, first: int = 1, buckets: int | None = None, **more: Any) -> Iterator[Point]:
    """One curve; x counts from `first`. What is not finite leaves a gap."""
    kept = extremes(values) if buckets is None else extremes(values, buckets)
    for position in kept.tolist():
        value = float(values[position])
        yield {"s": series, "x": position + first, "y": value if np.isfinite(value) else None, **more}


def losses(results: Sequence[Result], places: dict[str, int]) -> list[Point]:
    """Loss per step of every implementation."""
    return [point for result, trace in comparable(results) for point in points(places[result.name], trace.loss)]


def epoch_losses(results: Sequence[Result], places: dict[str, int]) -> list[Point]:
    """Average loss per epoch of every implementation."""
    return [
        point
        for result, _ in comparable(results)
        for point in points(places[result.name], np.array(result.epochs, dtype=np.float64))
    ]


def parameters(results: Sequence[Result], places: dict[str, int]) -> dict[str, list[Point]]:
    """Parameter name to the path of its elements, the start included; those that move most where there are many."""
    found: dict[str, list[Point]] = {}
    for result, trace in comparable(results):
        for name in trace.problem.network.parameter_shapes:
            paths = np.concatenate([trace.initial[name][None], trace.parameters[name]]).astype(np.float64)
            paths = paths.reshape(len(paths), -1)
            for element in most_moved(paths):
                found.setdefault(name, []).extend(
                    points(places[result.name], paths[:, element], first=0, buckets=PARAMETER_BUCKETS, e=element)
                )
    return found


def most_moved(paths: Array) -> list[int]:
    """The columns of `paths` (steps, elements) with the widest range, at most MOST_LINES of them, in order."""
    with np.errstate(all="ignore"):
        moved = np.nan_to_num(paths.max(axis=0) - paths.min(axis=0), nan=np.inf)
    return sorted(np.argsort(-moved, kind="stable")[:MOST_LINES].tolist())


def drifts(problem: Problem, traces: Sequence[tuple[Result, Trace]], places: dict[str, int]) -> dict[str, Any]:
    """Distance from the exact trajectory per step, and the bound carried from the start while it says anything."""
    steps = followed(problem, traces)
    if not steps:
        return {"steps": 0, "points": [], "zeros": [], "bound": []}
    exact = exact_trajectory(problem, steps)
    found: list[Point] = []
    zeros: list[str] = []
    for result, trace in traces:
        distance = drift(trace, exact).distance
        zeros += [result.name] if not distance.any() else []
        found += points(places[result.name], np.where(distance > 0, distance, np.nan))
    with np.errstate(all="ignore"):
        bound = carried_bounds(problem, steps)
    scale = max(float(np.abs(values).max()) for values in problem.initial.values()) or 1.0
    told = np.where((bound > 0) & (bound < 100 * scale), bound, np.nan)
    return {"steps": steps, "points": found, "zeros": zeros, "bound": list(points(-1, told))}


def followed(problem: Problem, traces: Sequence[tuple[Result, Trace]]) -> int:
    """How many steps the exact trajectory is followed."""
    numbers = sum(rows * columns for rows, columns in problem.network.parameter_shapes.values())
    longest = max((trace.steps for _, trace in traces), default=0)
    return min(longest, problem.steps, EXACT_STEPS, MOST_BALLS // numbers)
