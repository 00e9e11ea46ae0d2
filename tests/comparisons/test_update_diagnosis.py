"""Every wrong update is noticed by the audit and named, whatever the optimizer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.update_diagnosis import diagnosed_updates
from comparisons.verdict import Verdict
from comparisons.wrong_training import wrongly_trained
from comparisons.wrong_updates import WrongUpdate, wrong_updates
from manual.train import train
from problems.catalogue import named_problem
from problems.optimizer import FORMS, OPTIMIZERS
from problems.problem import Optimizer, Problem
from problems.schedule import Schedule
from problems.trace import Trace

STEPS = 20
# A setting that makes each formula's numbers tell: epsilon as large as the gradients, betas that a few steps show.
TELLING = {
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.8},
    "adagrad": {"epsilon": 1e-3, "initial_accumulator": 0.1},
    "rmsprop": {"epsilon": 1e-3, "rho": 0.8},
    **{name: {"epsilon": 1e-3, "beta_1": 0.8, "beta_2": 0.95} for name in ("adam", "adamw", "adamax", "nadam")},
}
SCHEDULED = Schedule(name="exponential", every=5, decay=0.7)


def optimizers() -> Iterator[tuple[str, Optimizer]]:
    """Every optimizer in every form, with decay, clipping and a schedule in some."""
    for name in OPTIMIZERS:
        ((setting, forms),) = FORMS.get(name, {"": ("",)}).items()
        for number, form in enumerate(forms):
            settings = {**TELLING.get(name, {}), **({setting: form} if setting else {})}
            schedule = Schedule() if number == 0 and setting != "velocity" else SCHEDULED
            yield f"{name}-{form}".strip("-"), made(name, settings, schedule)
    yield "sgd-decayed", made("sgd", {"weight_decay": 0.1}, Schedule())
    yield "adam-decayed", made("adam", {**TELLING["adam"], "weight_decay": 0.1}, Schedule())
    yield "sgd-clipped", made("sgd", {"clip_norm": 0.05}, Schedule())
    yield "sgd-clipped-each", made("sgd", {"clip_norm_each": 0.05}, Schedule())
    yield "adam-clipped-values", made("adam", {**TELLING["adam"], "clip_value": 0.05}, Schedule())


def made(name: str, settings: dict[str, object], schedule: Schedule) -> Optimizer:
    return Optimizer(name=name, learning_rate=0.05, settings=settings, schedule=schedule)


def started(optimizer: Optimizer, dtype: str = "float64") -> Problem:
    """The classification from a random start."""
    base = named_problem("classification")
    rng = np.random.default_rng(7)
    initial = {name: rng.normal(size=values.shape) for name, values in base.initial.items()}
    return base.changed(optimizer=optimizer, initial=initial, dtype=dtype, epochs=STEPS // 4, start="drawn")


EVERY = dict(optimizers())
WRONG = [
    pytest.param(optimizer, wrong, id=f"{name}: {wrong.text}")
    for name, optimizer in EVERY.items()
    for wrong in wrong_updates(optimizer)
]


def recorded(problem: Problem, wrong: WrongUpdate | None = None) -> Trace:
    """The trace of the right training, or of the wrong one."""
    steps = wrongly_trained(problem, wrong) if wrong else train(problem)
    return Trace.record(problem, steps, implementation="planted")


@pytest.mark.parametrize("optimizer", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_right_update_has_no_diagnosis(optimizer: Optimizer, dtype: str) -> None:
    trace = recorded(started(optimizer, dtype))
    assert audit(trace).verdict is Verdict.AGREES
    assert diagnosed_updates(trace) == []


@pytest.mark.parametrize(("optimizer", "wrong"), WRONG)
def test_every_wrong_update_is_noticed_and_named(optimizer: Optimizer, wrong: WrongUpdate) -> None:
    trace = recorded(started(optimizer), wrong)
    found = audit(trace)
    assert found.verdict is Verdict.DISAGREES
    assert {one.quantity.split(".")[0] for one in found.deviations} == {"parameter"}
    diagnoses = diagnosed_updates(trace)
    assert diagnoses
    for one in diagnoses:
        assert wrong.mistake in (*one.mistakes, *(name for names in one.alternatives for name in names)), one
        assert wrong.text in one.explanation


def test_what_nothing_explains_is_unknown() -> None:
    trace = recorded(started(EVERY["adam-corrected"]))
    moved = {
        name: values + 1e-3 * np.arange(1, len(values) + 1)[:, None, None] for name, values in trace.parameters.items()
    }
    shifted = Trace(**{**vars(trace), "parameters": moved})
    assert {one.mistakes for one in diagnosed_updates(shifted)} == {("unknown",)}
