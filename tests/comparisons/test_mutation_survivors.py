"""What mutation testing found that no other test of the audit would have noticed (docs/mutation_testing.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT64
from comparisons.audit import actual_values, audit, chunks, concluded, judge, observed_at
from comparisons.reference import Expectation, expectations, first_told, own_updates, reported
from comparisons.structure import structural_faults
from comparisons.tally import Judged, Tally
from comparisons.untold import farthest_untold
from comparisons.verdict import Verdict
from manual.network import loss_routes, train_step
from manual.train import train
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Optimizer, Problem
from problems.trace import Trace


def expectation(expected: Any, bound: Any, told: Any = True) -> Expectation:
    """What each of some elements must be."""
    expected = np.asarray(expected, dtype=float)
    told = np.broadcast_to(np.asarray(told), expected.shape)
    return Expectation(expected=expected, bound=np.broadcast_to(np.asarray(bound, float), expected.shape), told=told)


def judged(position: int, actual: Any, what: Expectation) -> Judged:
    """One step at `position`, from 0."""
    return Judged(np.array([position]), np.asarray(actual, dtype=float), what)


def counted(*chunks: Judged) -> Tally:
    """All chunks counted in."""
    tally = Tally("gradient.W1", "float64")
    for chunk in chunks:
        tally.add(chunk)
    return tally


def by_hand(problem: Problem) -> Trace:
    """A trace that is right."""
    return Trace.record(problem, train(problem), implementation="manual-matrix")


def random_start(name: str, **changes: Any) -> Problem:
    """The lesson from other numbers than its own."""
    problem = named_problem(name)
    return problem.changed(initial=starting_parameters(problem.network, "random:7"), start="random:7", **changes)


def test_float32_must_explain_every_chunk_and_not_only_the_last():
    wrong = judged(0, [[2.0]], expectation([[1.0]], 0.1)), judged(1, [[2.0]], expectation([[1.0]], 0.1))
    tally = counted(*wrong)
    tally.add_below(wrong[0], expectation([[1.0]], 0.5))
    tally.add_below(wrong[1], expectation([[1.0]], 5.0))
    assert tally.wrong_below == 1
    assert tally.carries is None


def test_untold_element_is_found_beside_told_ones_that_are_farther_off():
    tally = counted(judged(0, [[5.0, 1.001]], expectation([[1.0, 1.0]], [[9.0, np.inf]], [[True, False]])))
    assert tally.untold[1:] == (1, (1,))
    assert 0.0009 < tally.untold[0] < 0.0011


def test_untold_element_without_a_distance_is_the_farthest():
    nowhere = expectation([[1.0, np.inf, np.nan]], np.inf, told=False)
    tally = counted(judged(0, [[4.0, np.inf, 2.0]], nowhere))
    assert tally.untold[1:] == (1, (2,))
    assert tally.wrong == 1


def test_farthest_untold_element_is_kept_over_the_chunks_and_the_first_of_equals():
    far, near = (
        judged(step, [[1.0 + off]], expectation([[1.0]], np.inf, told=False)) for step, off in ((2, 8), (5, 2))
    )
    assert counted(far, near).untold == counted(near, far).untold == (8.0, 3, (0,))
    again = judged(7, [[9.0]], expectation([[1.0]], np.inf, told=False))
    assert counted(far, again).untold == (8.0, 3, (0,))


def test_untold_step_is_held_against_its_own_rows_and_its_own_loss():
    trace = by_hand(random_start("classification", epochs=1))
    for step in (2, 3):
        tally = Tally("loss", "float64", untold=(1.0, step, ()), untold_steps={step})
        found = farthest_untold(trace, [tally])
        assert found.actual == trace.loss[step - 1]
        assert found.distance < 1e-14


def test_learning_rate_of_each_step_is_the_one_given():
    problem = random_start("regression", epochs=1)
    trace = by_hand(problem)
    doubled = np.full((trace.steps, 1, 1), 2 * problem.optimizer.learning_rate)
    for rate, agrees in ((None, True), (doubled / 2, True), (doubled, False)):
        tallies = {name: Tally(name, "float64") for name in actual_values(trace)}
        judge(observed_at(trace, np.arange(trace.steps)), tallies, rate)
        assert (tallies["parameter.W1"].wrong == 0) is agrees
        assert tallies["gradient.W1"].wrong == 0


def test_learning_rate_given_holds_for_float32_too():
    problem = random_start("regression", epochs=1)
    trace = by_hand(problem)
    rates = np.full((trace.steps, 1, 1), 2 * problem.optimizer.learning_rate)
    observed = observed_at(trace, np.arange(trace.steps))
    right = expectations(problem, observed.before, observed.x, observed.y, FLOAT64, rates)
    for name in problem.initial:  # right but for one float32 rounding
        observed.actual[f"parameter.{name}"] = right[f"parameter.{name}"].expected.astype(np.float32)
    tallies = {name: Tally(name, "float64") for name in actual_values(trace)}
    judge(observed, tallies, rates)
    assert tallies["parameter.W1"].wrong > 0
    assert tallies["parameter.W1"].carries == "float32"


def test_right_trace_names_nothing_as_right_beside_a_wrong_one_and_counts_its_steps():
    found = audit(by_hand(random_start("regression")))
    assert found.agreed == ()
    assert found.steps == 20


def test_gap_in_the_rows_is_told_of_the_step_that_has_it():
    problem = random_start("classification", epochs=1, batch_size=2)
    trace = by_hand(problem)
    rows = np.array([[0, 1], [-1, 3]])
    assert [fault for fault in structural_faults(replace(trace, rows=rows)) if "step 2" in fault]


def test_untold_elements_are_counted_over_all_chunks():
    untold = expectation([[1.0, 1.0]], np.inf, told=False)
    assert counted(judged(0, [[1.0, 1.0]], untold), judged(1, [[1.0, 1.0]], untold)).not_told == 4


def test_a_runs_own_numbers_are_exact():
    problem = random_start("regression", epochs=1)
    x, y = problem.x[None, :1], problem.y[None, :1]
    state = {name: values[None] for name, values in problem.initial.items()}
    exact = {name: Bounded.exact(values, FLOAT64) for name, values in state.items()}
    route, *_ = loss_routes(problem.network, problem.loss)
    rate = Bounded.rounded(problem.optimizer.learning_rate, FLOAT64)
    step = train_step(problem.network, route, exact, Bounded.exact(x, FLOAT64), Bounded.exact(y, FLOAT64), rate)
    found = expectations(problem, state, x, y)
    assert found["loss"].bound == step.loss.error
    for name, gradient in step.gradients.items():
        assert (found[f"gradient.{name}"].bound == gradient.error).all()


def test_own_update_takes_the_runs_parameters_as_exact_and_the_learning_rate_given():
    problem = random_start("regression")
    state = {name: values[None] for name, values in problem.initial.items()}
    gradients = {name: np.full_like(values, 3.0) for name, values in state.items()}
    rates = np.full((1, 1, 1), 0.25)
    for given, used in ((None, problem.optimizer.learning_rate), (rates, rates)):
        found = own_updates(problem, state, gradients, FLOAT64, given)
        for name, values in state.items():
            slope = reported(gradients[name], FLOAT64, FLOAT64)
            due = Bounded.exact(values, FLOAT64) - Bounded.rounded(used, FLOAT64) * slope
            assert (found[f"parameter.{name}"].expected == due.value).all()
            assert (found[f"parameter.{name}"].bound == due.error).all()


def test_untold_updates_follow_the_learning_rate_given():
    problem = saturated()
    trace = by_hand(problem)
    observed = observed_at(trace, np.arange(trace.steps))
    doubled = np.full((trace.steps, 1, 1), 2 * problem.optimizer.learning_rate)
    for rates, wrong in ((None, False), (doubled, True)):
        tallies = {name: Tally(name, "float64") for name in actual_values(trace)}
        judge(observed, tallies, rates)
        assert tallies["gradient.b2"].not_told > 0
        assert (tallies["parameter.b2"].wrong > 0) is wrong


def saturated() -> Problem:
    """Classification from where the output is the sigmoid of -60: no route through the probability tells anything."""
    problem = named_problem("classification")
    initial = {**problem.initial, "W2": np.zeros((2, 1)), "b2": np.full((1, 1), -60.0)}
    optimizer = Optimizer(learning_rate=0.5)
    return problem.changed(
        initial=initial, start="given", x=problem.x[2:], y=1 - problem.y[2:], epochs=1, optimizer=optimizer
    )


def test_what_the_formulas_tell_goes_before_what_an_own_gradient_tells():
    first = expectation([1.0, 2.0], [0.1, np.inf], [True, False])
    second = expectation([3.0, 4.0], [0.3, 0.4])
    both = first_told(first, second)
    assert both.expected.tolist() == [1.0, 4.0]
    assert both.bound.tolist() == [0.1, 0.4]
    assert both.told.tolist() == [True, True]


def test_untold_parameter_is_held_against_its_own_step():
    trace = by_hand(random_start("classification", epochs=1))
    for step in (2, 3):
        tally = Tally("parameter.W1", "float64", untold=(1.0, step, (1, 0)), untold_steps={step})
        found = farthest_untold(trace, [tally])
        assert found.actual == trace.parameters["W1"][step - 1][1, 0]
        assert found.distance < 1e-14


@pytest.mark.parametrize(("elements", "length"), [(33, 3), (22, 2), (21, 1), (1, 1)])
def test_chunks_are_as_long_as_memory_allows(elements, length, monkeypatch):
    monkeypatch.setattr("comparisons.audit.CHUNK_ELEMENTS", elements)  # a step of 2-2-1 holds 2 + 9 numbers
    assert next(len(positions) for positions in chunks(by_hand(random_start("regression")))) == length


def test_trace_that_cannot_be_compared_counts_its_steps():
    trace = by_hand(random_start("regression"))
    found = audit(replace(trace, gradients={}))
    assert found.faults
    assert found.steps == 20


def without_gradients(problem: Problem) -> dict[str, Tally]:
    """What is counted of a right run that reports no gradients."""
    trace = by_hand(problem)
    observed = observed_at(trace, np.arange(trace.steps))
    actual = {name: values for name, values in observed.actual.items() if not name.startswith("gradient.")}
    tallies = {name: Tally(name, "float64") for name in actual}
    judge(replace(observed, actual=actual), tallies)
    return tallies


def test_updates_alone_can_agree():
    tallies = without_gradients(random_start("regression"))
    assert concluded(list(tallies.values()), "float64", 20, []).verdict is Verdict.AGREES
    del tallies["loss"]
    assert concluded(list(tallies.values()), "float64", 20, []).verdict is Verdict.AGREES


def test_untold_updates_without_gradients_stay_untold():
    tallies = without_gradients(saturated())
    assert tallies["parameter.b2"].not_told > 0
    assert tallies["parameter.b2"].wrong == 0
