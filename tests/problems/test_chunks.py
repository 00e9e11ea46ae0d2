"""Chunks hold every step once, in order, all of one length."""

from __future__ import annotations

import numpy as np
import pytest

from problems import chunks as module
from problems.chunks import chunk_length, chunks, short_batch
from problems.order import stacked_batches

BYTES = 2 * 9 * 8  # of a step of the 2-2-1 problem


@pytest.mark.parametrize(
    ("most", "lengths"),
    [(1, [1] * 6), (2, [2, 2, 2]), (4, [3, 3]), (5, [3, 3]), (6, [6]), (7, [6])],
)
def test_as_few_chunks_as_fit_all_of_one_length(problem, monkeypatch, most, lengths):
    monkeypatch.setattr(module, "LARGEST", most * BYTES + 1)
    assert [steps for _, steps in chunks(problem(batch_size=2))] == lengths


def test_a_step_larger_than_a_chunk_is_a_chunk(problem, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1)
    assert chunk_length(problem()) == 1


def test_single_precision_takes_half_the_room(problem, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 2 * BYTES)
    assert (chunk_length(problem(epochs=9)), chunk_length(problem(epochs=9, dtype="float32"))) == (2, 4)


@pytest.mark.parametrize("order", ["sequential", "shuffled", "random"])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
@pytest.mark.parametrize("most", [1, 4, 5, 1000])
def test_rows_are_those_of_single_steps(problem, monkeypatch, order, batch_size, most):
    monkeypatch.setattr(module, "LARGEST", most * BYTES)
    one = problem(order=order, batch_size=batch_size, epochs=3, seed=4)
    rows = np.concatenate([rows[:steps] for rows, steps in chunks(one)])
    np.testing.assert_array_equal(rows, stacked_batches(one))


def test_the_last_chunk_is_filled_up_with_its_last_rows(problem, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 3 * BYTES)
    *_, (rows, steps) = chunks(problem(epochs=1, batch_size=1, order="shuffled"))
    assert (rows.shape, steps) == ((3, 1), 2)
    np.testing.assert_array_equal(rows[2], rows[1])


@pytest.mark.parametrize(("batch_size", "short"), [(1, 0), (2, 1), (3, 2), (4, 1), (5, 0), (9, 0)])
def test_length_of_the_short_batch(problem, batch_size, short):
    assert short_batch(problem(batch_size=batch_size)) == short
