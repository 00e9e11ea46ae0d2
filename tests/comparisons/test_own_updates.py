"""Where a gradient is not told, its update is judged from the gradient that the implementation itself reported."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.precision import FLOAT64
from comparisons.audit import Observed, concluded, expected_of, first_told
from comparisons.reference import Expectation
from comparisons.tally import Tally
from comparisons.verdict import Verdict
from problems.catalogue import named_problem

RATES = np.array([0.5, 0.25]).reshape(2, 1, 1)


def saturated(**changes):
    """Two steps of the classification whose output is sure of itself, and wrong: nothing about them is told."""
    problem = named_problem("classification")
    before = {name: np.repeat(values[None], 2, axis=0) for name, values in problem.initial.items()}
    before["b2"] = np.full((2, 1, 1), -700.0)
    gradients = {f"gradient.{name}": np.full_like(values, 3.0) for name, values in before.items()}
    after = {f"parameter.{name}": values for name, values in before.items()}
    x, y = np.repeat(problem.x[None, :1], 2, axis=0), np.repeat(problem.y[None, :1], 2, axis=0)
    actual = {"loss": np.zeros(2)} | gradients | after | changes
    return Observed(problem=problem, positions=np.arange(2), before=before, x=x, y=y, actual=actual)


@pytest.mark.parametrize("rates", [None, RATES], ids=["the problem's rate", "a rate for each step"])
def test_an_untold_update_is_due_from_the_reported_gradient(rates):
    observed = saturated()
    found = expected_of(observed, FLOAT64, rates)["parameter.b2"]
    rate = observed.problem.optimizer.learning_rate if rates is None else rates
    assert found.told.all()
    assert np.allclose(found.expected, -700.0 - rate * 3.0, rtol=1e-15)
    assert (found.bound <= 2.01 * FLOAT64.unit * np.abs(found.expected) + 1e-15).all()  # one rounding, here and there


def test_without_every_gradient_nothing_more_is_told():
    observed = saturated()
    partly = {name: values for name, values in observed.actual.items() if name != "gradient.W1"}
    assert not expected_of(saturated(), FLOAT64, None)["gradient.b2"].told.any()
    less = Observed(
        problem=observed.problem,
        positions=observed.positions,
        before=observed.before,
        x=observed.x,
        y=observed.y,
        actual=partly,
    )
    assert not expected_of(less, FLOAT64, None)["parameter.b2"].told.any()


def test_what_is_told_stays_and_what_is_not_is_filled_in():
    first = Expectation(expected=np.array([1.0, 2.0]), bound=np.array([0.1, np.inf]), told=np.array([True, False]))
    second = Expectation(expected=np.array([5.0, 6.0]), bound=np.array([0.5, 0.6]), told=np.array([True, True]))
    both = first_told(first, second)
    assert (both.expected == [1.0, 6.0]).all()
    assert (both.bound == [0.1, 0.6]).all()
    assert both.told.all()


def tally(name, compared):
    return Tally(name, "float64", compared=compared)


def test_without_gradients_the_updates_tell():
    told = concluded([tally("loss", 0), tally("parameter.W1", 4)], "float64", 1, [])
    assert told.verdict is Verdict.AGREES


def test_with_gradients_the_updates_alone_tell_nothing():
    told = concluded([tally("loss", 0), tally("gradient.W1", 0), tally("parameter.W1", 4)], "float64", 1, [])
    assert told.verdict is Verdict.BLIND
