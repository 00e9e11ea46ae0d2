"""What every other implementation found at every step, to stand beside the hand's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comparisons.compare import DEFAULT_TIMEOUT, judged, not_installed, silent, train_here
from comparisons.implementations import IMPLEMENTATIONS, installed
from comparisons.lesson.rates import finite
from comparisons.lesson.steps import nine
from comparisons.workers import Outcome, Progress, train_all
from problems.problem import Problem

HAND = "manual-scalar"


def beside(
    problems: Sequence[Problem],
    names: Sequence[str],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Progress = silent,
) -> list[list[dict[str, Any]]]:
    """Per problem, one record per implementation, in the order of `names`; frameworks in processes of their own."""
    present = [name for name in names if installed(name)]
    by_hand = [name for name in present if IMPLEMENTATIONS[name].by_hand]
    frameworks = [name for name in present if name not in by_hand]
    outcomes = {name: [train_here(name, problem) for problem in problems] for name in by_hand}
    if frameworks:
        outcomes |= train_all(frameworks, problems, timeout=timeout, progress=progress)
    return [
        [_told(name, problem, outcomes[name][at] if name in outcomes else None) for name in names]
        for at, problem in enumerate(problems)
    ]


def _told(name: str, problem: Problem, outcome: Outcome | None) -> dict[str, Any]:
    result = not_installed(name) if outcome is None else judged(name, problem, outcome)
    trace = outcome.trace if outcome else None
    steps = range(trace.steps) if trace else ()
    return {
        "name": name,
        "by_hand": IMPLEMENTATIONS[name].by_hand,
        "version": result.version,
        "verdict": result.verdict.value,
        "reason": result.known_deviation or result.reason,
        "losses": finite(trace.loss.tolist()) if trace else [],
        "gradients": [finite(nine({key: values[k] for key, values in trace.gradients.items()})) for k in steps]
        if trace
        else [],
    }
