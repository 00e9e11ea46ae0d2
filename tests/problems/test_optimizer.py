"""An optimizer holds one formula whole: its settings filled up, every mistake in one line."""

from __future__ import annotations

import pickle

import pytest

from problems.optimizer import FORMS, OPTIMIZERS, SETTINGS, Optimizer
from problems.requirements import ProblemError
from problems.schedule import SCHEDULES, Schedule


def made(name: str = "adam", **settings: object) -> Optimizer:
    return Optimizer(name=name, learning_rate=0.1, settings=settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_settings_are_filled_up(name: str) -> None:
    assert dict(made(name).settings) == SETTINGS[name]


def test_a_setting_given_stands() -> None:
    assert made(beta_1=0.5).settings["beta_1"] == 0.5
    assert made(beta_1=0.5).settings["beta_2"] == 0.999


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        made().settings["beta_1"] = 1.0  # type: ignore[index]


def test_pickled_and_back() -> None:
    optimizer = made(weight_decay=0.1, clip_norm=2.0)
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("sgd", {"beta_1": 0.9}, "'training.optimizer.beta_1' is not a known key"),
        ("adam", {"beta_1": 1}, "training.optimizer.beta_1: 1 must be below 1"),
        ("adam", {"beta_2": -0.1}, "training.optimizer.beta_2: -0.1 must be a finite number of 0 or more"),
        ("adam", {"epsilon": "small"}, "training.optimizer.epsilon: 'small' is not a number"),
        ("adam", {"epsilon": float("nan")}, "training.optimizer.epsilon: nan must be a finite number"),
        ("adam", {"epsilon_place": "inside"}, "training.optimizer.epsilon_place: 'inside' is not known"),
        ("momentum", {"velocity": 1}, "training.optimizer.velocity: 1 is not known"),
        ("sgd", {"clip_norm": 0}, "training.optimizer.clip_norm: 0 must be a finite number greater than 0"),
        ("sgd", {"clip_norm": 1, "clip_value": 1}, "training.optimizer.clip_norm: give one way of clipping"),
        ("sgd", {"clip_epsilon": 1}, "training.optimizer.clip_epsilon: belongs to clip_norm"),
        ("sgd", {"weight_decay": True}, "training.optimizer.weight_decay: True is not a number"),
    ],
)
def test_what_does_not_fit_is_one_line(name: str, settings: dict[str, object], why: str) -> None:
    with pytest.raises(ProblemError) as caught:
        made(name, **settings)
    assert str(caught.value).startswith(why)


def test_forms_are_settings() -> None:
    assert all(SETTINGS[name][key] in forms for name, each in FORMS.items() for key, forms in each.items())


def test_plain_is_gradient_descent_alone() -> None:
    assert made("sgd").plain
    assert not made("momentum").plain
    assert not made("sgd", weight_decay=0.1).plain
    assert not Optimizer(learning_rate=0.1, schedule=Schedule(name="step", every=2, decay=0.5)).plain


def test_step_schedule_falls_at_every_second_step() -> None:
    schedule = Schedule(name="step", every=2, decay=0.5)
    assert [schedule.factor(step) for step in range(1, 6)] == [1, 1, 0.5, 0.5, 0.25]


def test_cosine_schedule_ends_at_its_floor() -> None:
    schedule = Schedule(name="cosine", every=4, floor=0.25)
    assert [schedule.factor(step) for step in (1, 5, 9)] == [1, 0.25, 0.25]
    assert schedule.factor(3) == pytest.approx(0.25 + 0.75 / 2)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_the_learning_rate(name: str) -> None:
    assert Schedule(name=name, every=3, decay=0.5).factor(1) == 1
