"""Where the bound says nothing, the record says how far from the exact value an implementation is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import manual.train
from comparisons.audit import audit
from comparisons.compare import judged_trace
from comparisons.messages import untold_line
from comparisons.verdict import Verdict
from problems.catalogue import named_problem
from problems.problem import Problem
from problems.trace import Trace

RIGHT, WRONG = 700.0, -700.0  # the bias of an output that is sure of itself, for a row whose y is 1


def saturated(bias: float, **changes: Any) -> Problem:
    """The classification's first two rows, both placed, with an output that depends on its bias alone."""
    problem = named_problem("classification")
    initial = {**problem.initial, "W2": np.zeros((2, 1)), "b2": np.full((1, 1), bias)}
    fields = {"x": problem.x[:2], "y": problem.y[:2], "initial": initial, "epochs": 2}
    return problem.changed(**(fields | changes))


def recorded(problem: Problem) -> Trace:
    return Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")


def with_gradient(trace: Trace, step: int, value: float) -> Trace:
    """The trace of an implementation that has `value` for the gradient of b2 at `step`, and updates by it."""
    slopes, b2 = trace.gradients["b2"].copy(), trace.parameters["b2"].copy()
    slopes[step - 1] = value
    for k in range(step - 1, trace.steps):
        before = trace.initial["b2"] if k == 0 else b2[k - 1]
        b2[k] = before - trace.problem.optimizer.learning_rate * slopes[k]
    return replace(trace, gradients={**trace.gradients, "b2": slopes}, parameters={**trace.parameters, "b2": b2})


def test_a_run_whose_every_element_is_told_has_nothing_untold():
    assert audit(recorded(named_problem("classification").changed(epochs=2))).untold is None


def test_the_farthest_element_is_held_against_its_exact_value():
    found = audit(with_gradient(recorded(saturated(WRONG)), 3, -1.5e-7))
    assert found.verdict is Verdict.BLIND
    assert (found.untold.quantity, found.untold.step, found.untold.index) == ("gradient.b2", 3, (0, 0))
    assert (found.untold.exact, found.untold.actual) == (-1.0, -1.5e-7)
    assert found.untold.distance == pytest.approx(1 - 1.5e-7)


def test_a_loss_clamped_at_100_is_held_against_the_exact_one():
    trace = recorded(saturated(WRONG))
    found = audit(replace(trace, loss=np.full_like(trace.loss, 100.0)))
    assert (found.untold.quantity, found.untold.index, found.untold.actual) == ("loss", (), 100.0)
    assert found.untold.exact == pytest.approx(700, rel=1e-3)


def test_steps_that_have_an_untold_element_are_counted_once():
    found = audit(recorded(saturated(WRONG)))
    assert found.untold.steps == 4
    assert found.not_told > 4


def test_an_update_that_is_not_the_gradients_own_is_wrong_where_the_gradient_is_not_told():
    trace = recorded(saturated(WRONG, epochs=1))
    b2 = trace.parameters["b2"].copy()
    b2[-1] += 1e-6
    found = audit(replace(trace, parameters={**trace.parameters, "b2": b2}))
    assert [(one.quantity, one.step) for one in found.deviations] == [("parameter.b2", 2)]


def test_a_wrong_learning_rate_is_wrong_where_the_gradient_is_not_told():
    trace = recorded(saturated(WRONG, epochs=1))
    other = trace.problem.changed(optimizer=replace(trace.problem.optimizer, learning_rate=0.00011))
    assert audit(replace(trace, problem=other)).verdict is Verdict.DISAGREES


def test_short_batches_are_evaluated_on_their_own_rows():
    problem = saturated(WRONG, epochs=1)
    three = problem.changed(x=problem.x[[0, 1, 0]], y=problem.y[[0, 1, 0]], batch_size=2)
    found = audit(with_gradient(recorded(three), 2, 0.0))
    assert (found.untold.step, found.untold.exact) == (2, -1.0)


def test_a_right_prediction_that_is_sure_of_itself_is_never_wrong():
    found = audit(recorded(saturated(RIGHT)))
    assert (found.verdict, found.wrong_steps) == (Verdict.AGREES, 0)


def test_a_step_too_large_for_balls_is_held_against_the_reference(monkeypatch):
    trace = with_gradient(recorded(saturated(WRONG)), 3, -1.5e-7)
    exact = audit(trace).untold
    monkeypatch.setattr("comparisons.untold.MOST_PRODUCTS", 1)
    found = audit(trace).untold
    assert (exact.enclosed, found.enclosed) == (True, False)
    assert (found.quantity, found.step, found.index, found.actual) == ("gradient.b2", 3, (0, 0), -1.5e-7)
    assert found.exact == pytest.approx(exact.exact, rel=1e-6)
    assert found.distance == pytest.approx(exact.distance, rel=1e-6)
    assert "farthest from the reference's own value" in untold_line(judged_trace(trace, version=None))
