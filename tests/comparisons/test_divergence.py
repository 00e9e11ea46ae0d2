"""A training that leaves its dtype's range: audited up to there, and nothing is said of what follows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import manual.train
from comparisons.api import check
from comparisons.arithmetic.exact import exact_step
from comparisons.audit import audit
from comparisons.blind_spots import blind_spots
from comparisons.check_text import check_text
from comparisons.compare import compared, judged_trace
from comparisons.divergence import first_divergence, too_large
from comparisons.json_report import as_json
from comparisons.mutants import single_mutants
from comparisons.outcome import exit_code
from comparisons.planted import candidate_with
from comparisons.report.junit import as_junit
from comparisons.report.markdown import as_markdown
from comparisons.report.page import as_page
from comparisons.sampled_states import sampled_states
from comparisons.sensitivity import noticed
from comparisons.verdict import Verdict
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Optimizer, Problem
from problems.trace import Trace

dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def diverging(dtype: str = "float64", **changes: Any) -> Problem:
    """The lesson's regression from a random start, at a rate a hundred times too large."""
    problem = named_problem("regression")
    start = starting_parameters(problem.network, "random:5")
    return problem.changed(dtype=dtype, optimizer=Optimizer(learning_rate=0.1), initial=start, **changes)


def recorded(problem: Problem) -> Trace:
    return Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")


def with_gradient(trace: Trace, step: int, value: float) -> Trace:
    """`trace` with gradient.W1[0,0] of one step (from 1) replaced."""
    gradients = {name: values.copy() for name, values in trace.gradients.items()}
    gradients["W1"][step - 1, 0, 0] = value
    return replace(trace, gradients=gradients)


def first_step(trace: Trace) -> int:
    found = audit(trace).divergence
    assert found is not None
    return found.step


def farthest(trace: Trace, step: int) -> Any:
    """The largest of the exact values of one step (from 1), as a ball."""
    state = {name: trace.before(name, np.array([step - 1]))[0] for name in trace.initial}
    rows = trace.rows[step - 1]
    exact = exact_step(trace.problem, state, trace.problem.x[rows], trace.problem.y[rows])
    values = [exact.loss, *(v for named in (exact.gradients, exact.parameters) for v in named.values())]
    return max(abs(ball) for value in values for ball in np.asarray(value).flat)


@dtypes
def test_a_right_training_that_diverges_agrees_as_far_as_it_goes(dtype):
    trace = recorded(diverging(dtype))
    found = audit(trace)
    assert (found.verdict, found.carries, found.wrong_steps) == (Verdict.AGREES, dtype, 0)
    assert found.compared == 19 * (first_step(trace) - 1)
    assert found.compared + found.not_told + found.not_compared == 19 * trace.steps


@dtypes
def test_the_step_is_the_first_whose_exact_values_exceed_the_largest_number(dtype):
    trace = recorded(diverging(dtype))
    step, largest = first_step(trace), float(np.finfo(dtype).max)
    assert step > 2
    assert farthest(trace, step - 1) < largest < farthest(trace, step)


@dtypes
def test_a_mistake_in_the_last_step_that_is_compared_is_caught(dtype):
    trace = recorded(diverging(dtype))
    last = first_step(trace) - 1
    found = audit(with_gradient(trace, last, trace.gradients["W1"][last - 1, 0, 0] * 1.001))
    assert (found.verdict, [one.step for one in found.deviations]) == (Verdict.DISAGREES, [last])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_no_number_where_the_right_value_is_finite_disagrees(value):
    trace = recorded(diverging())
    found = audit(with_gradient(trace, first_step(trace) - 1, value))
    assert (found.verdict, found.wrong_steps) == (Verdict.DISAGREES, 1)


@pytest.mark.parametrize("value", [0.0, 1e300, np.nan])
def test_what_is_reported_where_right_values_overflow_is_not_asked(value):
    trace = recorded(diverging())
    step = first_step(trace)
    held = {name: values.copy() for name, values in trace.parameters.items()}
    for values in held.values():
        values[step - 1 :] = value
    assert audit(replace(trace, parameters=held)) == audit(trace)


def test_a_training_stopped_by_its_own_infinity_does_not_diverge():
    """One that is wrong in a step whose right values are finite is wrong from there on."""
    trace = recorded(diverging().changed(optimizer=Optimizer(learning_rate=0.001)))
    held = {name: values.copy() for name, values in trace.parameters.items()}
    for values in held.values():
        values[4:] = np.inf
    found = audit(replace(trace, parameters=held))
    assert (found.divergence, found.wrong_steps) == (None, trace.steps - 4)


