"""Starting parameters: the numbers a text stands for, in the canonical layout."""

from __future__ import annotations

import math

import numpy as np
import pytest

from problems import Network, ProblemError
from problems.initializers import starting_parameters

NETWORK = Network(inputs=3, units=(40, 50, 2), activations=("tanh", "relu", "linear"))
TEXTS = ("constant:0.1", "constant:1", "random:0", "random:7", "glorot_uniform:0")


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


@pytest.mark.parametrize("kind", ["random", "glorot_uniform"])
def test_seeds_differ(kind):
    assert not np.array_equal(*(starting_parameters(NETWORK, f"{kind}:{seed}")["W1"] for seed in (0, 1)))


@pytest.mark.parametrize(("name", "fans"), [("W1", 3 + 40), ("W2", 40 + 50), ("W3", 50 + 2)])
def test_glorot_uniform_range_follows_the_fans(name, fans):
    furthest = np.abs(starting_parameters(NETWORK, "glorot_uniform:0")[name]).max()
    assert 0.9 * math.sqrt(6 / fans) < furthest <= math.sqrt(6 / fans)


def test_glorot_uniform_has_both_signs_and_no_biases():
    parameters = starting_parameters(NETWORK, "glorot_uniform:0")
    assert parameters["W2"].min() < 0 < parameters["W2"].max()
    assert not any(parameters[name].any() for name in ("b1", "b2", "b3"))


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
        ("glorot_uniform:one", "'glorot_uniform:one' needs a whole number"),
    ],
    ids=lambda value: value[:24].replace("\n", " ") if isinstance(value, str) else None,
)
def test_text_that_stands_for_nothing(refused, start, why):
    message = refused(ProblemError, "initial: ", starting_parameters, NETWORK, start)
    assert why in message
    assert message.endswith("choose one of: constant:NUMBER, random:SEED, glorot_uniform:SEED")


def test_largest_seed_is_taken():
    starting_parameters(NETWORK, f"random:{2**63 - 1}")
