"""A step said to stay in range by its sizes does, whatever the network; and ordinary steps are said to."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from comparisons.divergence import too_large
from comparisons.sizes import surely_in_range
from manual.network import forward, loss_routes, train_step
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Optimizer


@pytest.fixture
def any_problem(monkeypatch):
    """The function of the campaign of that name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "campaigns"))
    return importlib.import_module("any_network").any_problem


def states(problem, scale):
    before = {name: (values * scale)[None] for name, values in problem.initial.items()}
    return before, problem.x[None, :4], problem.y[None, :4]


@pytest.mark.parametrize("seed", range(60))
def test_what_stays_in_range_by_its_sizes_overflows_nowhere(seed, any_problem):
    """No operation of the step in the run's own dtype overflows, divides by 0 or gives what is no number."""
    rng = np.random.default_rng(seed)
    problem = any_problem(rng, "any")
    scale = problem.initial["W1"].dtype.type(10.0 ** rng.uniform(-3, 12))
    before, x, y = states(problem, scale)
    if not surely_in_range(problem, before, x, y):
        pytest.skip("left open by its sizes")
    route, *_ = loss_routes(problem.network, problem.loss)
    rate = x.dtype.type(problem.optimizer.learning_rate)
    with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
        train_step(problem.network, route, before, x, y, rate, problem.l2)
    assert not any(over.any() for over in too_large(problem, before, x, y).values())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lesson", ["regression", "classification"])
def test_ordinary_steps_are_in_range(lesson, dtype):
    problem = named_problem(lesson).changed(dtype=dtype)
    assert surely_in_range(problem, *states(problem, 1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2", "x", "y"])
def test_nothing_is_said_where_a_number_is_not_finite(name, value):
    problem = named_problem("regression")
    before, x, y = states(problem, 1.0)
    given = {**before, "x": x, "y": y}
    given[name] = given[name].copy()
    given[name].flat[-1] = value
    assert not surely_in_range(problem, {key: given[key] for key in before}, given["x"], given["y"])


@pytest.mark.parametrize("factor", [1e18, 1e30])
def test_nothing_is_said_of_a_step_that_overflows(factor):
    problem = named_problem("regression").changed(dtype="float32", optimizer=Optimizer(learning_rate=0.1))
    start = starting_parameters(problem.network, "random:5")
    problem = problem.changed(initial={name: (values * factor) for name, values in start.items()})
    before, x, y = states(problem, np.float32(1))
    with np.errstate(all="ignore"):
        _, cache = forward(problem.network, before, x)
    assert any(over.any() for over in too_large(problem, before, x, y).values()) or not np.isfinite(cache.z[-1]).all()
    assert not surely_in_range(problem, before, x, y)
