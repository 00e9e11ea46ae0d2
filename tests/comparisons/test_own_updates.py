"""Where a gradient is not told, its update is judged from the gradient that the implementation itself reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comparisons import check
from comparisons.arithmetic.precision import FLOAT64
from comparisons.audit import Observed, audit, concluded
from comparisons.expected import expected_of
from comparisons.reference import OTHERWISE, Expectation, first_told, held_to_own
from comparisons.tally import Tally
from comparisons.verdict import Verdict
from manual.train import train
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem
from problems.trace import Trace

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
    used = (2 + 2 * OTHERWISE) * FLOAT64.unit * np.abs(rate * 3.0)  # of the product and of the gradient it is made of
    assert (found.bound <= 2.01 * FLOAT64.unit * np.abs(found.expected) + 1.01 * used).all()


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


def deep(dtype="float32"):
    """Two steps of 8 rows through 3000-2-2: bounds of sums of 3,000 terms, and updates that have none."""
    rng = np.random.default_rng(5)
    network = Network(inputs=3000, units=(2, 2), activations=("tanh", "linear"))
    return Problem(
        name="deep",
        x=rng.normal(size=(16, 3000)),
        y=rng.normal(size=(16, 2)),
        network=network,
        loss="mean_squared_error",
        initial={name: values * 0.05 for name, values in starting_parameters(network, "random:2").items()},
        optimizer=Optimizer(learning_rate=0.0625),
        epochs=1,
        batch_size=8,
        dtype=dtype,
    )


def moved(trace, move):
    """`trace` with parameters that `move` makes of those before and of the gradients reported, step by step."""
    parameters = {name: values.copy() for name, values in trace.parameters.items()}
    before = {name: trace.before(name, np.arange(trace.steps)) for name in parameters}
    for name in parameters:  # the last step alone, so that no other starts elsewhere
        parameters[name][-1] = move(before[name][-1], trace.gradients[name][-1], trace.problem.x.dtype.type)
    return replace(trace, parameters=parameters)


RATE = 0.0625
WRONG = {
    "a thousandth too far": lambda theta, g, number: theta - number(RATE * 1.001) * g,
    "a hundredth too far": lambda theta, g, number: theta - number(RATE * 1.01) * g,
    "one element alone": lambda theta, g, number: theta - number(RATE) * g * (1 + number(0.001) * (g == g.max())),
}
RIGHT = {
    "divided afterwards": lambda theta, g, number: theta - number(RATE) * (g * number(16)) / number(16),
    "summed, then averaged twice": lambda theta, g, number: theta - number(RATE) / number(3) * (g * number(3)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WRONG)
def test_an_update_that_does_not_follow_from_its_own_gradient_is_wrong(name, dtype):
    problem = deep(dtype)
    right = Trace.record(problem, train(problem), implementation="manual-matrix")
    assert audit(right).verdict is Verdict.AGREES
    found = audit(moved(right, WRONG[name]))
    assert {one.quantity.split(".")[0] for one in found.deviations} == {"parameter"}
    assert found.carries != "tf32"  # no product of matrices is in an update


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RIGHT)
def test_what_is_rounded_otherwise_than_what_is_reported_is_right(name, dtype):
    problem = deep(dtype)
    trace = Trace.record(problem, train(problem), implementation="manual-matrix")
    assert audit(moved(trace, RIGHT[name])).verdict is Verdict.AGREES


def test_an_update_is_held_to_both_where_its_gradient_is_right():
    first = Expectation(expected=np.zeros(6), bound=np.full(6, 1.0), told=np.array([True] * 4 + [False, True]))
    bound = np.array([0.1, 0.1, 0.1, np.inf, 0.1, 0.1])
    own = Expectation(expected=np.zeros(6), bound=bound, told=np.isfinite(bound))
    right = np.array([True] * 5 + [False])
    both = held_to_own(first, own, np.array([0.05, 0.5, 2.0, 0.5, 0.5, 0.5]), right)
    assert both.bound.tolist() == [1.0, 0.1, 1.0, 1.0, 0.1, 1.0]
    assert both.told.all()


@pytest.mark.parametrize("factor", [1.01, 0.999, 2.5])
def test_a_rate_that_is_off_by_a_factor_is_told_in_its_own_digits_for_every_element(factor):
    rng = np.random.default_rng(3)
    network = Network(inputs=6, units=(8, 3), activations=("tanh", "linear"))
    problem = Problem(
        name="rate",
        x=rng.normal(size=(40, 6)),
        y=rng.normal(size=(40, 3)),
        network=network,
        loss="mean_squared_error",
        initial=starting_parameters(network, "random:4"),
        optimizer=Optimizer(learning_rate=0.05),
        epochs=1,
        batch_size=4,
        dtype="float32",
    )
    off = problem.changed(optimizer=Optimizer(learning_rate=0.05 * factor))
    trace = replace(Trace.record(off, train(off), implementation="planted"), problem=problem)
    found = check(trace)
    assert found.verdict is Verdict.DISAGREES
    assert {one.explanation.split(" (")[0] for one in found.diagnoses} == {f"matches the formula times {factor}"}
