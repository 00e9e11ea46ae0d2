"""The rules for one number give what the rules for arrays give, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic import dots
from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.one_number import (
    Constants,
    from_exact,
    is_lost,
    is_wrong,
    of_dot,
    ratio,
    times_rate,
)
from comparisons.arithmetic.precision import FLOAT32, FLOAT64
from comparisons.arithmetic.products import factors
from comparisons.arithmetic.upper import Upper
from comparisons.compiled_passes import own_update
from comparisons.reference import Expectation
from comparisons.reference import reported as as_used
from comparisons.tally import outside, ratios

PRECISIONS = pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda one: one.name)
SPECIAL = [0.0, -0.0, 5e-324, 1e-310, 1e-40, 2.0**-126, 1e-30, 1.0, -1.5, 1e30, 1e300, np.inf, -np.inf, np.nan]
pytestmark = pytest.mark.filterwarnings("ignore:.* encountered")


def constants(precision, rate=0.01):
    """Of a learning rate; no matrix product."""
    by_value, by_error = factors(Bounded.rounded(rate, precision), precision)
    unit, tiny = precision.unit + FLOAT64.unit, precision.smallest_normal
    return Constants(
        unit,
        tiny,
        of_product=1.0,
        of_size=0.0,
        flushed=0.0,
        otherwise=8,
        rate=rate,
        by_value=by_value,
        by_error=by_error,
    )


def pairs():
    """Values and errors from 0: all special ones with each other, and some of every size."""
    rng = np.random.default_rng(3)
    values = np.concatenate(
        [np.repeat(SPECIAL, len(SPECIAL)), rng.normal(size=500) * 10.0 ** rng.integers(-45, 40, 500)]
    )
    errors = np.concatenate([np.tile(np.abs(SPECIAL), len(SPECIAL)), np.abs(values[-500:]) * rng.random(500) * 1e-3])
    return values, errors


def same(found, due):
    """Bit for bit, but for which NaN it is."""
    np.testing.assert_array_equal(np.array(found), due)


@PRECISIONS
def test_a_product_with_the_learning_rate(precision):
    values, errors = pairs()
    due = Bounded.rounded(0.01, precision) * Bounded(values, errors.copy(), precision)
    c = constants(precision)
    found = [times_rate(value, error, c) for value, error in zip(values, errors, strict=True)]
    same([value for value, _ in found], due.value)
    same([error for _, error in found], due.error)


@PRECISIONS
@pytest.mark.parametrize("theta", [0.0, 0.25, -1e-38, 1e30])
def test_an_exact_number_less_another(theta, precision):
    values, errors = pairs()
    exact = Bounded(np.full(values.shape, theta), np.zeros(values.shape), precision)
    due = exact - Bounded(values, errors.copy(), precision)
    c = constants(precision)
    found = [from_exact(theta, value, error, c) for value, error in zip(values, errors, strict=True)]
    same([value for value, _ in found], due.value)
    same([error for _, error in found], due.error)


@PRECISIONS
@pytest.mark.parametrize("spread", [1.0, 1e25], ids=["float32", "float64"])
@pytest.mark.parametrize("hole", [0.0, np.inf], ids=["zeros", "infinite"])
def test_a_matrix_product(precision, spread, hole):
    rng = np.random.default_rng(4)
    a, b = (rng.normal(size=shape) * spread ** rng.choice([-1, 1], shape) for shape in ((9, 7), (7, 11)))
    a[2], b[:, 3] = 0.0, 0.0
    a_error, b_error = np.abs(a) * 1e-6, np.abs(b) * 1e-6
    b_error[:, 5] = hole
    product = dots.Dot(Bounded(a, a_error, precision), Bounded(b, b_error, precision))
    whole = slice(None)
    due, value, (bounding, room) = product.rows(whole), product.value_of(whole), product.product_of(whole)
    of_product, _, of_size, flushed = product.constants(room)
    c = constants(precision)._replace(of_product=of_product, of_size=of_size, flushed=flushed)
    found = [of_dot(value, float(one), c) for value, one in zip(value.ravel(), bounding.ravel(), strict=True)]
    same(found, due.error.ravel())


@PRECISIONS
def test_the_update_that_follows_from_reported_gradients(precision):
    tiny = precision.smallest_normal
    reported = np.array([0.0, tiny / 4, -tiny / 2, tiny, 1e-3, -7.0, np.inf, np.nan])
    theta = np.zeros(reported.shape)
    due = Bounded.exact(theta, precision) - Bounded.rounded(0.01, precision) * as_used(reported, precision, precision)
    after, error = np.empty(theta.shape), np.empty(theta.shape)
    own_update(reported, theta, constants(precision), after, error)
    same(after, due.value)
    same(error, due.error)


def test_a_product_whose_terms_underflow_is_not_nothing():
    one, other = (Upper.of(np.full(shape, 1e-200)) for shape in ((1, 3), (3, 2)))
    product, _ = one.product(other)
    assert (product > 0).all()
    nothing = Upper.of(np.zeros((3, 2)))
    assert (one.product(nothing)[0] == 0).all()


def test_what_is_wrong_and_by_how_much():
    actual = np.repeat(SPECIAL, len(SPECIAL) ** 2)
    expected = np.tile(np.repeat(SPECIAL, len(SPECIAL)), len(SPECIAL))
    bound = np.tile(np.abs(SPECIAL), len(SPECIAL) ** 2)
    what = Expectation(expected=expected, bound=bound, told=np.isfinite(bound))
    together = list(zip(actual, expected, bound, strict=True))
    same([is_wrong(*one) for one in together], outside(actual, what))
    same([ratio(*one) for one in together], ratios(actual, what))


@pytest.mark.parametrize(
    ("value", "error", "best", "lost"),
    [(1.0, 2.0, 0.5, True), (1.0, 2.0, 1.5, False), (1.0, 0.9, 0.5, False), (0.0, 1.0, 0.0, False)],
)
def test_what_the_best_route_alone_would_tell(value, error, best, lost):
    assert is_lost(value, error, best) is lost
