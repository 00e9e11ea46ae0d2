"""Standardized inputs: each column has mean 0 and standard deviation 1, by the formula that is told."""

from __future__ import annotations

import numpy as np
import pytest

from problems.preparation import standardized

EPSILON = np.finfo(float).eps


def table(rows=200):
    return np.random.default_rng(2).normal(size=(rows, 3)) * [1, 1e-3, 1e6] + [0, 5, -1e6]


def test_formula_with_ddof_0():
    x = table()
    expected = (x - x.mean(axis=0)) / x.std(axis=0)
    assert np.allclose(standardized(x), expected, rtol=0, atol=1e-11)
    assert not np.allclose(standardized(x), (x - x.mean(axis=0)) / x.std(axis=0, ddof=1), rtol=0, atol=1e-5)


def test_columns_have_mean_0_and_deviation_1():
    x = standardized(table())
    assert np.abs(x.mean(axis=0)).max() < 1e-12
    assert np.abs(x.std(axis=0) - 1).max() < 8 * EPSILON


def test_column_of_equal_numbers_becomes_0():
    assert standardized(np.array([[0.1, 1], [0.1, 3], [0.1, 5]]))[:, 0].tolist() == [0, 0, 0]


def test_one_row_becomes_0():
    assert standardized(np.array([[3.0, 4.0]])).tolist() == [[0, 0]]


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e200, 8e307])
def test_numbers_of_any_size(size):
    assert standardized(size * np.array([[0.0], [2.0]])).tolist() == [[-1], [1]]


def test_neighbouring_numbers_are_told_apart():
    x = standardized(np.array([[1.0], [1.0], [np.nextafter(1, 2)]]))
    assert np.isfinite(x).all()
    assert x[2, 0] > x[0, 0]


def test_rows_in_another_order_give_the_same_numbers():
    x, order = table(), np.random.default_rng(0).permutation(200)
    assert np.array_equal(standardized(x[order]), standardized(x)[order])
