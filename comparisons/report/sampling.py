"""Few steps that stand for many: the extremes of a curve, and the steps worth opening."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from comparisons.verdict import Result
from problems.problem import Array

BUCKETS = 120  # a curve keeps the least and the greatest of each of so many stretches
OPENED = 24  # steps that the explorer holds


def extremes(values: Array, buckets: int = BUCKETS) -> Array:
    """Positions of a curve's first, last, least and greatest values, stretch by stretch; all of them where few.

    values: (steps,); what is not finite counts as greatest of its stretch, so that it stays visible.
    """
    if len(values) <= 2 * buckets:
        return np.arange(len(values))
    heights = np.nan_to_num(values.astype(np.float64), nan=np.inf)
    stretches = np.split(np.arange(len(values)), ends(len(values), buckets))
    kept = [stretch[[np.argmin(heights[stretch]), np.argmax(heights[stretch])]] for stretch in stretches]
    return np.unique(np.concatenate([[0], *kept, [len(values) - 1]]))


def ends(steps: int, buckets: int) -> Array:
    """Where stretches end, fewer than `buckets` of them: half evenly spread, half closer together near the start."""
    half = buckets // 2
    evenly = np.linspace(0, steps, half + 1)[1:-1]
    closely = np.geomspace(1, steps, half + 1)[:-1]
    return np.unique(np.concatenate([evenly, closely]).astype(int))


def opened_steps(results: Sequence[Result], steps: int, count: int = OPENED) -> list[int]:
    """Steps from 1, sorted: the first bad and the worst of each implementation, the first, the last, others spread."""
    chosen = dict.fromkeys([1, steps] if steps else [])
    audits = [result.audit for result in results if result.audit]
    chosen |= dict.fromkeys(audit.deviations[0].step for audit in audits if audit.deviations)
    chosen |= dict.fromkeys(audit.worst.step for audit in audits if audit.worst)
    least = min(count, steps)
    spread = np.linspace(1, steps, least).round().astype(int).tolist() if steps else []
    for step in spread:
        if len(chosen) >= least:
            break
        chosen[step] = None
    return sorted(chosen)[:count] if len(chosen) <= count else sorted(list(chosen)[:count])
