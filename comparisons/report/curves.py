"""What the charts draw, as plain points: few enough to read, the extremes among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from comparisons.report.agreement import comparable, compared
from comparisons.report.drift import Drifts
from comparisons.report.sampling import extremes
from comparisons.verdict import Result
from problems.problem import Array

Point = dict[str, Any]
MOST_LINES = 12  # elements of one parameter drawn per implementation
PARAMETER_BUCKETS = 80


def points(series: int, values: Array, *, first: int = 1, buckets: int | None = None, **more: Any) -> Iterator[Point]:
    """One curve; x counts from `first`. What is not finite leaves a gap."""
    kept = extremes(values) if buckets is None else extremes(values, buckets)
    for position in kept.tolist():
        value = float(values[position])
        yield {"s": series, "x": position + first, "y": value if np.isfinite(value) else None, **more}


def losses(results: Sequence[Result], places: Mapping[str, int]) -> list[Point]:
    """Loss per step of every implementation."""
    return [point for result, trace in comparable(results) for point in points(places[result.label], trace.loss)]


def epoch_losses(results: Sequence[Result], places: Mapping[str, int]) -> list[Point]:
    """Average loss per epoch of every implementation."""
    return [
        point
        for result in compared(results)
        for point in points(places[result.label], np.array(result.epochs, dtype=np.float64))
    ]


def parameters(results: Sequence[Result], places: Mapping[str, int]) -> dict[str, list[Point]]:
    """Parameter name to the path of its elements, the start included; those that move most where there are many."""
    found: dict[str, list[Point]] = {}
    for result, trace in comparable(results):
        for name in trace.problem.network.parameter_shapes:
            paths = np.concatenate([trace.initial[name][None], trace.parameters[name]]).astype(np.float64)
            paths = paths.reshape(len(paths), -1)
            for element in most_moved(paths):
                found.setdefault(name, []).extend(
                    points(places[result.label], paths[:, element], first=0, buckets=PARAMETER_BUCKETS, e=element)
                )
    return found


def most_moved(paths: Array) -> list[int]:
    """The columns of `paths` (steps, elements) with the widest range, at most MOST_LINES of them, in order."""
    with np.errstate(all="ignore"):
        moved = np.nan_to_num(paths.max(axis=0) - paths.min(axis=0), nan=np.inf)
    return sorted(np.argsort(-moved, kind="stable")[:MOST_LINES].tolist())


def drift_from_exact(found: Drifts, places: Mapping[str, int]) -> list[Point]:
    """Distance from the exact trajectory per step; where it is 0 a logarithmic axis shows nothing."""
    return [point for one in found.exact for point in points(places[one.implementation], positive(one.distance))]


def drift_between(distances: Mapping[str, Array], places: Mapping[str, int]) -> list[Point]:
    """Distance from one implementation per step, by name."""
    return [point for name, distance in distances.items() for point in points(places[name], positive(distance))]


def drift_bound(found: Drifts) -> list[Point]:
    """The bound carried from the start, while it says anything."""
    return list(points(-1, positive(found.bound)))


def positive(values: Array) -> Array:
    """`values` with a gap where a logarithmic axis has no place."""
    return np.where(values > 0, values, np.nan)
