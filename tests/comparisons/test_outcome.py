"""The exit code of a run, as formats.md has it."""

from __future__ import annotations

from itertools import permutations

import pytest

from comparisons.outcome import exit_code
from comparisons.verdict import Comparison, Result, Verdict
from problems.catalogue import named_problem

RESULTS = {
    "agrees": Result(name="a", verdict=Verdict.AGREES),
    "disagrees": Result(name="d", verdict=Verdict.DISAGREES),
    "known": Result(name="k", verdict=Verdict.DISAGREES, known_deviation="known"),
    "blind": Result(name="b", verdict=Verdict.BLIND),
    "crashed": Result(name="c", verdict=Verdict.CRASHED),
    "skipped": Result(name="s", verdict=Verdict.SKIPPED),
}


def code(words: str, **options: bool) -> int:
    """The exit code of one comparison with these results."""
    results = tuple(RESULTS[word] for word in words.split())
    return exit_code([Comparison(problem=named_problem("regression"), results=results)], **options)


CODES = {
    "agrees": 0,
    "agrees skipped": 0,
    "agrees known": 0,
    "known": 0,
    "known skipped": 0,
    "disagrees": 1,
    "agrees disagrees": 1,
    "blind": 1,
    "agrees blind": 1,
    "known disagrees": 1,
    "disagrees crashed": 1,
    "blind crashed skipped": 1,
    "crashed": 3,
    "agrees crashed": 3,
    "known crashed": 3,
    "skipped": 3,
    "skipped skipped": 3,
    "": 3,
}


@pytest.mark.parametrize(("words", "expected"), CODES.items())
def test_exit_code_in_any_order(words: str, expected: int) -> None:
    assert {code(" ".join(order)) for order in permutations(words.split())} == {expected}


def test_no_comparison_at_all_is_nothing_compared() -> None:
    assert exit_code([]) == 3


def test_results_of_all_problems_count() -> None:
    good, bad = (
        Comparison(problem=named_problem("regression"), results=(RESULTS[word],)) for word in ("agrees", "disagrees")
    )
    assert exit_code([good, good]) == 0
    assert exit_code([good, bad]) == 1


def test_strict_fails_a_known_deviation() -> None:
    assert code("agrees known", strict=True) == 1


def test_strict_fails_what_was_named_and_is_skipped() -> None:
    assert code("agrees skipped", strict=True, required=True) == 3
    assert code("agrees skipped", strict=True) == 0
    assert code("agrees skipped", required=True) == 0
