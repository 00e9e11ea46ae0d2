"""Learning rates as a user writes them: numbers and log-spaced ranges, separated by commas."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from problems.requirements import ProblemError, shown

OPTION = "--learning-rates"
MOST_RATES = 1000
RANGE_DIGITS = 6  # a rate inside a range is rounded to this many, so that it is used as it is printed


def chosen_rates(text: str) -> tuple[float, ...]:
    """`0.001,0.01,0.1` or `1e-4:1:13` (first:last:count, log-spaced, both ends included) or both, in rising order.

    Raises ProblemError, one line, for anything else, for a rate that is not positive and for one given twice.
    """
    rates = sorted(rate for part in text.split(",") for rate in _rates(part.strip()))
    for lower, upper in pairwise(rates):
        if lower == upper:
            raise ProblemError(f"{OPTION}: {upper!r} is given twice")
    if len(rates) > MOST_RATES:
        raise ProblemError(f"{OPTION}: {len(rates)} rates are too many; at most {MOST_RATES}")
    return tuple(rates)


def _rates(part: str) -> list[float]:
    if ":" not in part:
        return [_rate(part, part)]
    try:
        first, last, count = part.split(":")
        number = int(count)
    except ValueError:
        raise _refused(part) from None
    begin, end = _rate(first, part), _rate(last, part)
    if not (begin < end and 2 <= number <= MOST_RATES):
        needed = f"FIRST below LAST and COUNT from 2 to {MOST_RATES}"
        raise ProblemError(f"{OPTION}: {shown(part)} is no range FIRST:LAST:COUNT with {needed}")
    inside = np.geomspace(begin, end, number)[1:-1]
    return [begin, *(float(f"{rate:.{RANGE_DIGITS}g}") for rate in inside), end]


def _rate(text: str, part: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise _refused(part) from None
    if not (math.isfinite(rate) and rate > 0):
        raise ProblemError(f"{OPTION}: {shown(part)}: a learning rate must be a finite number greater than 0")
    return rate


def _refused(part: str) -> ProblemError:
    return ProblemError(
        f"{OPTION}: {shown(part)} is neither a number nor a range FIRST:LAST:COUNT; "
        "such as 0.001,0.01,0.1 or, log-spaced, 1e-4:1:13"
    )
