"""A small sample of tests/campaigns/any_network_campaign.py: random problems over all that can be trained agree."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from problems.dtypes import STORED
from problems.problem import Problem
from tests.every_day import part

SEED = 7
PROBLEMS = {"manual-matrix": 60, "torch": 60, "jax": 16, "sklearn": 60, "keras-torch": 16, "keras-jax": 16}
PROBLEMS["keras-tensorflow"] = 12
FAST = {"jax": 12, "keras-jax": 10, "keras-tensorflow": 10}
STORING = {"torch": 40, "jax": 10}
SHARE = 2  # every day one problem in so many


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A function of a module's name in tests/campaigns."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "campaigns"))
    return importlib.import_module


def chosen(problems: Iterable[Problem], count: int, every_day: bool) -> list[Problem]:
    """Of so many problems those of every day, or the others."""
    return [one for number, one in enumerate(islice(problems, count)) if (number % SHARE == 0) is every_day]


@part
@pytest.mark.parametrize("name", PROBLEMS)
def test_random_problems_agree_or_deviate_as_is_known(
    name: str, every_day: bool, require_or_skip: Callable[[str], None], campaign: Callable[[str], Any]
) -> None:
    require_or_skip(name)
    module = campaign("any_network_campaign")
    problems = chosen(campaign("any_network").any_problems(SEED), PROBLEMS[name], every_day)
    count = module.Count()
    for problem, outcome in zip(problems, module.outcomes(name, problems), strict=True):
        module.add(count, problem, outcome)
    assert count.messages == []
    assert count.trained >= 1
    assert count.compared > 0


@part
@pytest.mark.parametrize("name", FAST)
def test_random_problems_many_steps_in_one_call_agree_or_deviate_as_is_known(
    name: str, every_day: bool, require_or_skip: Callable[[str], None], campaign: Callable[[str], Any]
) -> None:
    require_or_skip(name)
    module = campaign("any_network_campaign")
    problems = chosen(campaign("any_network").any_problems(SEED + 1), FAST[name], every_day)
    count = module.Count()
    for problem, outcome in zip(problems, module.outcomes(name, problems, fast=True), strict=True):
        module.add(count, problem, outcome)
    assert count.messages == []
    assert count.trained >= 1
    assert count.compared > 0


@part
@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("name", STORING)
def test_random_problems_agree_in_a_format_for_storage(
    name: str, dtype: str, every_day: bool, require_or_skip: Callable[[str], None], campaign: Callable[[str], Any]
) -> None:
    require_or_skip(name)
    module = campaign("any_network_campaign")
    drawn = list(islice(campaign("any_network").any_problems(SEED), STORING[name]))
    several = chosen(drawn, len(drawn), every_day=True) if every_day else drawn
    problems = [problem.changed(dtype=dtype) for problem in several]
    count = module.Count()
    for problem, outcome in zip(problems, module.outcomes(name, problems), strict=True):
        module.add(count, problem, outcome)
    assert count.messages == []
    assert count.alarms == 0
    assert count.agree >= 0.5 * count.trained > 0
    assert count.compared > count.not_told


def test_the_problems_drawn_reach_everything(campaign: Callable[[str], Any]) -> None:
    drawn = list(islice(campaign("any_network").any_problems(SEED), 400))
    space = importlib.import_module("problems.problem")
    optimizers = importlib.import_module("problems.optimizer")
    assert {problem.loss for problem in drawn} == set(space.LOSSES)
    assert {name for problem in drawn for name in problem.network.activations} == set(space.ACTIVATIONS)
    assert {problem.optimizer.name for problem in drawn} == set(optimizers.OPTIMIZERS)
    assert {len(problem.network.units) for problem in drawn} == {1, 2, 3, 4, 5}
    assert {problem.dtype for problem in drawn} == {"float64", "float32"}
    assert {problem.optimizer.schedule.name for problem in drawn} == {"constant", "step", "exponential", "cosine"}
    assert max(max(problem.network.units) for problem in drawn) == 64
    assert {key for problem in drawn for key in problem.optimizer.settings} >= set(optimizers.GENERAL)
