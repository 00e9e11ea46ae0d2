"""What a user asked for, made sure of."""

from __future__ import annotations

import re

import numpy as np
import pytest

from comparisons.commands import options
from comparisons.requests import changed, recordable, rerun_command
from problems import files, optimizer
from problems.catalogue import named_problem
from problems.initializers import CHOICES, starting_parameters
from problems.optimizer import Optimizer
from problems.problem import ProblemError
from problems.schedule import Schedule

REGRESSION = named_problem("regression")
SCHEDULE = Schedule(name="step", every=3, decay=0.5)
CLIPPED = Optimizer(learning_rate=0.5, settings={"clip_norm": 1.0}, schedule=SCHEDULE)


def test_help_names_what_there_is():
    assert (options.STARTS, options.OPTIMIZERS, options.ALL) == (CHOICES, ", ".join(optimizer.OPTIMIZERS), files.ALL)


def test_another_optimizer_has_its_defaults_and_keeps_rate_and_schedule():
    problem = changed(REGRESSION.changed(optimizer=CLIPPED), {"optimizer": "adam"})
    assert problem.optimizer == Optimizer(name="adam", learning_rate=0.5, schedule=SCHEDULE)


def test_another_rate_keeps_everything_else_of_the_optimizer():
    problem = changed(REGRESSION.changed(optimizer=CLIPPED), {"learning_rate": 2.0})
    assert problem.optimizer == Optimizer(learning_rate=2.0, settings={"clip_norm": 1.0}, schedule=SCHEDULE)


def test_optimizer_and_rate_together():
    problem = changed(REGRESSION, {"optimizer": "nadam", "learning_rate": 2.0})
    assert problem.optimizer == Optimizer(name="nadam", learning_rate=2.0)


def test_another_loss():
    assert changed(REGRESSION, {"loss": "huber"}).loss == "huber"


@pytest.mark.parametrize(("size", "held"), [("all", 4), (3, 3), (None, 1)])
def test_batch_size_is_a_number_or_all_rows(size, held):
    assert changed(REGRESSION, {"batch_size": size}).batch_size == held


def test_start_with_a_scale():
    problem = changed(REGRESSION, {"initial": "normal:3:0.5"})
    expected = starting_parameters(REGRESSION.network, "normal:3:0.5")
    assert problem.start == "normal:3:0.5"
    assert all(np.array_equal(problem.initial[name], values) for name, values in expected.items())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"optimizer": "admm"}, "--optimizer: 'admm' is not known, did you mean 'adam'?"),
        ({"loss": "hubber"}, "--loss: 'hubber' is not known, did you mean 'huber'?"),
        ({"loss": "binary_cross_entropy"}, "--loss: binary_cross_entropy needs a probability"),
        ({"loss": "hinge"}, "data.y: data row 1, column 'lpa' is 4.0; hinge needs labels -1 or 1"),
    ],
)
def test_change_that_does_not_fit_is_refused(changes, why):
    with pytest.raises(ProblemError, match=f"^{re.escape(why)}"):
        changed(REGRESSION, changes)


def test_rerun_command_repeats_every_change():
    changes = {"optimizer": "adam", "loss": "huber", "batch_size": "all", "initial": "normal:3:0.5", "epochs": None}
    assert rerun_command("regression", changes, ["torch", "jax"]) == (
        "backproof compare regression --against torch,jax --optimizer adam --loss huber --batch-size all "
        "--initial normal:3:0.5"
    )


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["manual-matrix"], ""),
        (["torch"], " --device cuda"),
        (["jax"], " --fast --device cuda"),
        (["manual-matrix", "torch", "jax"], " --fast --device cuda"),
    ],
)
def test_rerun_command_has_no_option_that_nobody_heeds(names, options):
    command = rerun_command("regression", {"fast": True, "device": "cuda", "epochs": 3}, names)
    assert command == f"backproof compare regression --against {','.join(names)}{options} --epochs 3"


def test_a_long_training_that_fits_is_taken():
    problem = named_problem("regression").changed(epochs=50_000)
    assert recordable(problem) is problem


@pytest.mark.parametrize("epochs", [1_000_000, 2**31 - 1])
def test_a_training_whose_trace_would_fill_the_memory_is_refused_in_one_line(epochs):
    with pytest.raises(ProblemError, match=r"steps, whose trace needs about [\d]+ GiB") as refused:
        recordable(named_problem("regression").changed(epochs=epochs))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "float8"}, "--dtype: 'float8' is not known"),
        ({"initial": "foo"}, "--initial: 'foo' is not known"),
        ({"batch_size": 0}, "--batch-size: 0 is not a whole number"),
        ({"learning_rate": 0.0}, "--learning-rate: 0.0 must be"),
    ],
)
def test_a_refusal_names_the_option(changes, message):
    with pytest.raises(ProblemError, match=f"^{message}"):
        changed(named_problem("classification"), changes)
