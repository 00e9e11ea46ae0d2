"""Which wrong updates of an optimizer that remembers a check would not notice: each trained, and held against it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from comparisons.update_diagnosis import wrong_places
from comparisons.wrong_training import wrongly_trained
from comparisons.wrong_update import WrongUpdate
from comparisons.wrong_updates import wrong_updates
from manual.train import train
from problems.problem import Problem
from problems.trace import Trace


def noticed_updates(
    problem: Problem, count: int, tolerance: tuple[float, float] | None
) -> Iterator[tuple[WrongUpdate, bool]]:
    """Every wrong update, planted in all elements for `count` steps, and whether the check notices it.

    tolerance: rtol and atol of numpy.allclose over loss and parameters; None is the derived bound.
    """
    in_float64 = problem.changed(dtype="float64")
    right = Trace.record(in_float64, islice(train(in_float64), count), implementation="right")
    for wrong in wrong_updates(in_float64.optimizer):
        found = Trace.record(in_float64, islice(wrongly_trained(in_float64, wrong), count), implementation="wrong")
        with np.errstate(all="ignore"):
            yield wrong, len(wrong_places(found)) > 0 if tolerance is None else _apart(found, right, *tolerance)


def _apart(found: Trace, right: Trace, rtol: float, atol: float) -> bool:
    pairs = [(found.loss, right.loss), *((found.parameters[name], right.parameters[name]) for name in right.parameters)]
    return not all(np.allclose(actual, due, rtol=rtol, atol=atol) for actual, due in pairs)
