"""A sweep: the ensemble is the single trainings, and the verdicts are what their definitions say."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from comparisons.chart import HEIGHT, WIDTH, chart
from comparisons.convergence import until_converged
from comparisons.epochs import epoch_losses
from comparisons.requests import changed
from comparisons.sweep import Descent, descents, diverges, full_loss, sweep
from comparisons.sweep_text import as_json, sweep_text
from manual.train import train
from problems.catalogue import named_problem
from problems.problem import Optimizer, ProblemError
from problems.schedule import Schedule
from problems.trace import Trace

RATES = (1e-4, 1e-3, 0.01, 0.1, 0.5, 1.0)
SETTINGS = [
    pytest.param("regression", {}, id="regression"),
    pytest.param("regression", {"initial": "random:1", "batch_size": 3}, id="regression-random-short-batches"),
    pytest.param("regression", {"dtype": "float32", "order": "shuffled"}, id="regression-float32-shuffled"),
    pytest.param("classification", {}, id="classification"),
    pytest.param("classification", {"initial": "random:7", "order": "random"}, id="classification-random"),
]
ROUNDINGS = 2**12  # of losses after 20 steps, some of trainings that overshoot, which a rounding grows in
settings = pytest.mark.parametrize(("name", "changes"), SETTINGS)


def problem_of(name, changes):
    return changed(named_problem(name), changes)


def trained_alone(problem, rate):
    """The trace of one training at `rate`; a rate that diverges overflows."""
    own = changed(problem, {"learning_rate": rate})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return Trace.record(own, list(train(own)), implementation="manual-matrix")


def losses_alone(problem, trace):
    ends = [{n: v[step] for n, v in trace.parameters.items()} for step in epoch_ends(problem)]
    return np.array([full_loss(problem, state) for state in (trace.initial, *ends)])


def epoch_ends(problem):
    return range(problem.steps_per_epoch - 1, problem.steps, problem.steps_per_epoch)


@settings
def test_the_ensemble_is_the_single_trainings(name, changes):
    """Up to rounding: libraries add the terms of a product in another order for one training than for several."""
    problem = problem_of(name, changes)
    rounding = ROUNDINGS * np.finfo(problem.dtype).eps
    for tried in sweep(problem, RATES).tried:
        trace = trained_alone(problem, tried.rate)
        alone = losses_alone(problem, trace), epoch_losses(trace.loss, trace.problem.steps_per_epoch)
        for found, due in zip((tried.losses, tried.averages), alone, strict=True):
            np.testing.assert_allclose(found, due, rtol=rounding)


def verdicts(name, rates, **changes):
    return [str(tried.verdict) for tried in sweep(problem_of(name, changes), rates).tried]


def test_regression_is_slow_converges_overshoots_and_diverges():
    found = verdicts("regression", (0.0001, 0.001, 0.01, 0.1, 0.5))
    assert found == ["slow", "converges", "overshoots", "diverges", "diverges"]


def test_classification_from_the_lessons_start_learns_slowly_whatever_the_rate():
    assert verdicts("classification", (0.0001, 0.01, 0.1, 0.5, 10)) == [*["slow"] * 3, "overshoots", "diverges"]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["regression", "classification"])
def test_from_random_starts_the_verdicts_stand_in_order(name, seed):
    """Tiny rates are slow, huge ones diverge, and no rate below one that converges diverges."""
    rates = tuple(np.geomspace(1e-7, 100, 28))
    found = verdicts(name, rates, initial=f"random:{seed}", epochs=100)
    assert found[0] == "slow"
    assert found[-1] == "diverges"
    assert "diverges" not in found[: max((k for k, v in enumerate(found) if v == "converges"), default=0)]


DESCENTS = [
    ([1.0, 0.5, 0.0], "converges"),
    ([1.0, 0.5, 0.5], "converges"),  # half of the best rate's fall of 1
    ([1.0, 0.6, 0.51], "slow"),
    ([1.0, 1.0, 1.0], "slow"),
    ([1.0, 1.0, 1.0099], "slow"),
    ([1.0, 1.0, 1.02], "diverges"),
    ([1.0, 1.02, 0.0], "overshoots"),
    ([1.0, 1.009, 0.0], "converges"),
    ([1.0, 0.0, 0.02], "overshoots"),
    ([1.0, 30.0, 0.9], "overshoots"),
    ([1.0, 0.0, 1.02], "diverges"),
    ([1.0, np.inf, 0.5], "diverges"),
    ([1.0, 0.5, np.nan], "diverges"),
]


@pytest.mark.parametrize(("losses", "verdict"), DESCENTS)
def test_each_criterion_at_its_boundary(losses, verdict):
    best = np.array([1.0, 0.5, 0.0])
    assert descents([best, np.array(losses)], [True, True])[1] == verdict


def test_a_loss_that_was_not_finite_within_an_epoch_diverges():
    assert descents([np.array([1.0, 0.5])], [False]) == [Descent.DIVERGES]


def test_the_best_rate_of_all_is_slow_below_one_percent_of_the_start():
    assert descents([np.array([1.0, 0.991]), np.array([1.0, 0.9999])], [True, True]) == [Descent.SLOW] * 2
    assert descents([np.array([1.0, 0.99])], [True]) == [Descent.CONVERGES]


def test_a_diverging_rate_is_no_measure_for_the_others():
    assert descents([np.array([1.0, 0.5]), np.array([1.0, np.nan])], [True, True])[0] == Descent.CONVERGES


def test_a_loss_that_starts_and_stays_at_0_does_not_diverge():
    assert not diverges(np.zeros(3))
    assert diverges(np.array([0.0, 1e-9]))


@pytest.mark.parametrize("rate", [0.0005, 0.001, 0.003])
def test_each_rate_stops_where_it_would_stop_alone(rate):
    problem = problem_of("regression", {"epochs": 200})
    alone = until_converged(changed(problem, {"learning_rate": rate}), 0.01)
    (tried,) = (one for one in sweep(problem, (0.0005, 0.001, 0.003, 0.5), 0.01).tried if one.rate == rate)
    assert (tried.converged, len(tried.averages)) == (alone.converged, alone.problem.epochs)


def test_a_rate_that_the_dtype_cannot_hold_is_refused():
    with pytest.raises(ProblemError, match=r"training.learning_rate: 1e-60 is 0.0 in float32"):
        sweep(problem_of("regression", {"dtype": "float32"}), (1e-60, 1.0))


def test_the_text_says_every_rate_its_verdict_and_the_criteria():
    text = sweep_text(sweep(named_problem("regression"), RATES))
    assert "sgd at 6 rates" in text
    assert "d     0.1     8.0581e+94             nan   28.0157  diverges    not finite in epoch 2" in text
    assert "F rises by more than 1 % of F(0)" in text


def test_json_reads_back_to_the_same_numbers():
    found = sweep(named_problem("regression"), RATES)
    record = json.loads(as_json(found))
    assert record["initial_loss"] == found.start
    assert [rate["verdict"] for rate in record["rates"]] == [str(tried.verdict) for tried in found.tried]
    told = [np.array([float(value) for value in rate["losses"]]) for rate in record["rates"]]
    assert all(np.array_equal(a, b.losses[1:], equal_nan=True) for a, b in zip(told, found.tried, strict=True))


def rows_of(curves):
    return [line[11:] for line in chart([np.array(curve) for curve in curves])][:-2]


def test_a_curve_falls_from_the_top_left_to_the_bottom_right():
    rows = rows_of([[100.0, 10.0, 1.0]])
    assert (rows[0], rows[-1]) == ("a", " " * (WIDTH - 1) + "a")
    assert [row.strip() for row in rows].count("a") == 3


OFF_SCALE = [np.nan, np.inf, 1e9]


@pytest.mark.parametrize("value", OFF_SCALE)
def test_what_is_off_the_scale_stands_above_all(value):
    rows = rows_of([[1.0, 0.5], [1.0, value]])
    assert len(rows) == HEIGHT + 1
    assert rows[0].strip() == "b"


def test_curves_that_meet_are_marked():
    assert rows_of([[1.0, 0.1], [1.0, 0.2]])[0].startswith("*")


@pytest.mark.parametrize("curve", [[0.0, 0.0], [1.0, 1.0], [np.nan, np.nan], [1e-300, 0.0]])
def test_any_curve_can_be_drawn(curve):
    assert all(line.isprintable() for line in chart([np.array(curve)]))


REMEMBERING = {
    "adam": Optimizer(name="adam", learning_rate=0.1, settings={"clip_norm_each": 0.2}),
    "nesterov": Optimizer(name="nesterov", learning_rate=0.1, settings={"velocity": "step"}),
    "falling": Optimizer(learning_rate=0.1, schedule=Schedule(name="exponential", every=3, decay=0.8)),
}


@pytest.mark.parametrize("optimizer", REMEMBERING.values(), ids=REMEMBERING)
def test_each_rate_of_an_optimizer_that_remembers_is_its_own_training(optimizer):
    problem = problem_of("classification", {"initial": "random:7"}).changed(optimizer=optimizer)
    for tried in sweep(problem, (0.01, 0.1)).tried:
        alone = trained_alone(problem, tried.rate)
        after = {name: values[-1] for name, values in alone.parameters.items()}
        assert np.isclose(tried.losses[-1], full_loss(alone.problem, after), rtol=1e-12)
