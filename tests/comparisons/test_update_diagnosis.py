"""Every wrong update is noticed by the audit and named, whatever the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from comparisons.audit import audit
from comparisons.update_diagnosis import diagnosed_updates
from comparisons.verdict import Verdict
from comparisons.wrong_training import wrongly_trained
from comparisons.wrong_update import WrongUpdate
from comparisons.wrong_updates import wrong_updates
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
    yield "adamw-all", made("adamw", {**TELLING["adamw"], "weight_decay": 0.1, "clip_norm": 0.5}, SCHEDULED)
    yield "sgd-clipped", made("sgd", {"clip_norm": 0.5}, Schedule())  # above some norms
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


def test_what_explains_every_element_is_told_before_what_explains_some() -> None:
    """Few elements of a gradient are above the limit: of the others it is as if nothing were clipped."""
    optimizer = made("sgd", {"clip_norm": 0.03}, Schedule())
    by_element = next(one for one in wrong_updates(optimizer) if "every element" in one.text)
    found = diagnosed_updates(recorded(started(optimizer), by_element))
    assert {one.explanation for one in found} == {f"matches the formula {by_element.text}"}


def adam_step(theta, g, m, v, t, *, beta_2=0.95, epsilon=1e-3, inside=False, at=None):
    """One step of Adam as it is written by hand, rate 0.05 and beta_1 0.8: the new theta, m and v."""
    m, v, t = 0.8 * m + 0.2 * g, beta_2 * v + (1 - beta_2) * g**2, at or t
    m_hat, v_hat = m / (1 - 0.8**t), v / (1 - beta_2**t)
    root = np.sqrt(v_hat + epsilon) if inside else np.sqrt(v_hat) + epsilon
    return theta - 0.05 * m_hat / root, m, v


BY_HAND = {
    "as it is": ({}, None),
    "epsilon in the root": ({"inside": True}, "with epsilon inside the root, √(v + ε), where it stands beside it"),
    "epsilon of Keras": ({"epsilon": 1e-7}, "with epsilon 1e-07 where 0.001 belongs"),
    "another beta": ({"beta_2": 0.99}, "with beta_2 0.99 where 0.95 belongs"),
    "t stays 1": ({"at": 1}, "with the bias corrections of the first step in every step, 1 for t"),
}


@pytest.mark.parametrize(("mistake", "text"), BY_HAND.values(), ids=BY_HAND)
def test_what_is_written_by_hand_is_named_too(mistake: dict[str, object], text: str | None) -> None:
    """Not by the formulas that the catalogue predicts it with."""
    problem = started(EVERY["adam-corrected"])
    right = recorded(problem)
    parameters: dict[str, list[np.ndarray]] = {name: [] for name in problem.initial}
    for name, theta in problem.initial.items():
        m = v = np.zeros_like(theta)
        for t, g in enumerate(right.gradients[name], 1):
            theta, m, v = adam_step(theta, g, m, v, t, **mistake)
            parameters[name].append(theta)
    trace = Trace(**{**vars(right), "parameters": {name: np.stack(each) for name, each in parameters.items()}})
    assert {one.explanation for one in diagnosed_updates(trace)} == ({f"matches the formula {text}"} if text else set())


def test_what_nothing_explains_is_unknown() -> None:
    trace = recorded(started(EVERY["adam-corrected"]))
    moved = {
        name: values + 1e-3 * np.arange(1, len(values) + 1)[:, None, None] for name, values in trace.parameters.items()
    }
    shifted = Trace(**{**vars(trace), "parameters": moved})
    assert {one.mistakes for one in diagnosed_updates(shifted)} == {("unknown",)}


# What PyTorch's own optimizers make of the gradients when they are asked for another formula than the problem's, or
# are handled otherwise: the problem's optimizer, the class and its arguments, what is of each epoch, and the text.
IN_TORCH = {
    "AMSGrad": (
        EVERY["adam-corrected"],
        ("Adam", {"betas": (0.8, 0.95), "eps": 1e-3, "amsgrad": True}),
        "",
        "of AMSGrad, with the largest v so far (Reddi, Kale & Kumar, 2018)",
    ),
    "dampening": (
        made("momentum", TELLING["momentum"], Schedule()),
        ("SGD", {"momentum": 0.8, "dampening": 0.8}),
        "",
        "with the gradient multiplied by 1 - momentum before it goes into v, from the second step on, as "
        "torch.optim.SGD has it with a dampening of the momentum",
    ),
    "optimizer of each epoch": (
        EVERY["adam-corrected"],
        ("Adam", {"betas": (0.8, 0.95), "eps": 1e-3}),
        "optimizer",
        "with nothing remembered from one epoch to the next, as of an optimizer made anew for each",
    ),
    "schedule of epochs": (
        made("momentum", TELLING["momentum"], SCHEDULED),
        ("SGD", {"momentum": 0.8}),
        "learning rate",
        "with the learning rate of the epoch's number, where the schedule counts steps",
    ),
}


@pytest.mark.parametrize(("asked", "made_by", "of_epochs", "text"), IN_TORCH.values(), ids=IN_TORCH)
def test_what_a_library_makes_of_it_is_named(
    asked: Optimizer,
    made_by: tuple[str, dict[str, Any]],
    of_epochs: str,
    text: str,
    require_or_skip: Callable[[str], None],
) -> None:
    require_or_skip("torch")
    import torch

    problem = started(asked)
    right, (name, settings) = recorded(problem), made_by
    theta = {key: torch.tensor(values, requires_grad=True) for key, values in problem.initial.items()}
    optimizer = None
    after: dict[str, list[np.ndarray]] = {key: [] for key in theta}
    for t in range(right.steps):
        if optimizer is None or (of_epochs == "optimizer" and t % problem.steps_per_epoch == 0):
            optimizer = getattr(torch.optim, name)(theta.values(), lr=0.05, **settings)
        if of_epochs == "learning rate":
            optimizer.param_groups[0]["lr"] = problem.optimizer.learning_rate_at(t // problem.steps_per_epoch + 1)
        for key, tensor in theta.items():
            tensor.grad = torch.tensor(right.gradients[key][t])
        optimizer.step()
        for key, tensor in theta.items():
            after[key].append(tensor.detach().numpy().copy())
    trace = Trace(**{**vars(right), "parameters": {key: np.stack(each) for key, each in after.items()}})
    assert {one.explanation for one in diagnosed_updates(trace)} == {f"matches the formula {text}"}
