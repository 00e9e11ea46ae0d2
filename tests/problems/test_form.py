"""The form of a training: the same for other numbers, another for whatever a compiled program is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from problems.catalogue import named_problem
from problems.form import form_of
from problems.problem import Network, Optimizer
from problems.schedule import Schedule

LESSON = named_problem("regression")
RATE = LESSON.optimizer.learning_rate
ADAM = {"name": "adam", "learning_rate": RATE}
DECAYING = Schedule(name="step", every=2, decay=0.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"x": LESSON.x + 1},
        {"y": LESSON.y - 1},
        {"initial": {name: values + 1 for name, values in LESSON.initial.items()}},
        {"order": "shuffled", "seed": 4},
        {"name": "another", "start": "given"},
    ],
)
def test_other_numbers_have_the_same_form(changes: dict[str, Any]) -> None:
    one, other = form_of(LESSON), form_of(LESSON.changed(**changes))
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "float32"},
        {"loss": "half_squared_error"},
        {"l2": 0.1},
        {"epochs": LESSON.epochs + 1},
        {"batch_size": 2},
        {"x": LESSON.x[:3], "y": LESSON.y[:3]},
        {"network": Network(inputs=2, units=(2, 1), activations=("relu", "linear"))},
        {"optimizer": Optimizer(learning_rate=2 * RATE)},
        {"optimizer": Optimizer(**ADAM)},
        {"optimizer": Optimizer(learning_rate=RATE, schedule=DECAYING)},
        {"optimizer": Optimizer(learning_rate=RATE, settings={"weight_decay": 0.1})},
    ],
)
def test_what_a_program_is_made_of_makes_another_form(changes: dict[str, Any]) -> None:
    assert form_of(LESSON) != form_of(LESSON.changed(**changes))


def test_settings_of_an_optimizer_tell_forms_apart() -> None:
    one, other, same = (
        form_of(LESSON.changed(optimizer=Optimizer(**ADAM, settings={"beta_1": beta}))) for beta in (0.9, 0.8, 0.9)
    )
    assert one != other
    assert {one: "found"}[same] == "found"


def test_a_short_batch_is_part_of_it() -> None:
    assert form_of(LESSON.changed(batch_size=3)).short_batch == len(LESSON.x) % 3 == 1
    assert form_of(LESSON.changed(batch_size=10 * len(LESSON.x))).batch_size == len(LESSON.x)


def test_form_takes_no_room_for_the_data() -> None:
    assert not any(isinstance(value, np.ndarray) for value in vars(form_of(LESSON)).values())
