"""What is done by hand in NumPy, which computes in float64 and float32 only."""

from __future__ import annotations

from problems.dtypes import COMPUTED
from problems.problem import Problem, ProblemError


def require_computed(what: str, problem: Problem) -> None:
    """Raise ProblemError where `what`, which computes in the problem's dtype, has none but one for storage."""
    if problem.dtype not in COMPUTED:
        raise ProblemError(
            f"training.dtype: {what} computes in NumPy, which has no arithmetic in {problem.dtype}; "
            f"choose one of: {', '.join(COMPUTED)} (--dtype)"
        )
