"""The ways to evaluate a loss: all the same number where nothing is lost, the first one right everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.exact import balls, distance
from manual.routes import chain, routes, tanh_probability

PAIRS = [("binary_cross_entropy", "sigmoid"), ("binary_cross_entropy_with_logits", "linear")]
CASES = [
    pytest.param(pair, route, id=f"{pair[0]}-{route.name.replace(' ', '-')}")
    for pair in PAIRS
    for route in routes(*pair)
]


def test_cross_entropy_has_every_route_in_use():
    from_probability, from_logits = ({route.name for route in routes(*pair)} for pair in PAIRS)
    assert from_probability == {"simplified", "product form", "chain", "through tanh"}
    assert from_logits == {"simplified", "product form", "log sigmoid"}


@pytest.mark.parametrize(("pair", "route"), CASES)
def test_every_route_gives_the_same_step_where_nothing_is_lost(pair, route, rng):
    first, *_ = routes(*pair)
    y, z = rng.random((40, 3, 2)), rng.uniform(-5, 5, (40, 3, 2))
    assert route.loss(y, z) == pytest.approx(first.loss(y, z), rel=1e-12)
    assert route.delta(y, z) == pytest.approx(first.delta(y, z), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_first_route_is_right_however_sure_the_output(dtype, pair, many_digits, rng):
    first, *_ = routes(*pair)
    y, z = rng.integers(0, 2, (300, 1, 1)).astype(dtype), rng.uniform(-80, 80, (300, 1, 1)).astype(dtype)
    unit = np.finfo(dtype).eps
    assert (
        distance(first.loss(balls(y), balls(z)), first.loss(y, z)) <= 8 * unit * np.maximum(np.abs(z[:, 0, 0]), 1)
    ).all()
    assert (distance(first.delta(balls(y), balls(z)), first.delta(y, z)) <= 8 * unit).all()


@pytest.mark.parametrize("loss", ["mean_squared_error", "half_squared_error"])
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_other_losses_have_the_chain_alone(loss, activation, rng):
    (only,) = routes(loss, activation)
    y, z = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    assert only.name == "chain"
    assert (only.delta(y, z) == chain(loss, activation).delta(y, z)).all()


def test_the_probability_through_tanh_is_the_sigmoid(many_digits, rng):
    z = balls(rng.uniform(-30, 30, 100))
    assert all(abs(one) < 1e-100 for one in (tanh_probability(z) - 1 / (1 + np.exp(-z))).flat)
