"""Every activation, loss and form of update many steps in one call, in both dtypes, with a short batch an epoch.

One of each kind and dtype every day, the others in the long session.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from comparisons.audit import audit
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.known_deviations import known_deviation
from comparisons.verdict import Verdict
from comparisons.workers import train_all
from problems.network import ACTIVATIONS
from problems.problem import LOSSES
from problems.training_ways import trained_fast
from tests.every_day import divided, part
from tests.frameworks.test_grid import cases

FAST = tuple(name for name, one in IMPLEMENTATIONS.items() if one.fast)


def kind(case: str) -> tuple[str, str]:
    """What a case is there for, and its dtype."""
    what, _, dtype = case.rpartition(", ")
    return ("activation" if what in ACTIVATIONS else "loss" if what in LOSSES else "update"), dtype


SHORT = {name: problem.changed(batch_size=4) for name, problem in cases()}  # of 6 rows
CASES = divided(dict(zip(SHORT, SHORT, strict=True)), kind)

each_name = pytest.mark.parametrize("name", FAST)


@cache
def trained(name: str, every_day: bool) -> dict[str, Any]:
    """The outcome of every case of a part, in one process of the implementation's own."""
    chosen = {case: SHORT[case] for case in CASES[every_day]}
    outcomes = train_all([name], list(chosen.values()), timeout=1800, progress=lambda name, doing: None, fast=True)
    return dict(zip(chosen, outcomes[name], strict=True))


def test_every_day_has_one_of_each_kind():
    assert sorted(map(kind, CASES[True])) == sorted({*map(kind, SHORT)})
    assert {**CASES[True], **CASES[False]}.keys() == SHORT.keys()


@part
@each_name
def test_every_step_is_right_or_a_known_deviation(name, every_day, require_or_skip):
    require_or_skip(name)
    wrong = []
    for case, outcome in trained(name, every_day).items():
        assert outcome.crashed is None, f"{case}: {outcome.crashed}"
        if outcome.trace is not None:
            found = audit(outcome.trace)
            assert trained_fast(outcome.trace.environment), case
            assert found.compared, case
            if found.verdict is not Verdict.AGREES and not known_deviation(outcome.trace, found):
                wrong.append(case)
    assert wrong == []


@part
@each_name
def test_float32_is_right(name, every_day, require_or_skip):
    require_or_skip(name)
    for case, outcome in trained(name, every_day).items():
        if outcome.trace is not None and case.endswith("float32"):
            assert audit(outcome.trace).verdict is Verdict.AGREES, case
