"""Recursions enclose every order of evaluation, and do not let an average's error grow."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, FLOAT64
from comparisons.arithmetic.recursion import maxima, sums
from comparisons.arithmetic.unions import union

PRECISIONS = pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda one: one.name)
STEPS = 300


def inflow(beta, precision, seed=0):
    """x (STEPS, 4) as the format holds it, and (1 − β) x with its bound."""
    x = np.random.default_rng(seed).normal(size=(STEPS, 4)).astype(precision.name)
    return x, (1 - beta) * Bounded.exact(x.astype(float), precision)


def enclosed(candidate, bound):
    return (np.abs(candidate.astype(float) - bound.value) <= bound.error).all()


@PRECISIONS
@pytest.mark.parametrize("beta", [0.999, 0.9, 0.5, 0.25, 0.0])
def test_an_average_encloses_both_orders(beta, precision):
    kind = np.dtype(precision.name).type
    held = Bounded.exact(float(kind(beta)), precision)
    x, flow = inflow(held, precision)
    bound = sums(held, flow, Bounded.exact(0.0, precision), average=True)
    weighed, moved, found = np.zeros(4, kind), np.zeros(4, kind), ([], [])
    for row in x:
        weighed = kind(beta) * weighed + (1 - kind(beta)) * row
        moved = moved + (1 - kind(beta)) * (row - moved)
        found[0].append(weighed)
        found[1].append(moved)
    assert all(enclosed(np.stack(one), bound) for one in found)
    assert not enclosed(np.stack(found[0]) * (1 + 1e4 * precision.unit), bound)


def test_the_error_of_an_average_does_not_grow_with_the_steps():
    beta = Bounded.exact(0.9, FLOAT64)
    _, flow = inflow(beta, FLOAT64)
    error = sums(beta, flow, Bounded.exact(0.0, FLOAT64), average=True).error
    assert error.max() < 100 * FLOAT64.unit


def test_what_is_multiplied_by_exactly_one_is_not_rounded():
    ones = Bounded.exact(np.ones((STEPS, 1)), FLOAT64)
    zero = Bounded.exact(0.0, FLOAT64)
    whole = sums(Bounded.exact(1, FLOAT64), ones, zero).error[0]
    rounded = sums(Bounded.exact(1 - 2.0**-53, FLOAT64), ones, Bounded.exact(1.0, FLOAT64)).error[0]
    assert whole < rounded


@PRECISIONS
def test_a_factor_for_each_step_is_a_product(precision):
    factors = np.random.default_rng(1).uniform(0.5, 1, (STEPS, 1)).astype(precision.name)
    kept, nothing = Bounded.exact(factors.astype(float), precision), Bounded.exact(np.zeros((STEPS, 1)), precision)
    bound = sums(kept, nothing, Bounded.exact(1.0, precision))
    product = np.cumprod(factors, axis=0, dtype=precision.name)
    normal = product[:, 0] >= precision.smallest_normal
    assert enclosed(product[normal], Bounded(bound.value[normal], bound.error[normal], precision))
    assert (bound.error[:20] < 100 * precision.unit * bound.value[:20]).all()


@PRECISIONS
def test_the_larger_is_enclosed_and_a_clear_choice_adds_nothing(precision):
    kind = np.dtype(precision.name).type
    beta = kind(0.9)
    x = np.abs(np.random.default_rng(3).normal(size=(STEPS, 4))).astype(precision.name)
    bound = maxima(
        Bounded.exact(float(beta), precision), Bounded.exact(x.astype(float), precision), Bounded.exact(0.0, precision)
    )
    u, found = np.zeros(4, kind), []
    for row in x:
        u = np.maximum(beta * u, row)
        found.append(u)
    assert enclosed(np.stack(found), bound)
    fresh = np.stack(found) == x
    assert (bound.error[fresh] == 0).mean() > 0.9
    assert (bound.error[~fresh] > 0).all()


@PRECISIONS
@pytest.mark.parametrize("beta", [0.999, 0.9, 0.0, 1.0])
def test_of_few_parameters_it_is_the_same_to_the_last_bit(beta, precision, monkeypatch):
    rng = np.random.default_rng(5)
    sizes = np.abs(rng.normal(size=(STEPS, 3))) * 0.99 ** np.arange(STEPS)[:, None]
    flow = Bounded(sizes, sizes * rng.choice([0, 1e-16, 1e-3, 1.0], sizes.shape), precision)
    start = Bounded(np.array([0.0, 1.0, 30.0]), np.array([0.0, 0.5, 1e-9]), precision)
    kept = Bounded.exact(float(np.dtype(precision.name).type(beta)), precision)
    by_number = maxima(kept, flow, start)
    monkeypatch.setattr("comparisons.arithmetic.recursion.FEW", 2)
    by_step = maxima(kept, flow, start)
    assert (by_number.value == by_step.value).all()
    assert (by_number.error == by_step.error).all()


@pytest.mark.parametrize("few", [0, 9])
@pytest.mark.parametrize("lost", [np.inf, np.nan])
def test_no_larger_one_is_told_after_what_is_not_finite(few, lost, monkeypatch):
    monkeypatch.setattr("comparisons.arithmetic.recursion.FEW", few)
    flow = Bounded(np.array([[1.0], [lost], [1.0], [2.0]]), np.zeros((4, 1)), FLOAT64)
    told = np.isfinite(maxima(Bounded.exact(0.5, FLOAT64), flow, Bounded.exact(0.0, FLOAT64)).error[:, 0])
    assert told.tolist() == [True, False, False, False]


def test_nothing_is_told_after_what_is_not_finite():
    flow = Bounded.exact(np.array([[1.0], [np.inf], [1.0]]), FLOAT64)
    told = np.isfinite(sums(Bounded.exact(0.5, FLOAT64), flow, Bounded.exact(0.0, FLOAT64)).error[:, 0])
    assert told.tolist() == [True, False, False]


def test_a_union_reaches_all_of_its_members():
    ways = [Bounded(np.array([1.0]), np.array([0.25]), FLOAT64), Bounded(np.array([2.0]), np.array([0.5]), FLOAT64)]
    both = union(ways)
    assert both.value == 1.0
    assert 1.5 <= both.error <= 1.5 * (1 + 1e-12)
    assert np.isinf(union([ways[0], Bounded(np.array([np.nan]), np.array([0.0]), FLOAT64)]).error)


@PRECISIONS
@pytest.mark.parametrize("beta", [0.999, 0.9, 0.25, 0.0, 1.0])
def test_all_steps_at_once_are_what_step_by_step_gives(beta, precision):
    held = Bounded.exact(float(np.dtype(precision.name).type(beta)), precision)
    each = Bounded.exact(np.full((STEPS, 1), held.value), precision)
    _, flow = inflow(held, precision)
    start = Bounded(np.array(2.0), np.array(0.25), precision)
    at_once, one_by_one = (sums(kept, flow, start) for kept in (held, each))
    assert (at_once.value == one_by_one.value).all()
    assert at_once.error == pytest.approx(one_by_one.error, rel=1e-12, abs=0)


@PRECISIONS
@pytest.mark.parametrize("beta", [0.999, 0.5, 0.25])
def test_an_average_is_hardly_wider_than_the_worse_order_of_each_step(beta, precision):
    """At once it grows by the larger of two factors, which are some roundings of 1 − β apart."""
    held = Bounded.exact(float(np.dtype(precision.name).type(beta)), precision)
    _, flow = inflow(held, precision)
    whole = sums(held, flow, Bounded.exact(0.0, precision), average=True)
    s, e = np.zeros(4), np.zeros(4)
    for k in range(STEPS):
        one = Bounded(flow.value[k : k + 1], flow.error[k : k + 1], precision)
        ways = [sums(held, one, Bounded(s, e, precision), average) for average in (False, True)]
        s, e = ways[0].value[0], np.maximum(ways[0].error[0], ways[1].error[0])
        assert (whole.value[k] == s).all()
        assert whole.error[k] == pytest.approx(e, rel=1e-5, abs=0)
        assert (whole.error[k] >= e * (1 - 1e-14)).all()
