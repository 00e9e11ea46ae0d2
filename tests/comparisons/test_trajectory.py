"""Drift from the exact trajectory, and the bound carried from the start."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comparisons.arithmetic.exact import nearest
from comparisons.requests import changed
from comparisons.trajectory import carried_bounds, drift, exact_trajectory
from manual.nine_derivatives import train as scalar
from manual.train import train
from problems.catalogue import named_problem
from problems.problem import Optimizer
from problems.schedule import Schedule
from problems.trace import Trace

CASES = [
    pytest.param("regression", {}, id="regression"),
    pytest.param("regression", {"dtype": "float32", "initial": "random:2"}, id="regression-float32-random"),
    pytest.param("classification", {"epochs": 5}, id="classification"),
    pytest.param("classification", {"epochs": 5, "initial": "random:3", "learning_rate": 0.5}, id="fast"),
]


def recorded(name, changes, trainer=train):
    problem = changed(named_problem(name), changes)
    return Trace.record(problem, trainer(problem), implementation="by hand")


@pytest.mark.parametrize("trainer", [train, scalar.train], ids=["matrix", "scalar"])
@pytest.mark.parametrize(("name", "changes"), CASES)
def test_drift_stays_within_the_carried_bound(name, changes, trainer):
    trace = recorded(name, changes, trainer)
    exact = exact_trajectory(trace.problem, trace.steps)
    found = drift(trace, exact).distance
    assert len(found) == trace.steps
    assert (found <= carried_bounds(trace.problem, trace.steps)).all()


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_exact_trajectory_is_what_training_approximates(name, changes):
    trace = recorded(name, changes)
    last = exact_trajectory(trace.problem, trace.steps)[-1]
    tolerance = 1e-9 if trace.problem.dtype == "float64" else 1e-4
    assert all(np.allclose(nearest(last[n]), trace.parameters[n][-1], rtol=tolerance) for n in last)


def test_a_wrong_step_leaves_the_carried_bound_and_stays_outside():
    trace = recorded("regression", {})
    wrong = {name: np.array(values) for name, values in trace.parameters.items()}
    wrong["W1"][5:, 0, 1] += 1e-9
    found = drift(replace(trace, parameters=wrong), exact_trajectory(trace.problem, trace.steps)).distance
    bounds = carried_bounds(trace.problem, trace.steps)
    assert (found[:5] <= bounds[:5]).all()
    assert (found[5:] > bounds[5:]).all()


def test_bound_grows_with_the_steps():
    bounds = carried_bounds(named_problem("regression"), 20)
    assert (np.diff(bounds) > 0).all()


REMEMBERING = {
    "momentum": Optimizer(name="momentum", learning_rate=0.05),
    "adam": Optimizer(name="adam", learning_rate=0.05, settings={"clip_norm": 0.5}),
    "nadam": Optimizer(name="nadam", learning_rate=0.05, settings={"weight_decay": 0.1}),
    "adagrad": Optimizer(name="adagrad", learning_rate=0.05, schedule=Schedule(name="cosine", every=20)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", REMEMBERING.values(), ids=REMEMBERING)
def test_with_memory_too_drift_stays_within_the_carried_bound(optimizer, dtype):
    problem = changed(named_problem("classification"), {"epochs": 3, "initial": "random:3"})
    problem = problem.changed(optimizer=optimizer, dtype=dtype)
    trace = Trace.record(problem, train(problem), implementation="by hand")
    found = drift(trace, exact_trajectory(problem, trace.steps)).distance
    bounds = carried_bounds(problem, trace.steps)
    assert (found <= bounds).all()
    assert bounds[0] < 1e-3
    wrong = {name: values + 2 * bounds[0] for name, values in trace.parameters.items()}
    assert drift(replace(trace, parameters=wrong), exact_trajectory(problem, 1)).distance[0] > bounds[0]
