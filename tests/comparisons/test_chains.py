"""The right chains are the manual formulas: the same numbers, and nothing beside them."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.bounds import Bounded
from comparisons.candidates import random_states
from comparisons.chains import Passes, gradient, loss_value, updated
from comparisons.reference import expectations

NAMES = [
    "regression",
    "classification",
    "tanh",
    "relu",
    "logits",
    "half",
    "deep",
    "single",
    "classes",
    "sparse",
    "huber",
    "hinge",
]


def stacked(states):
    before = {name: np.stack([state.parameters[name] for state in states]) for name in states[0].parameters}
    rates = np.array([state.learning_rate for state in states]).reshape(-1, 1, 1)
    return before, np.stack([s.x for s in states]), np.stack([s.y for s in states]), rates


def by_chains(problem, states):
    before, x, y, rates = stacked(states)
    passes = Passes(problem=problem, before=before, after=before, x=x, y=y, learning_rate=rates)
    found = {"loss": loss_value(passes, {})}
    for name in problem.network.parameter_shapes:
        slope = gradient(passes, name, {})
        found |= {f"gradient.{name}": slope, f"parameter.{name}": updated(passes, name, slope, {})}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_right_chains_lie_within_the_bounds_of_the_manual_formulas(name, problem_called):
    problem = problem_called(name)
    states = random_states(problem, 50, seed=1)
    before, x, y, rates = stacked(states)
    expected = expectations(problem, before, x, y, learning_rate=rates)
    found = by_chains(problem, states)
    assert found.keys() == expected.keys()
    for quantity, values in found.items():
        assert (np.abs(values - expected[quantity].expected) <= expected[quantity].bound).all(), quantity


@pytest.mark.parametrize("name", NAMES)
def test_right_chains_over_bounds_are_as_sharp_as_the_manual_formulas(name, problem_called):
    problem = problem_called(name)
    before, x, y, rates = stacked(random_states(problem, 20, seed=2))
    expected = expectations(problem, before, x, y, learning_rate=rates)
    precision = Bounded.exact(0.0, _precision(problem)).precision
    leaves = {key: Bounded.exact(values, precision) for key, values in before.items()}
    passes = Passes(
        problem=problem,
        before=leaves,
        after=leaves,
        x=Bounded.exact(x, precision),
        y=Bounded.exact(y, precision),
        learning_rate=Bounded.rounded(rates, precision),
    )
    for parameter in problem.network.parameter_shapes:
        bound = gradient(passes, parameter, {}).error
        assert (bound <= 1.000001 * expected[f"gradient.{parameter}"].bound).all()


def _precision(problem):
    from comparisons.arithmetic.precision import PRECISIONS

    return PRECISIONS[problem.dtype]
