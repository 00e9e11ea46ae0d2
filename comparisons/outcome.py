"""Which exit code a run leaves with."""

from __future__ import annotations

from collections.abc import Sequence

from comparisons.exit_codes import AGREED, DISAGREED, NOTHING_COMPARED
from comparisons.verdict import Comparison, Result, Verdict


def exit_code(comparisons: Sequence[Comparison], *, strict: bool = False, required: bool = False) -> int:
    """0 everything compared agrees, 1 something disagrees or is blind, 3 something crashed or nothing was compared.

    strict: a known deviation counts as a disagreement, and a skipped implementation that was `required` by name
    counts as not compared. A disagreement outranks a crash.
    """
    results = [result for comparison in comparisons for result in comparison.results]
    if any(_fails(result, strict) for result in results):
        return DISAGREED
    verdicts = {result.verdict for result in results}
    unmet = strict and required and Verdict.SKIPPED in verdicts
    if Verdict.CRASHED in verdicts or unmet or not verdicts - {Verdict.SKIPPED}:
        return NOTHING_COMPARED
    return AGREED


def _fails(result: Result, strict: bool) -> bool:
    if result.verdict is Verdict.DISAGREES:
        return strict or result.known_deviation is None
    return result.verdict is Verdict.BLIND
