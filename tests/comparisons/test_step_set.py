"""A set of steps, one bit each."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.step_set import StepSet, counted_once


@pytest.mark.parametrize("steps", [[], [0], [1], [7, 8, 9], [1, 1, 300], [5, 4, 3], list(range(40))])
def test_it_is_the_set_of_its_numbers(steps):
    found = StepSet(steps)
    assert found == set(steps)
    assert sorted(found) == sorted(set(steps))
    assert len(found) == len(set(steps))
    assert all((step in found) is (step in steps) for step in range(310))


def test_numbers_are_added_in_any_order():
    rng = np.random.default_rng(0)
    found, due = StepSet(), set()
    for _ in range(20):
        more = rng.integers(0, 10_000, 30)
        found.add(more)
        due |= set(more.tolist())
    assert found == due


def test_a_million_steps_take_a_bit_each():
    found = StepSet()
    for begin in range(0, 1_000_000, 100_000):
        found.add(np.arange(begin, begin + 100_000))
    assert len(found) == 1_000_000
    assert found.bits.nbytes <= 2 * 125_000


def test_a_step_in_several_sets_is_counted_once():
    assert counted_once([StepSet([1, 900]), {1, 2}, StepSet()]) == 3
    assert counted_once([]) == 0
