"""Starting parameters: the numbers a text stands for, in the canonical layout."""

from __future__ import annotations

import math

import numpy as np
import pytest

from problems import Network, ProblemError
from problems.initializers import CHOICES, WEIGHTS, starting_parameters

NETWORK = Network(inputs=3, units=(40, 50, 2), activations=("tanh", "relu", "linear"))
DRAWN = ("random", *WEIGHTS)
TEXTS = ("constant:0.1", "constant:1", "random:0", "uniform:3:0.5", "normal:3:2", *(f"{kind}:7" for kind in DRAWN))
UNIFORM = {
    "uniform": lambda n_in, n_out: 0.05,
    "glorot_uniform": lambda n_in, n_out: math.sqrt(6 / (n_in + n_out)),
    "he_uniform": lambda n_in, n_out: math.sqrt(6 / n_in),
    "lecun_uniform": lambda n_in, n_out: math.sqrt(3 / n_in),
}
NORMAL = {
    "normal": lambda n_in, n_out: 0.05**2,
    "glorot_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_normal": lambda n_in, n_out: 2 / n_in,
    "lecun_normal": lambda n_in, n_out: 1 / n_in,
}
LARGE = Network(inputs=300, units=(200, 100), activations=("tanh", "linear"))


@pytest.mark.parametrize("start", TEXTS)
def test_layout_is_canonical(start):
    parameters = starting_parameters(NETWORK, start)
    assert {name: values.shape for name, values in parameters.items()} == NETWORK.parameter_shapes
    assert {values.dtype for values in parameters.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("start", TEXTS)
def test_same_text_gives_the_same_numbers(start):
    first, second = (starting_parameters(NETWORK, start) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("text", "value"), [("0.1", 0.1), ("1", 1.0), ("-2e-3", -0.002), ("0", 0.0)], ids=["0.1", "1", "-2e-3", "0"]
)
def test_constant_fills_weights_and_leaves_biases_0(text, value):
    for name, values in starting_parameters(NETWORK, f"constant:{text}").items():
        assert set(values.flat) == {value if name.startswith("W") else 0.0}


def test_random_draws_weights_and_biases_in_canonical_order():
    rng = np.random.default_rng(7)
    for name, values in starting_parameters(NETWORK, "random:7").items():
        assert np.array_equal(values, rng.uniform(-1, 1, NETWORK.parameter_shapes[name]))


def test_random_reaches_both_ends_of_its_range():
    values = starting_parameters(NETWORK, "random:0")["W2"]
    assert -1 <= values.min() < -0.99
    assert 0.99 < values.max() < 1


@pytest.mark.parametrize("kind", DRAWN)
def test_seeds_differ(kind):
    assert not np.array_equal(*(starting_parameters(NETWORK, f"{kind}:{seed}")["W1"] for seed in (0, 1)))


@pytest.mark.parametrize("name", ["W1", "W2"])
@pytest.mark.parametrize("kind", UNIFORM)
def test_uniform_weights_fill_their_range_and_nothing_else(kind, name):
    r = UNIFORM[kind](*LARGE.parameter_shapes[name])
    weights = starting_parameters(LARGE, f"{kind}:0")[name]
    assert -r <= weights.min() < -0.999 * r
    assert 0.999 * r < weights.max() <= r
    assert within(weights.var(), r**2 / 3, weights.size)


@pytest.mark.parametrize("name", ["W1", "W2"])
@pytest.mark.parametrize("kind", NORMAL)
def test_normal_weights_have_their_variance_and_are_not_cut_off(kind, name):
    variance = NORMAL[kind](*LARGE.parameter_shapes[name])
    weights = starting_parameters(LARGE, f"{kind}:0")[name]
    assert within(weights.var(), variance, weights.size)
    assert abs(weights.mean()) < 5 * math.sqrt(variance / weights.size)
    assert np.abs(weights).max() > 3 * math.sqrt(variance)  # a normal cut off at two deviations never gets there


def within(found, variance, numbers):
    """Whether the variance of so many numbers lies within five of its own standard deviations: σ² √(2 / n)."""
    return abs(found - variance) <= 5 * variance * math.sqrt(2 / numbers)


@pytest.mark.parametrize(("text", "default"), [("uniform:4:0.5", "uniform:4"), ("normal:4:0.5", "normal:4")])
def test_scale_multiplies_the_same_draws(text, default):
    scaled, plain = (starting_parameters(NETWORK, start)["W2"] for start in (text, default))
    assert np.allclose(scaled, 10 * plain, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_are_drawn_in_order_and_biases_are_0(kind):
    rng, parameters = np.random.default_rng(7), starting_parameters(NETWORK, f"{kind}:7")
    for name, values in parameters.items():
        expected = WEIGHTS[kind](rng, values.shape) if name[0] == "W" else np.zeros(values.shape)
        assert np.array_equal(values, expected)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 1), (1, 6)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape):
    W = WEIGHTS["orthogonal"](np.random.default_rng(1), shape)
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    assert W.shape == shape
    assert np.abs(product - np.eye(min(shape))).max() < 20 * np.finfo(float).eps


