"""The ways to evaluate a loss: all the same number where nothing is lost, the first one right everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.exact import balls, distance
from manual.losses import one_hot
from manual.routes import chain, routes, tanh_probability

PAIRS = [("binary_cross_entropy", "sigmoid"), ("binary_cross_entropy_with_logits", "linear")]
CLASSES = [
    ("categorical_cross_entropy", "softmax"),
    ("categorical_cross_entropy_with_logits", "linear"),
    ("sparse_categorical_cross_entropy", "softmax"),
    ("sparse_categorical_cross_entropy_with_logits", "linear"),
]
CASES = [
    pytest.param(pair, route, id=f"{pair[0]}-{route.name.replace(' ', '-')}")
    for pair in (*PAIRS, *CLASSES)
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
    if pair[0].startswith("sparse"):
        y = rng.integers(0, 2, (40, 3, 1)).astype(float)
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


def test_class_probabilities_have_every_route_in_use():
    from_probability, from_scores = ({route.name for route in routes(*pair)} for pair in CLASSES[:2])
    assert from_scores == {"simplified", "log softmax", "log sum exp"}
    assert from_probability == from_scores | {"chain", "normalized"}
    assert [[r.name for r in routes(*pair)] for pair in CLASSES[2:]] == [
        [r.name for r in routes(*pair)] for pair in CLASSES[:2]
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("pair", CLASSES, ids=lambda pair: pair[0])
def test_the_first_route_is_right_however_sure_the_classes(pair, dtype, many_digits, rng):
    first, *_ = routes(*pair)
    z = rng.uniform(-80, 80, (300, 1, 3)).astype(dtype)
    y = rng.integers(0, 3, (300, 1, 1)).astype(dtype)
    y = y if pair[0].startswith("sparse") else one_hot(y, 3)
    unit = np.finfo(dtype).eps
    assert (distance(first.loss(balls(y), balls(z)), first.loss(y, z)) <= 200 * unit).all()
    assert (distance(first.delta(balls(y), balls(z)), first.delta(y, z)) <= 100 * unit).all()


def test_huber_has_the_form_of_optax_too(rng):
    y, z = rng.normal(size=(40, 2)), 3 * rng.normal(size=(40, 2))
    first, second = routes("huber", "linear")
    assert second.name == "in parts"
    assert first.loss(y, z) == pytest.approx(second.loss(y, z), rel=1e-14)
    assert second.delta(y, z) == pytest.approx(first.delta(y, z), abs=1e-16)


@pytest.mark.parametrize("loss", ["mean_squared_error", "half_squared_error", "mean_absolute_error", "hinge"])
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_other_losses_have_the_chain_alone(loss, activation, rng):
    (only,) = routes(loss, activation)
    y, z = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    assert only.name == "chain"
    assert (only.delta(y, z) == chain(loss, activation).delta(y, z)).all()


def test_the_probability_through_tanh_is_the_sigmoid(many_digits, rng):
    z = balls(rng.uniform(-30, 30, 100))
    assert all(abs(one) < 1e-100 for one in (tanh_probability(z) - 1 / (1 + np.exp(-z))).flat)
