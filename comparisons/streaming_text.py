"""What a comparison whose steps were not kept does not show, and how to get it, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from comparisons.messages import counted
from comparisons.streaming import MOST_KEPT, step_bytes
from comparisons.verdict import Comparison
from problems.problem import Problem

NOT_SHOWN = "no table, chart or drift of every step is shown"


def streamed_line(comparison: Comparison) -> str | None:
    """That steps were left out, or audited as they came; None where every trace was kept."""
    audits = [result.audit for result in comparison.results if result.streamed and result.audit]
    if not audits:
        return None
    left_out = max(audits, key=lambda audit: audit.left_out)
    if left_out.left_out:
        return _left_out(comparison.problem, left_out.audited, left_out.steps)
    fewer = max(1, MOST_KEPT // step_bytes(comparison.problem))
    return (
        f"Steps were audited as they came and not kept, since there are many or large ones: {NOT_SHOWN}; "
        f"those of a training of at most {counted(fewer, 'step')} are (--epochs)"
    )


def audited_words(comparisons: Sequence[Comparison]) -> str:
    """What was held against the bound, and of which steps."""
    said = "Loss, gradients and parameters of"
    found = [counts for one in comparisons if (counts := _audited(one))]
    if not found:
        return "Every step's loss, gradients and parameters"
    if len(comparisons) > 1:
        return f"{said} every step, or of those that were audited where a problem says so (--audit-every)"
    ((audited, steps),) = found
    return f"{said} {audited:,} of {counted(steps, 'step')} (--audit-every)"


def _audited(comparison: Comparison) -> tuple[int, int] | None:
    """How many steps were audited, and of how many; None where all were."""
    audits = [result.audit for result in comparison.results if result.audit and result.audit.left_out]
    return (audits[0].audited, audits[0].steps) if audits else None


def updates_left_out(comparison: Comparison) -> bool:
    """Whether no update was audited: what is remembered of every step cannot follow from some of them."""
    return not comparison.problem.optimizer.plain and _audited(comparison) is not None


def _left_out(problem: Problem, audited: int, steps: int) -> str:
    updates = ""
    if not problem.optimizer.plain:
        updates = (
            f"; updates are not audited, since what {problem.optimizer.name} remembers is made of the gradients of "
            "all steps"
        )
    return (
        f"{audited:,} of {counted(steps, 'step')} were audited (--audit-every): each of these is proved, from its own "
        f"state, and those in between are not{updates}; {NOT_SHOWN}"
    )
