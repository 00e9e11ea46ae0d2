"""A problem in one line tells everything that makes it another training."""

from __future__ import annotations

import pytest

from comparisons.messages import setting
from comparisons.problem_words import loss_words, optimizer_words
from problems.catalogue import named_problem
from problems.optimizer import OPTIMIZERS, Optimizer
from problems.schedule import Schedule


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_with_its_defaults_is_its_name_and_rate(name):
    assert optimizer_words(Optimizer(name=name, learning_rate=0.001)) == f"{name} at 0.001"


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        (
            "adam",
            {"beta_1": 0.8, "epsilon_place": "uncorrected"},
            "adam at 0.5 (beta_1 0.8, epsilon_place uncorrected)",
        ),
        ("sgd", {"clip_norm": 1, "clip_epsilon": 1e-6}, "sgd at 0.5 (clip_norm 1, clip_epsilon 1e-06)"),
        ("sgd", {"weight_decay": 0.01}, "sgd at 0.5 (weight_decay 0.01)"),
        ("adamw", {"weight_decay": 0.01}, "adamw at 0.5"),
    ],
)
def test_settings_that_are_not_the_defaults_are_told(name, settings, words):
    assert optimizer_words(Optimizer(name=name, learning_rate=0.5, settings=settings)) == words


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(name="step", every=10, decay=0.5), "step schedule (every 10, decay 0.5)"),
        (Schedule(name="cosine", every=100), "cosine schedule (every 100, floor 0)"),
    ],
)
def test_schedule_is_told_with_its_settings(schedule, words):
    assert optimizer_words(Optimizer(learning_rate=0.5, schedule=schedule)) == f"sgd at 0.5, {words}"


def test_penalty_stands_beside_the_loss():
    problem = named_problem("regression")
    assert loss_words(problem) == "mean_squared_error"
    assert loss_words(problem.changed(l2=0.25)) == "mean_squared_error + l2 0.25"


def test_one_line_tells_all_of_it():
    optimizer = Optimizer(name="adam", learning_rate=0.5, schedule=Schedule(name="cosine", every=7))
    line = setting(named_problem("regression").changed(l2=0.25, preparation="halved", optimizer=optimizer))
    assert " + l2 0.25, adam at 0.5, cosine schedule (every 7, floor 0), 5 epochs" in line
    assert line.endswith("start constant:0.1; halved")


def test_plain_problem_has_no_more_than_before():
    assert setting(named_problem("regression")) == (
        "regression: 2-2-1 network (linear, linear), mean_squared_error, sgd at 0.001, 5 epochs of 4 rows, "
        "sequential, float64, start constant:0.1"
    )
