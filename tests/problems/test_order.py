"""The rows of every step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from problems import batches
from problems.order import row_order, stacked_batches

ORDERS = ("sequential", "shuffled", "random")


def listed(problem):
    return [rows.tolist() for rows in batches(problem)]


def test_sequential_rows_come_in_order_in_every_epoch(problem):
    assert listed(problem(epochs=2)) == [[row] for row in (0, 1, 2, 3, 4)] * 2


def test_last_batch_of_an_epoch_is_short(problem):
    assert listed(problem(epochs=2, batch_size=2)) == [[0, 1], [2, 3], [4]] * 2


@pytest.mark.parametrize("batch_size", [5, 6, 2**31 - 1])
def test_batch_larger_than_the_data_is_all_of_it(problem, batch_size):
    assert listed(problem(epochs=1, batch_size=batch_size)) == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 7])
def test_number_of_batches_is_the_number_of_steps(problem, order, batch_size):
    made = problem(order=order, batch_size=batch_size, epochs=3)
    assert len(listed(made)) == made.steps


def test_every_shuffled_epoch_is_a_permutation(problem):
    orders = row_order(problem(order="shuffled", epochs=50))
    assert (np.sort(orders) == np.arange(5)).all()


def test_shuffled_epochs_differ(problem):
    assert len(np.unique(row_order(problem(order="shuffled", epochs=50)), axis=0)) > 20


def test_random_rows_are_drawn_with_replacement(problem):
    orders = row_order(problem(order="random", epochs=200))
    assert any(len(set(epoch)) < 5 for epoch in orders.tolist())
    assert set(orders.flat) == set(range(5))


@pytest.mark.parametrize("order", ORDERS)
def test_same_seed_gives_the_same_rows(problem, order):
    assert listed(problem(order=order, seed=7)) == listed(problem(order=order, seed=7))


@pytest.mark.parametrize("order", ["shuffled", "random"])
def test_another_seed_gives_other_rows(problem, order):
    one, other = (row_order(problem(order=order, seed=seed, epochs=20)) for seed in (7, 8))
    assert (one != other).any()


@pytest.mark.parametrize("order", ORDERS)
def test_rows_do_not_depend_on_the_number_of_epochs(problem, order):
    few, many = (row_order(problem(order=order, epochs=epochs)) for epochs in (3, 9))
    assert (many[:3] == few).all()


@pytest.mark.parametrize("order", ORDERS)
def test_batch_size_does_not_change_which_rows_follow(problem, order):
    single, pairs = (listed(problem(order=order, batch_size=size)) for size in (1, 2))
    assert list(itertools.chain(*single)) == list(itertools.chain(*pairs))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 9])
def test_stacked_batches_are_the_batches_filled_up(problem, order, batch_size):
    made = problem(order=order, batch_size=batch_size)
    stacked = stacked_batches(made)
    assert stacked.shape == (made.steps, min(batch_size, 5))
    assert [[row for row in rows if row >= 0] for rows in stacked.tolist()] == listed(made)


@pytest.mark.parametrize("order", ORDERS)
def test_first_rows_of_an_endless_training_come_at_once(problem, order):
    first = next(batches(problem(order=order, epochs=2**31 - 1, batch_size=3)))
    assert first.shape == (3,)
