"""The pytest plugin: the fixture, the report, several processes, and nothing unasked."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["pytester"]

RIGHT = """
from comparisons.planted import candidate_with
from problems.catalogue import named_problem

problem = named_problem("regression")
right = candidate_with(problem, [])
"""
TESTS = (
    RIGHT
    + """
def test_right(backproof):
    backproof(right, problem="regression", states=3)

def test_wrong(backproof):
    backproof(lambda p, x, y, rate: (right(p, x, y, rate)[0], p), problem=problem, states=3)

def test_without():
    pass
"""
)


@pytest.fixture(autouse=True)
def own_root(pytester):
    pytester.makeini("[pytest]")


@pytest.fixture
def tests(pytester):
    pytester.makepyfile(test_mine=TESTS)
    return pytester


def reports(folder):
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}


def test_the_fixture_asserts_and_hides_its_frames(tests):
    done = tests.runpytest_inprocess("-p", "no:cacheprovider")
    done.assert_outcomes(passed=2, failed=1)
    assert "matches the formula with nothing subtracted" in done.stdout.str()
    assert "pytest_plugin.py" not in done.stdout.str()


def test_nothing_is_written_unasked(tests):
    before = {path.name for path in tests.path.iterdir()}
    tests.runpytest_inprocess("-p", "no:cacheprovider")
    assert {path.name for path in tests.path.iterdir()} - before <= {"__pycache__"}


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_the_report_has_a_file_for_each_test_that_used_the_fixture(tests, processes):
    run = tests.runpytest_subprocess if processes else tests.runpytest_inprocess
    run("-p", "no:cacheprovider", "--backproof-report", "found", *processes).assert_outcomes(passed=2, failed=1)
    found = reports(tests.path / "found")
    assert set(found) == {"test_mine.py-test_right.json", "test_mine.py-test_wrong.json"}
    (result,) = found["test_mine.py-test_wrong.json"]["comparisons"][0]["implementations"]
    assert (result["verdict"], result["diagnosis"][0]["mistakes"]) == ("disagrees", ["not-updated"])


def test_tests_whose_names_look_alike_in_a_file_name_keep_a_report_each(pytester):
    pytester.makepyfile(
        test_mine=RIGHT
        + """
import pytest

@pytest.mark.parametrize("text", ["a b", "a/b", "a*b", "a-b", "x" * 300, "x" * 301])
def test_right(backproof, text):
    backproof(right, problem="regression", states=3)
"""
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "--backproof-report", "found").assert_outcomes(passed=6)
    assert len(reports(pytester.path / "found")) == 6


def test_a_test_that_never_calls_the_fixture_writes_nothing(pytester):
    pytester.makepyfile(test_mine="def test_idle(backproof): pass")
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "--backproof-report", "found").assert_outcomes(passed=1)
    assert not (pytester.path / "found").exists()


def test_the_fixture_and_the_option_are_listed(pytester):
    assert "--backproof-report=DIR" in pytester.runpytest_inprocess("--help").stdout.str()
    assert "backproof(my_step, problem=" in pytester.runpytest_inprocess("--fixtures").stdout.str()
