"""Records to report on, made by hand: what is right, wrong, crashed, and right at float32 only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from comparisons.compare import compared, judged, judged_trace, train_here
from comparisons.verdict import Comparison
from comparisons.workers import Outcome
from problems.catalogue import named_problem
from problems.problem import Problem
from problems.trace import Trace

SCRIPT = "<script>alert(1)</script>"
FIRST_BAD = 6  # the step, from 1


def changed_trace(trace: Trace, name: str, **changes: object) -> Trace:
    """The trace of another implementation that differs by `changes`."""
    return replace(trace, implementation=name, **changes)  # type: ignore[arg-type]


def in_float32(trace: Trace) -> Trace:
    """The same numbers, its gradients and losses held in float32 on the way."""
    gradients = {name: values.astype(np.float32).astype(np.float64) for name, values in trace.gradients.items()}
    loss = trace.loss.astype(np.float32).astype(np.float64)
    return changed_trace(trace, "halved", gradients=gradients, loss=loss)


def with_wrong_sign(trace: Trace) -> Trace:
    """∂L/∂W1[0,0] with the wrong sign from step FIRST_BAD on."""
    gradients = {name: values.copy() for name, values in trace.gradients.items()}
    gradients["W1"][FIRST_BAD - 1 :, 0, 0] *= -1
    return changed_trace(trace, SCRIPT, gradients=gradients)


def three_apart(problem: Problem) -> Comparison:
    """One right, one wrong, one crashed, one that carries float32."""
    trace = train_here("manual-matrix", problem).trace
    assert trace is not None
    results = [judged_trace(one, version="1.0") for one in (trace, in_float32(trace), with_wrong_sign(trace))]
    crashed = judged("manual-scalar", problem, Outcome(crashed=f"RuntimeError: {SCRIPT}"))
    return compared(problem, [*results, crashed])


@pytest.fixture(scope="session")
def make_comparison() -> Callable[..., Comparison]:
    """A function of changes to the regression lesson: its comparison, with all four outcomes."""
    return lambda **changes: three_apart(named_problem("regression").changed(**changes))


@pytest.fixture(scope="session")
def comparison(make_comparison) -> Comparison:
    """The regression lesson under a name that is markup."""
    return make_comparison(name=SCRIPT)
