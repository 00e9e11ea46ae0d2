"""One bound around several evaluations of the same number."""

from __future__ import annotations

from collections.abc import Sequence

from comparisons.arithmetic.bounds import Bounded


def union(ways: Sequence[Bounded]) -> Bounded:
    """The first way's value, with a bound that reaches whatever the others reach."""
    first, *others = ways
    return first.covering(*others)
