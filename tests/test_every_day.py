"""What is tested every day, what with the long tests, and which tests share a process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.every_day import divided, drawn, sampled

ROOT = Path(__file__).parents[1]
CASES = {f"{letter}{number}": (letter, number) for letter in "abc" for number in range(7)}


def letter_of(case):
    return case[0]


@pytest.mark.parametrize("count", [1, 2, 9])
def test_so_many_of_each_kind_are_drawn_and_none_is_lost(count):
    later, every_day = divided(CASES, letter_of, count)
    assert Counter(letter for letter, _ in every_day.values()) == dict.fromkeys("abc", min(count, 7))
    assert not later.keys() & every_day.keys()
    assert later | every_day == CASES


def test_the_draw_is_the_same_every_day():
    assert drawn(CASES, letter_of) == drawn(dict(CASES), letter_of)


def test_what_is_not_drawn_is_marked_long():
    every_day = [one.id for one in sampled(CASES, letter_of) if not one.marks]
    assert every_day == list(drawn(CASES, letter_of))
    assert {mark.name for one in sampled(CASES, letter_of) for mark in one.marks} == {"long"}


GROUPS = {
    "tests/frameworks/test_grid.py::test_a[every day-keras-torch]": "tests/frameworks/test_grid.py keras-torch",
    "tests/test_crosscheck.py::test_a[torch-regression-float64]": "tests/test_crosscheck.py torch",
    "tests/test_crosscheck.py::test_a": "tests/test_crosscheck.py",
    "tests/comparisons/test_audit.py::test_a[torch]": "tests/comparisons/test_audit.py",
}


@pytest.mark.parametrize(("test", "group"), GROUPS.items())
def test_tests_that_share_a_training_share_a_process(test, group):
    pytest.importorskip("xdist")
    from tests.together import Together

    assert Together._split_scope(Together.__new__(Together), test) == group


def test_files_with_trainings_exist():
    pytest.importorskip("xdist")
    from tests.together import BY_IMPLEMENTATION

    assert all((ROOT / file).exists() for file in BY_IMPLEMENTATION)
