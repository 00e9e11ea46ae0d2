"""The bookkeeping of an audit: one inequality, written so that NaN fails, and every element counted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from comparisons.audit import concluded
from comparisons.messages import wide_line
from comparisons.reference import Expectation
from comparisons.tally import Judged, Tally, outside, ratios


def expectation(expected: Any, bound: Any, told: Any = None) -> Expectation:
    value, error = np.array(expected, dtype=float), np.array(bound, dtype=float)
    return Expectation(expected=value, bound=error, told=np.isfinite(error) if told is None else np.array(told))


def judged(actual: Any, expected: Any, bound: Any, told: Any = None, positions: Any = None) -> Judged:
    values = np.array(actual, dtype=float)
    return Judged(
        np.arange(len(values)) if positions is None else positions, values, expectation(expected, bound, told)
    )


def tallied(*parts: Judged, name: str = "gradient.W1", dtype: str = "float64") -> Tally:
    tally = Tally(name, dtype)
    for part in parts:
        tally.add(part)
    return tally


# actual, expected, bound, whether it is wrong, ratio
ELEMENTS = {
    "exactly-right": (1.0, 1.0, 0.5, False, 0.0),
    "on-the-bound": (1.5, 1.0, 0.5, False, 1.0),
    "just-outside": (np.nextafter(1.5, 2), 1.0, 0.5, True, 1.0000000000000004),
    "below": (0.0, 1.0, 0.5, True, 2.0),
    "right-with-no-room": (0.0, 0.0, 0.0, False, 0.0),
    "wrong-with-no-room": (5e-324, 0.0, 0.0, True, np.inf),
    "nan": (np.nan, 1.0, 0.5, True, np.inf),
    "infinity": (np.inf, 1.0, 0.5, True, np.inf),
    "minus-infinity": (-np.inf, 1.0, 0.5, True, np.inf),
    "nan-without-a-bound": (np.nan, 1.0, np.inf, True, np.inf),
    "infinity-as-expected": (np.inf, np.inf, np.inf, True, np.inf),
    "nan-as-expected": (np.nan, np.nan, np.inf, True, np.inf),
    "anything-without-a-bound": (7.0, 1.0, np.inf, False, 0.0),
    "anything-where-nan-is-expected": (7.0, np.nan, np.inf, False, 0.0),
}


@pytest.mark.parametrize(("actual", "expected", "bound", "wrong", "ratio"), ELEMENTS.values(), ids=ELEMENTS)
def test_the_one_inequality(actual, expected, bound, wrong, ratio):
    one = expectation([expected], [bound])
    assert outside(np.array([actual]), one).tolist() == [wrong]
    assert ratios(np.array([actual]), one).tolist() == [ratio]


def test_not_told_inside_a_finite_bound_but_wrong_outside():
    inside, away = (judged([actual], [1.0], [3.0], told=[False]) for actual in (-1.9, -2.1))
    assert (inside.told.tolist(), inside.wrong.tolist()) == ([False], [False])
    assert (away.told.tolist(), away.wrong.tolist()) == ([True], [True])


def test_every_element_is_compared_or_not_told():
    tally = tallied(judged([[1, 2], [3, np.nan]], [[1, 2], [3, 4]], [[1, np.inf], [1, np.inf]]))
    assert (tally.compared, tally.not_told, tally.wrong) == (3, 1, 1)


def test_the_worst_element_is_named_in_full():
    part = judged([[[1, 2]], [[3, 4.75]]], [[[1, 2]], [[3, 4]]], np.full((2, 1, 2), 0.5), positions=np.array([6, 9]))
    worst = tallied(part).worst
    assert (worst.quantity, worst.step, worst.index) == ("gradient.W1", 10, (0, 1))
    assert (worst.expected, worst.actual, worst.bound, worst.ratio) == (4.0, 4.75, 0.5, 1.5)
    assert (worst.wrong, worst.elements) == (1, 2)


def test_the_worst_of_all_parts_is_kept_wherever_it_stands():
    parts = [judged([[1 + d]], [[1.0]], [[1.0]], positions=np.array([k])) for k, d in enumerate((0.25, 0.75, 0.5))]
    assert tallied(*parts).worst.step == 2


def test_the_worst_is_an_element_that_is_told():
    part = judged([[9.0, 1.0]], [[0.0, 1.0]], [[np.inf, 1.0]])
    assert tallied(part).worst.index == (1,)
    assert tallied(judged([[9.0]], [[0.0]], [[np.inf]])).worst is None


def test_the_first_bad_step_of_a_part_is_kept_with_its_worst_element():
    part = judged([[1, 1], [3, 5], [99, 1]], np.ones((3, 2)), np.ones((3, 2)), positions=np.array([4, 5, 6]))
    tally = tallied(part)
    assert tally.wrong_steps == {6, 7}
    assert (tally.first_bad.step, tally.first_bad.index, tally.first_bad.wrong) == (6, (1,), 2)


def test_a_right_element_is_never_named_as_bad_beside_a_wrong_one():
    part = judged([[1.9, 3.0]], [[1.0, 1.0]], [[1.0, 1.9]])
    assert tallied(part).first_bad.index == (1,)


def test_carries_the_run_dtype_where_nothing_is_wrong():
    assert tallied(judged([1.0], [1.0], [0.0])).carries == "float64"
    assert tallied(judged([1.0], [1.0], [0.0]), dtype="float32").carries == "float32"


@pytest.mark.parametrize(
    ("bound_below", "told_below", "carried"),
    [(2.0, True, "float32"), (0.5, True, None), (np.inf, False, None), (2.0, False, None)],
    ids=["within", "outside", "no-bound", "not-told"],
)
def test_carries_float32_only_where_its_bound_confirms_it(bound_below, told_below, carried):
    part = judged([2.0], [1.0], [0.1])
    tally = tallied(part)
    tally.add_below(part, expectation([1.0], [bound_below], [told_below]))
    assert tally.carries == carried


def test_a_wrong_float32_run_carries_nothing_lower():
    assert tallied(judged([2.0], [1.0], [0.1]), dtype="float32").carries is None


def test_what_is_right_at_the_run_precision_may_be_outside_at_a_lower_one():
    part = judged([1.0, 2.0], [1.0, 1.0], [0.1, 0.1])
    tally = tallied(part)
    tally.add_below(part, expectation([5.0, 1.0], [0.1, 2.0]))
    assert tally.carries == "float32"


def test_the_least_certain_element_is_kept_over_all_parts():
    far = judged([[3.0, 9.0]], [[1.0, 1.0]], [[np.inf, np.inf]], positions=np.array([3]))
    near = judged([[3.0, 1.0]], [[1.0, 1.0]], [[np.inf, 1.0]], positions=np.array([5]))
    for order in ((far, near), (near, far)):
        tally = tallied(*order)
        assert tally.untold == (8.0, 4, (1,))
        assert tally.untold_steps == {4, 6}


def test_the_conclusion_repeats_the_counts():
    found = tallied(judged([2.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.5, 0.5, np.inf])).concluded()
    assert (found.name, found.compared, found.not_told, found.wrong) == ("gradient.W1", 2, 1, 1)
    assert found.worst.ratio == 2.0


def test_numbers_whose_bound_reaches_0_are_wide_unless_they_are_0_or_nothing_is_told():
    tally = tallied(judged([1.0, 1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0, 1.0], [0.5, 1.0, 2.0, 3.0, np.inf]))
    assert (tally.compared, tally.wide) == (4, 2)
    assert tally.concluded().wide == 2


def test_what_is_hardly_seen_is_said_of_gradients_alone_and_only_where_most_of_one_is():
    wide, narrow = judged([1.0, 1.0], [1.0, 1.0], [2.0, 2.0]), judged([1.0, 1.0], [1.0, 1.0], [2.0, 0.5])
    named = {
        "gradient.W1": (wide, wide, narrow),
        "gradient.W2": (narrow,),
        "parameter.W1": (wide,),
    }
    tallies = [tallied(*parts, name=name) for name, parts in named.items()]
    line = wide_line(concluded(tallies, "float64", 1, []))
    assert line is not None
    assert line.startswith("hardly seen: gradient.W1 83 % of the numbers compared")
    assert wide_line(concluded(tallies[1:], "float64", 1, [])) is None
    assert wide_line(None) is None
