"""Drift in the report: from the exact trajectory and between implementations, in the page and in report.json."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from comparisons.compare import compared, judged_trace, train_here
from comparisons.report.drift import drifts
from comparisons.report.drift_record import drift_record
from comparisons.report.figures import figures
from comparisons.report.page import section
from comparisons.verdict import Comparison
from problems.catalogue import named_problem
from problems.trace import Trace


def moved(trace: Trace, name: str, distance: float, *, at: int = 1) -> Trace:
    """The trace under another name, W1[0,0] further on by `distance` after step `at`, from 1, alone."""
    parameters = {key: values.copy() for key, values in trace.parameters.items()}
    parameters["W1"][at - 1, 0, 0] += distance
    return replace(trace, implementation=name, parameters=parameters)


def side_by_side(*traces: Trace) -> Comparison:
    return compared(traces[0].problem, [judged_trace(trace, version=None) for trace in traces])


@pytest.fixture(scope="module")
def trace() -> Trace:
    trace = train_here("manual-matrix", named_problem("regression")).trace
    assert trace is not None
    return trace


def test_implementations_with_the_same_parameters_are_one_group(trace):
    found = drifts(side_by_side(trace, moved(trace, "other", 0.0), moved(trace, "away", 0.5)))
    assert found.alike == (("manual-matrix", "other"), ("away",))
    assert [(pair.one, pair.other) for pair in found.between] == [(("manual-matrix", "other"), ("away",))]


def test_distance_is_that_of_the_farthest_parameter_at_its_step(trace):
    away = moved(trace, "away", 0.5, at=7)
    (pair,) = drifts(side_by_side(trace, away)).between
    expected = abs(away.parameters["W1"][6, 0, 0] - trace.parameters["W1"][6, 0, 0])
    np.testing.assert_array_equal(pair.distance, np.where(np.arange(20) == 6, expected, 0))


def test_farthest_pair_comes_first(trace):
    found = drifts(side_by_side(trace, moved(trace, "near", 1e-9), moved(trace, "far", 1.0)))
    assert [{*pair.one, *pair.other} for pair in found.between][-1] == {"manual-matrix", "near"}


def test_what_is_not_finite_is_infinitely_far(trace):
    (pair,) = drifts(side_by_side(trace, moved(trace, "lost", np.nan, at=3))).between
    assert pair.distance[2] == np.inf


def test_right_implementations_stay_within_the_bound_of_one_another():
    problem = named_problem("classification").changed(epochs=5)
    names = ("manual-scalar", "manual-matrix")
    traces = [train_here(name, problem).trace for name in names]
    found = drifts(side_by_side(*(trace for trace in traces if trace)))
    assert len(found.between) == 1
    assert 0 < found.between[0].distance.max()
    assert (found.between[0].distance <= found.bound).all()


def test_report_json_says_who_is_how_far_apart(trace):
    record = json.loads(json.dumps(drift_record(drifts(side_by_side(trace, moved(trace, "away", np.inf, at=2))))))
    (pair,) = record["between"]
    assert (pair["one"], pair["other"]) == (["manual-matrix"], ["away"])
    assert pair["steps"] == list(range(1, 21))
    assert pair["distance"][:3] == [0.0, "inf", 0.0]
    assert [one["name"] for one in record["from_exact"]] == ["manual-matrix", "away"]
    assert record["followed"] == len(record["bound"]["distance"]) == 20


def drawn(comparison: Comparison) -> dict[str, dict[str, str]]:
    places = {result.name: number for number, result in enumerate(comparison.results)}
    return {one["title"]: one for one in figures(comparison, places, drifts(comparison))}


def test_drift_is_drawn_from_the_first_that_agrees_in_the_colors_of_the_page(trace):
    found = drawn(side_by_side(moved(trace, "far", 1.0), trace, moved(trace, "same", 0.0), moved(trace, "near", 1e-9)))
    one = found["Drift between implementations"]
    assert [f"var(--s{number})" in one["svg"] for number in range(4)] == [True, False, False, True]
    assert "The same as manual-matrix to the last bit, so not drawn: same." in one["note"]


def test_all_alike_is_said_and_not_drawn(trace):
    one = drawn(side_by_side(trace, moved(trace, "other", 0.0)))["Drift between implementations"]
    assert (one["svg"], one["note"]) == ("", "The same as manual-matrix to the last bit, so not drawn: other.")


def test_one_implementation_has_no_drift_between(trace):
    assert "Drift between implementations" not in drawn(side_by_side(trace))


def test_pair_leaves_the_bound_at_the_step_that_is_wrong(trace):
    found = drifts(side_by_side(trace, moved(trace, "away", 0.5, at=7), moved(trace, "near", 1e-18)))
    leaves = {name: found.leaves_at(distance) for name, distance in found.away_from("manual-matrix").items()}
    assert leaves == {"away": 7}
    assert found.leaves_at(np.full(20, np.nan)) == 1


def test_page_lists_every_two_that_differ(trace):
    comparison = side_by_side(trace, moved(trace, "away", 0.5, at=7), moved(trace, "far", 8.0, at=3))
    rows = section(comparison, {}, drifts(comparison))["apart"]
    assert [(row["names"], row["step"], row["outside"]) for row in rows] == [
        (["manual-matrix", "far"], 3, "step 3"),
        (["away", "far"], 3, "step 3"),
        (["manual-matrix", "away"], 7, "step 7"),
    ]
