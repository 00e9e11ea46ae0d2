"""Large matrix products: their one product encloses what the four enclose, next to no wider, and never less."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from comparisons.arithmetic import dots, stored_numbers
from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.dots import Dot
from comparisons.arithmetic.leaves import leaves
from comparisons.arithmetic.precision import BFLOAT16, FLOAT32, FLOAT64
from comparisons.arithmetic.stored_numbers import Stored
from comparisons.arithmetic.unions import beside, plane
from comparisons.arithmetic.upper import Upper

PRECISIONS = pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda one: one.name)
ROWS, TERMS, COLUMNS = 6, 40, 5
EXACT = {"both": (True, True), "left": (True, False), "right": (False, True), "neither": (False, False)}
exactness = pytest.mark.parametrize("exact", EXACT.values(), ids=EXACT)


def table(rng, precision, shape, exact, stored=False):
    """Numbers of the format, some of them 0, as they are or with errors of some units."""
    values = (rng.normal(size=shape) * (rng.random(shape) > 0.1)).astype(precision.name)
    if exact:
        return leaves(values, precision, precision) if stored else Bounded.exact(values, precision)
    wide = values.astype(float)
    return Bounded(wide, np.abs(wide) * precision.unit * rng.choice([0.0, 3.0, 1e3], shape), precision)


@pytest.fixture
def large(monkeypatch):
    """A function that has every product count as large, or none."""

    def counts(whether):
        monkeypatch.setattr(dots, "LARGE", 0 if whether else 2**60)
        monkeypatch.setattr(stored_numbers, "LARGE", 0 if whether else 2**60)

    return counts


def both_forms(large, formula):
    """What a formula gives by large products and by small ones."""
    found = []
    for whether in (True, False):
        large(whether)
        found.append(formula())
    return found


def next_to_equal(new, old):
    assert (new.value == old.value).all()
    assert (new.error >= old.error * (1 - 1e-12)).all()
    assert (new.error <= old.error * (1 + 1e-4) + 4 * TERMS * new.precision.smallest_normal).all()
    assert ((new.error == 0) == (old.error == 0)).all()


@PRECISIONS
@exactness
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "alone"])
@pytest.mark.parametrize("terms", [1, 2, TERMS])
def test_a_large_product_is_hardly_wider_than_a_small_one(terms, exact, bias, precision, large):
    def layer():
        rng = np.random.default_rng(1)
        x = table(rng, precision, (2, ROWS, terms), exact[0], stored=True)
        W = table(rng, precision, (2, terms, COLUMNS), exact[1], stored=True)
        return x @ W + table(rng, precision, (2, 1, COLUMNS), False) if bias else x @ W

    new, old = both_forms(large, layer)
    assert isinstance(new, Dot)
    assert not isinstance(old, Dot)
    next_to_equal(new, old)


@PRECISIONS
@pytest.mark.parametrize("name", ["_inherited", "_magnitude"])
def test_a_large_product_knows_its_terms_like_a_small_one(name, precision, large):
    def product():
        rng = np.random.default_rng(2)
        return table(rng, precision, (ROWS, TERMS), False) @ table(rng, precision, (TERMS, COLUMNS), False)

    new, old = (getattr(one, name) for one in both_forms(large, product))
    assert (new >= old * (1 - 1e-12)).all()
    assert (new <= old * (1 + 1e-4)).all()


@PRECISIONS
def test_errors_side_by_side_are_those_of_either_alone(precision, large):
    large(True)
    rng = np.random.default_rng(3)
    a = table(rng, precision, (1, TERMS, ROWS), False)
    first = table(rng, precision, (1, TERMS, COLUMNS), False)
    second = Bounded(first.value, 7 * first.error + precision.unit, precision)
    together = a.mT @ beside(first, second)
    for number, one in enumerate((first, second)):
        alone = a.mT @ one
        assert plane(together, number).error == pytest.approx(alone.error, rel=1e-5, abs=0)
        assert together.rows(slice(2, 4), number).error == pytest.approx(alone.error[:, 2:4], rel=1e-5, abs=0)
        assert (together.rows(slice(2, 4), number).value == alone.value[:, 2:4]).all()


def exactly(values):
    return np.vectorize(Fraction, otypes=[object])(values)


@pytest.mark.parametrize("wide", [False, True], ids=["float32", "float64"])
@pytest.mark.parametrize("terms", [1, 3, 300])
def test_the_upper_product_is_never_too_small(terms, wide):
    rng = np.random.default_rng(terms)
    spread = 90 if wide else 10
    a, b = (rng.random(shape) * 2.0 ** rng.integers(-spread, 2, shape) for shape in ((4, terms), (terms, 3)))
    a[1], b[0, 2] = 0.0, 0.0
    left, right = Upper.of(a), Upper.of(b)
    assert (left.numbers.dtype == np.float64) == (wide and terms > 1)
    found, some = left.times(right)
    due = exactly(a) @ exactly(b)
    assert (exactly(found) >= due).all()
    assert (exactly(found) <= due * Fraction(1.001)).all()
    assert (np.broadcast_to(some, due.shape) == (due > 0)).all()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1e-300, 1e300])
def test_numbers_that_float32_has_no_room_for_are_multiplied_in_float64(value):
    assert Upper.of(np.full((2, 2), value)).numbers.dtype == np.float64


@PRECISIONS
@exactness
@pytest.mark.parametrize("spread", [0, 12])
def test_a_large_layer_encloses_sums_in_any_order(exact, spread, precision, large):
    """Against the exact product of what is held, and against evaluations in the format."""
    large(True)
    rng = np.random.default_rng(4)
    scale = (10.0 ** rng.integers(-spread, spread + 1, (TERMS, 1))).astype(precision.name)
    x = table(rng, precision, (ROWS, TERMS), exact[0])
    W = table(rng, precision, (TERMS, COLUMNS), exact[1])
    x, W = (Bounded(one.value * size, one.error * size, precision) for one, size in ((x, scale.T), (W, 1.0)))
    b = table(rng, precision, (1, COLUMNS), True)
    z = x @ W + b
    for sign in (-1, 1):
        held_x, held_W = (one.value + sign * np.sign(one.value) * one.error for one in (x, W))
        away = exactly(held_x) @ exactly(held_W) + exactly(b.value) - exactly(z.value)
        assert (abs(away) <= exactly(z.error)).all()
    for _ in range(20):
        order = rng.permutation(TERMS)
        kind = np.dtype(precision.name)
        products = x.value.astype(kind)[:, order, None] * W.value.astype(kind)[None, order]
        candidate = np.cumsum(products, axis=1, dtype=kind)[:, -1] + b.value.astype(kind)
        assert (np.abs(candidate.astype(float) - z.value) <= z.error).all()


def test_a_product_of_zeros_stays_exact(large):
    large(True)
    x = Bounded.exact(np.zeros((ROWS, TERMS)), FLOAT32)
    W = Bounded(np.ones((TERMS, COLUMNS)), np.full((TERMS, COLUMNS), 0.5), FLOAT32)
    assert ((x @ W).error == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_has_no_bound_in_a_large_product(value, large):
    large(True)
    values = np.ones((ROWS, TERMS))
    values[1, 2] = value
    error = (Bounded.exact(values, FLOAT64) @ Bounded.exact(np.ones((TERMS, COLUMNS)), FLOAT64)).error
    assert np.isinf(error[1]).all()
    assert np.isfinite(error[[0, 2, 3]]).all() or np.isinf(error).all()


def test_formats_for_storage_keep_the_small_form(large):
    large(True)
    one = np.ones((4, 4))
    assert not isinstance(Bounded.exact(one, BFLOAT16) @ Bounded.exact(one, BFLOAT16), Dot)


@pytest.mark.parametrize("value", [np.nan, np.inf, FLOAT32.smallest_normal / 2])
def test_only_ordinary_numbers_are_kept_as_stored(value, large):
    large(True)
    numbers = np.ones((3, 3), np.float32)
    assert isinstance(leaves(numbers, FLOAT32, FLOAT32), Stored)
    assert not isinstance(leaves(numbers, FLOAT64, FLOAT32), Stored)  # may have been rounded
    numbers[1, 1] = value
    assert not isinstance(leaves(numbers, FLOAT32, FLOAT32), Stored)


def test_stored_numbers_are_the_exact_ones(large):
    large(True)
    numbers = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)
    held = leaves(numbers, FLOAT32, FLOAT32)
    for one, due in ((held, numbers), (held.mT, numbers.T), (held[1:], numbers[1:])):
        assert (one.value == due.astype(float)).all()
        assert (one.error == 0).all()
        assert (one.shape, one.ndim, one.value.dtype) == (due.shape, 2, np.float64)


@PRECISIONS
def test_an_endless_error_side_by_side_is_endless_in_its_plane_alone(precision, large):
    large(True)
    rng = np.random.default_rng(6)
    a, b = table(rng, precision, (1, ROWS, TERMS), False), table(rng, precision, (1, TERMS, COLUMNS), False)
    endless = Bounded(b.value, np.full(b.shape, np.inf), precision)
    both = a @ beside(endless, endless)
    assert both.error.shape == (2, 1, ROWS, COLUMNS)
    assert np.isinf(both.error).all()
    mixed = a @ beside(b, endless)
    assert plane(mixed, 0).error == pytest.approx((a @ b).error, rel=1e-4)
    assert np.isinf(plane(mixed, 1).error).all()


@PRECISIONS
def test_two_exact_numbers_side_by_side_stay_two(precision, large):
    large(True)
    a, b = (Bounded.exact(np.ones(shape), precision) for shape in ((1, ROWS, TERMS), (1, TERMS, COLUMNS)))
    assert (a @ beside(b, b)).error.shape == (2, 1, ROWS, COLUMNS)
    assert (beside(a, a) @ b).error.shape == (2, 1, ROWS, COLUMNS)


def test_a_product_is_evaluated_once_whatever_is_added_to_it(large, monkeypatch):
    large(True)
    evaluated = []
    monkeypatch.setattr(Dot, "value_of", lambda *_: pytest.fail("some rows, where all are asked for"))
    around = Dot._around
    monkeypatch.setattr(Dot, "_around", lambda *arguments: evaluated.append(1) or around(*arguments))
    rng = np.random.default_rng(5)
    x, W = (table(rng, FLOAT32, shape, False) for shape in ((2, ROWS, TERMS), (1, TERMS, COLUMNS)))
    z = x @ W + table(rng, FLOAT32, (2, 1, COLUMNS), False)
    assert (z.shape, z.ndim, evaluated) == ((2, ROWS, COLUMNS), 3, [])
    np.maximum(z, 0)
    assert z.value.shape == z.error.shape == z.shape
    assert evaluated == [1]


@pytest.mark.parametrize("left", [(2, 3), (2, 1), (1, 1), ()])
@pytest.mark.parametrize("right", [(2, 3), (1, 3), (1, 1), (1,), ()])
def test_several_matrices_before_one_are_bounded_like_each_alone(left, right):
    rng = np.random.default_rng(6)
    a, b = rng.random((*left, ROWS, TERMS)), rng.random((*right, TERMS, COLUMNS))
    found, room = Upper.of(a).product(Upper.of(b))
    assert found.shape == (a @ b).shape
    assert (found * room >= a @ b).all()
    np.testing.assert_allclose(found * room, a @ b, rtol=1e-4)