def test_largest_range_is_drawn_from():
    weights = starting_parameters(NETWORK, "uniform:0:1.7e308")["W1"]
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() > 1.6e308


def test_orthogonal_matrices_have_no_preferred_sign():
    drawn = [WEIGHTS["orthogonal"](np.random.default_rng(seed), (3, 3)) for seed in range(400)]
    assert abs(np.mean([np.sign(W) for W in drawn], axis=0)).max() < 5 / math.sqrt(400)
    assert abs(np.mean([np.linalg.det(W) for W in drawn])) < 5 / math.sqrt(400)


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("foo", "'foo' is not known"),
        ("", "'' is not known"),
        ("constnat:1", "'constnat:1' is not known, did you mean 'constant'?"),
        ("glorot-uniform:0", "'glorot-uniform:0' is not known, did you mean 'glorot_uniform'?"),
        ("a\nb", "'a\\nb' is not known"),
        ("constant", "'constant' needs a finite number"),
        ("constant:", "'constant:' needs a finite number"),
        ("constant:nan", "'constant:nan' needs a finite number"),
        ("constant:-inf", "'constant:-inf' needs a finite number"),
        ("constant:1e999", "'constant:1e999' needs a finite number"),
        ("constant:x", "'constant:x' needs a finite number"),
        ("random", "'random' needs a whole number"),
        ("random:x", "'random:x' needs a whole number"),
        ("random:-1", "'random:-1' needs a whole number"),
        ("random:1.0", "'random:1.0' needs a whole number"),
        ("random:²", "'random:²' needs a whole number"),
        ("random:9223372036854775808", "needs a whole number from 0 to 9223372036854775807"),
        ("random:" + "9" * 5000, "needs a whole number"),
        ("normal:1:", "'normal:1:' needs a std above 0"),
        ("normal:1:0", "'normal:1:0' needs a std above 0"),
        ("normal:1:nan", "'normal:1:nan' needs a std above 0"),
        ("uniform:1:-1", "'uniform:1:-1' needs a range above 0"),
        ("uniform:1:2:3", "'uniform:1:2:3' needs a range above 0"),
        ("he_normal:1:2", "'he_normal:1:2' has a second colon, but no setting"),
        ("random:1:2", "'random:1:2' has a second colon, but no setting"),
        ("glorot_uniform:one", "'glorot_uniform:one' needs a whole number"),
    ],
    ids=lambda value: value[:24].replace("\n", " ") if isinstance(value, str) else None,
)
def test_text_that_stands_for_nothing(refused, start, why):
    message = refused(ProblemError, "initial: ", starting_parameters, NETWORK, start)
    assert why in message
    assert message.endswith(f"; choose one of: {CHOICES}")


def test_choices_name_every_initializer_with_its_setting():
    assert CHOICES.startswith(
        "constant:NUMBER, random:SEED, uniform:SEED[:RANGE], normal:SEED[:STD], glorot_uniform:SEED"
    )
    assert all(f", {kind}:SEED" in CHOICES for kind in DRAWN)


def test_largest_seed_is_taken():
    starting_parameters(NETWORK, f"random:{2**63 - 1}")