def test_nothing_compared_at_all_is_blind():
    problem = diverging().changed(
        initial={n: np.full_like(v, 1e200) for n, v in named_problem("regression").initial.items()}
    )
    result = judged_trace(recorded(problem), version=None)
    comparison = compared(problem, [result])
    assert (result.verdict, result.audit.compared, result.audit.divergence.step) == (Verdict.BLIND, 0, 1)
    assert exit_code([comparison]) == 1
    with np.errstate(all="ignore"):
        assert check(manual_step(problem), problem).verdict is Verdict.AGREES  # by its random states


def test_quantities_that_are_too_large_are_named():
    """An error of 1e160 has a square that float64 cannot hold, while every derivative of it stays finite."""
    problem = diverging()
    before = {name: np.zeros((1, *shape)) for name, shape in problem.network.parameter_shapes.items()}
    before["b2"] += 1e160
    found = too_large(problem, before, problem.x[:1][None], problem.y[:1][None])
    assert [name for name, over in found.items() if over.any()] == ["loss"]


def test_the_first_step_is_found_whatever_the_chunk():
    problem = diverging(batch_size=3)  # steps of three rows and of one, in chunks of their own
    trace = recorded(problem)
    losses = np.flatnonzero(~np.isfinite(trace.loss))
    assert first_step(trace) <= losses[0] + 1
    assert audit(trace).verdict is Verdict.AGREES


def test_a_bounded_training_has_no_divergence():
    trace = recorded(named_problem("classification"))
    assert audit(trace).divergence is None
    assert first_divergence(trace.problem, [], trace.steps, 19) is None


def manual_step(problem: Problem) -> Any:
    return candidate_with(problem, [], gradients=True)


@pytest.fixture
def mistaken():
    """A candidate that is right along the diverging problem and wrong in W1[0,0] at smaller rates only."""
    right = manual_step(diverging())

    def train_step(parameters, x, y, learning_rate):
        loss, after, gradients = right(parameters, x, y, learning_rate)
        if learning_rate != 0.1:
            gradients = gradients | {"W1": gradients["W1"] * np.array([[2.0, 1.0], [1.0, 1.0]])}
        return loss, after, gradients

    return train_step


def test_random_states_are_compared_beside_a_training_that_diverges(mistaken):
    with np.errstate(all="ignore"):
        found = check(mistaken, diverging())
    assert found.verdict is Verdict.DISAGREES
    assert {one.mistakes for one in found.diagnoses} == {("factor",)}
    text = check_text(found)
    assert "random state 1" in text
    assert "inf" not in text


def test_a_candidate_that_diverges_is_checked_up_to_there():
    problem = diverging()
    with np.errstate(all="ignore"):
        found = check(manual_step(problem), problem, states=5)
    assert found.verdict is Verdict.AGREES
    assert found.audit.compared == 19 * (found.audit.divergence.step - 1 + 5)
    assert "Every number that could be compared is what the formulas say" in check_text(found)


NOTE = "the training diverges: at step 7 the right loss, gradient of W1, gradient of b1 and 6 more are too large for"


def comparison_of(problem: Problem) -> Any:
    return compared(problem, [judged_trace(recorded(problem), version=None)])


def test_every_output_says_so():
    problem = named_problem("regression").changed(optimizer=Optimizer(learning_rate=0.1))
    comparison = comparison_of(problem)
    (result,) = json.loads(as_json([comparison]))["comparisons"][0]["implementations"]
    assert (result["not_compared"], result["divergence"]["step"]) == (19 * 14, 7)
    assert result["divergence"]["note"].startswith(NOTE)
    assert NOTE in ElementTree.fromstring(as_junit([comparison])).findtext(".//system-out")
    assert NOTE in as_markdown([comparison], [{}])
    assert NOTE in as_page([comparison], [{}], "backproof compare")


def test_blind_spots_are_those_of_the_steps_that_were_compared():
    problem = diverging()
    before, x, _ = sampled_states(problem)
    assert len(x) == first_step(recorded(problem)) - 1
    assert all(np.isfinite(values).all() for values in before.values())
    short = blind_spots(problem.changed(x=problem.x[:2], y=problem.y[:2], epochs=1))
    assert blind_spots(problem).looked_at == short.looked_at


def test_a_mistake_that_only_overflows_is_not_noticed():
    """From a state whose right values overflow nothing is compared, so no mistake shows."""
    problem = diverging().changed(
        initial={n: np.full_like(v, 1e200) for n, v in named_problem("regression").initial.items()}
    )
    for mutant in single_mutants(problem, "b2")[:3]:
        assert not noticed(problem, mutant, [(0, 0)], problem.steps, None).any()


def test_a_mistake_is_named_from_the_steps_that_were_compared():
    right = manual_step(diverging())

    def doubled(parameters, x, y, learning_rate):
        loss, after, gradients = right(parameters, x, y, learning_rate)
        return loss, after, gradients | {"b2": 2 * gradients["b2"]}

    with np.errstate(all="ignore"):
        found = check(doubled, diverging(), states=0)
    assert [(one.parameter, one.mistakes) for one in found.diagnoses] == [("b2", ("factor",))]
