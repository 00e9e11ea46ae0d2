"""What is left of a training goes on where it was left, or is none."""

from __future__ import annotations

import numpy as np
import pytest

from problems import Optimizer, batches
from problems.order import stacked_batches
from problems.training_parts import beginning, continued, full_batch_before

ORDERS = ("sequential", "shuffled", "random")
PLAIN = Optimizer(learning_rate=0.1)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 9])
def test_rows_that_come_next_are_those_of_the_whole_training(problem, order, batch_size):
    whole = problem(order=order, batch_size=batch_size, epochs=3)
    rows = [rows.tolist() for rows in batches(whole)]
    for taken in range(whole.steps + 1):
        rest = continued(whole, whole.initial, taken)
        assert [rows.tolist() for rows in batches(rest)] == rows[taken:]
        assert stacked_batches(rest).tolist() == stacked_batches(whole)[taken:].tolist()
        assert (rest.begin, rest.steps) == (taken, whole.steps - taken)


def test_it_starts_at_the_given_parameters(problem):
    whole = problem()
    given = {name: values + 1 for name, values in whole.initial.items()}
    rest = continued(whole, given, 3)
    assert all((rest.initial[name] == values).all() for name, values in given.items())
    assert (rest.name, rest.dtype, whole.begin) == (whole.name, whole.dtype, 0)


@pytest.mark.parametrize(
    "optimizer",
    [
        Optimizer(name="momentum", learning_rate=0.1),
        Optimizer(name="adam", learning_rate=0.1),
        Optimizer(learning_rate=0.1, settings={"clip_norm": 1.0}),
    ],
    ids=["momentum", "adam", "clipped"],
)
def test_an_optimizer_that_needs_more_than_parameters_does_not_go_on(problem, optimizer):
    whole = problem(optimizer=optimizer)
    assert continued(whole, whole.initial, 3) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_training_that_diverged_does_not_go_on(problem, value):
    whole = problem()
    assert continued(whole, {**whole.initial, "b2": np.array([[value]])}, 3) is None


def test_parameters_finer_than_the_dtype_do_not_go_on(problem):
    whole = problem(dtype="float32")
    finer = {name: values.astype(np.float64) + 1e-12 for name, values in whole.initial.items()}
    assert continued(whole, finer, 3) is None
    assert continued(problem(dtype="bfloat16"), {**whole.initial, "b2": np.array([[0.1]], np.float32)}, 3) is None


def test_parameters_of_another_network_do_not_go_on(problem):
    whole = problem()
    assert continued(whole, {"W1": whole.initial["W1"]}, 3) is None
    assert continued(whole, {**whole.initial, "W1": np.zeros((3, 2))}, 3) is None


def test_the_beginning_has_the_first_steps_and_all_else(problem):
    whole = problem(order="shuffled", batch_size=2, optimizer=Optimizer(name="adam", learning_rate=0.1))
    first = beginning(whole, 4)
    assert (first.steps, first.begin, first.epochs) == (4, 0, whole.epochs)
    assert stacked_batches(first).tolist() == stacked_batches(whole)[:4].tolist()


@pytest.mark.parametrize(
    ("batch_size", "expected"), [(1, range(7)), (2, [0, 1, 1, 3, 4, 4, 6]), (5, range(7)), (9, range(7))]
)
def test_a_training_goes_on_with_a_full_batch(problem, batch_size, expected):
    """Five rows: of batches of two each third is short; one of all rows is never."""
    whole = problem(batch_size=batch_size, epochs=9)
    assert [full_batch_before(whole, steps) for steps in range(7)] == list(expected)
