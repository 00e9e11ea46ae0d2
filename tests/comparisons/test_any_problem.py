"""Every activation, loss and optimizer, with and without a penalty and batches: no command that takes one fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comparisons.api import check
from comparisons.blind_spots import blind_spots
from comparisons.compare import compare, judged_trace
from comparisons.explanation import explained
from comparisons.explanation_text import explanation_text
from comparisons.formulas import latex_formulas
from comparisons.mutants import catalogue
from comparisons.planted import candidate_with
from comparisons.report.folder import write_report
from comparisons.sensitivity import sensitivity
from comparisons.sensitivity_report import as_json, matrix_text
from comparisons.verdict import Verdict
from problems.initializers import starting_parameters
from problems.network import ACTIVATIONS
from problems.optimizer import OPTIMIZERS
from problems.problem import LOSSES, Network, Optimizer, Problem
from tests.every_day import sampled

LAST = {
    "binary_cross_entropy": "sigmoid",
    "categorical_cross_entropy": "softmax",
    "sparse_categorical_cross_entropy": "softmax",
}
ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]


def targets(loss, rows, width, rng):
    if loss.startswith("sparse"):
        return rng.integers(0, width, (rows, 1)).astype(float)
    if "categorical" in loss:
        return np.eye(width)[rng.integers(0, width, rows)]
    if loss.startswith("binary"):
        return rng.integers(0, 2, (rows, width)).astype(float)
    return rng.choice([-1.0, 1.0], (rows, width)) if loss == "hinge" else rng.uniform(-2, 2, (rows, width))


def small(activations, units, loss="mean_squared_error", *, l2=0.0, batch=3, optimizer=None):
    """Six rows of two inputs, two epochs."""
    rng = np.random.default_rng(3)
    network = Network(inputs=2, units=units, activations=activations)
    return Problem(
        name="any",
        x=rng.uniform(-2, 2, (6, 2)),
        y=targets(loss, 6, units[-1], rng),
        network=network,
        loss=loss,
        l2=l2,
        initial=starting_parameters(network, "random:2"),
        optimizer=optimizer or Optimizer(learning_rate=0.05),
        epochs=2,
        batch_size=batch,
    )


def by_optimizer(name, **settings):
    return small(("tanh", "linear"), (2, 2), optimizer=Optimizer(name=name, learning_rate=0.05, settings=settings))


HIDDEN = {f"hidden-{name}": small((name, "linear"), (3, 1)) for name in ELEMENTWISE}
OUTPUT = {f"output-{name}": small(("tanh", name), (2, 2), batch=1) for name in ACTIVATIONS}
OF_LOSS = {
    f"{loss}-{l2}": small(("tanh", LAST.get(loss, "linear")), (2, 3), loss, l2=l2, batch=batch)
    for loss in LOSSES
    for l2, batch in ((0.0, 1), (0.1, 4))
}
SINGLE = {
    f"single-{loss}": small(("tanh", LAST.get(loss, "linear")), (2, 1), loss, batch=1)
    for loss in LOSSES
    if "categorical" not in loss
}
DEEP = {"one-layer": small(("gelu",), (2,)), "deep": small(("elu", "silu", "softplus"), (2, 2, 2), "huber", l2=0.5)}
PLAIN = HIDDEN | OUTPUT | OF_LOSS | SINGLE | DEEP
REMEMBERING = {name: by_optimizer(name) for name in OPTIMIZERS if name != "sgd"} | {
    "sgd-clipped": by_optimizer("sgd", clip_norm=0.1),
    "adamw-clipped": by_optimizer("adamw", clip_value=0.1),
}
EVERY = PLAIN | REMEMBERING


def subject(name):
    """The activation, loss or optimizer that a problem is there for: one problem of each is looked at every day."""
    for beginning in ("hidden-", "output-", "single-"):
        name = name.removeprefix(beginning)
    return name.removesuffix("-0.0").removesuffix("-0.1")


def one_of_each_subject(problems):
    return pytest.mark.parametrize("name", sampled({name: (name,) for name in problems}, lambda case: subject(*case)))


@pytest.fixture
def problem(name):
    return EVERY[name]


every, plain = one_of_each_subject(EVERY), one_of_each_subject(PLAIN)
one_of_each = pytest.mark.parametrize(
    "problem",
    [
        pytest.param(one, id=name)
        for name, one in (OUTPUT | DEEP | REMEMBERING).items()
        if name not in ("momentum", "adagrad", "adam", "adamax")
    ],
)


@every
def test_training_by_hand_agrees(problem):
    (comparison,) = compare([problem], ["manual-matrix"])
    assert [result.verdict for result in comparison.results] == [Verdict.AGREES]


@one_of_each
def test_a_wrong_gradient_is_reported(problem, tmp_path):
    (comparison,) = compare([problem], ["manual-matrix"])
    (result,) = comparison.results
    gradients = {name: 7 * values for name, values in result.trace.gradients.items()}
    wrong = judged_trace(replace(result.trace, gradients=gradients), version=None)
    assert {one.mistakes for one in wrong.diagnoses if one.of == "gradient"} == {("factor",)}
    write_report(tmp_path, [replace(comparison, results=(result, wrong))], [{}], "")
    assert "times 7" in (tmp_path / "report.html").read_text(encoding="utf-8")


@every
def test_blind_spots_are_told(problem):
    assert blind_spots(problem).looked_at > 50


@one_of_each
def test_sensitivity_is_reported(problem):
    found = sensitivity(problem, steps=3)
    assert not found.blind
    assert matrix_text(found, None)
    assert as_json(found)


@every
def test_a_step_is_explained(problem):
    assert explanation_text(explained(problem, 2, ["manual-matrix"]))


@every
def test_formulas_are_written(problem):
    assert latex_formulas(problem).startswith((r"\begin{align*}", "%"))


@plain
def test_a_right_step_agrees(problem):
    assert check(candidate_with(problem, [], gradients=True), problem, states=12).verdict is Verdict.AGREES


@plain
def test_every_mutant_gives_numbers(problem):
    assert len(list(catalogue(problem))) > 50
