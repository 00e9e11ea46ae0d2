"""The page's table of settings tells what the problem's one line tells, with every digit of the rate."""

from __future__ import annotations

from comparisons.report.page import listed, settings
from comparisons.verdict import Comparison
from problems.catalogue import named_problem
from problems.optimizer import Optimizer

PROBLEM = named_problem("regression").changed(
    l2=0.25,
    preparation="halved",
    optimizer=Optimizer(name="adam", learning_rate=0.1234567890123, settings={"beta_1": 0.8}),
)


def table(problem):
    return dict(settings(Comparison(problem=problem, results=())))


def test_penalty_settings_and_preparation_are_told():
    told = table(PROBLEM)
    assert told["loss"] == "mean_squared_error + l2 0.25"
    assert told["optimizer"] == "adam at 0.123457 (beta_1 0.8)"
    assert told["learning rate"] == "0.1234567890123"
    assert told["data"].endswith("; halved")


def test_few_names_are_listed_and_many_are_shortened():
    names = [f"x{number}" for number in range(64)]
    assert listed(names[:3]) == "x0, x1, x2"
    assert listed(names) == "x0, x1, x2, ..., x63 (64)"
    assert listed([]) == "unnamed"
