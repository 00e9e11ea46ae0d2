"""Each slope is the derivative of its activation, at kinks by the stated convention."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import pytest

from comparisons.arithmetic.exact import balls
from manual.activations import ACTIVATIONS, relu, relu_slope, sigmoid, sigmoid_slope, tanh, tanh_slope
from problems import problem

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
names = pytest.mark.parametrize("name", ACTIVATIONS)


def central_difference(f: Any, z: Any) -> Any:
    """(f(z + h) − f(z − h)) / 2h with h = 2^−150: right to some 80 digits."""
    h = flint.arb(2) ** -150
    return (f(z + h) - f(z - h)) / (2 * h)


@names
def test_slope_is_the_central_difference(name, many_digits, rng):
    value, slope = ACTIVATIONS[name]
    z = balls(np.concatenate([rng.uniform(-4, 4, 200), rng.uniform(-60, 60, 200), [1e-9, -1e-9, 40.0, -40.0]]))
    away = slope(z, value(z)) - central_difference(value, z)
    assert all(abs(one) < 1e-70 for one in away.flat)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh"])
def test_slope_at_zero_is_the_central_difference(name, many_digits):
    value, slope = ACTIVATIONS[name]
    z = balls([0.0])
    assert abs((slope(z, value(z)) - central_difference(value, z)).item()) < 1e-70


@DTYPES
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_relu_is_flat_at_its_kink(zero, dtype):
    z = np.array([zero], dtype=dtype)
    assert (relu(z).item(), relu_slope(z, relu(z)).item()) == (0.0, 0.0)


def test_relu_has_both_sides():
    z = np.array([-2.0, -5e-324, 5e-324, 3.0])
    assert relu(z).tolist() == [0.0, 0.0, 5e-324, 3.0]
    assert relu_slope(z, relu(z)).tolist() == [0.0, 0.0, 1.0, 1.0]


@DTYPES
def test_saturated_sigmoid_overflows_nowhere(dtype):
    z = np.array([-np.inf, -1e30, -1e3, 1e3, 1e30, np.inf], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a = sigmoid(z)
    assert a.tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert (sigmoid_slope(z, a) == 0).all()


@DTYPES
def test_sigmoid_is_accurate_where_it_is_nearly_zero(dtype):
    z = np.array([-30.0, -80.0], dtype=dtype)
    exact = np.exp(z.astype(float))  # to 1e-13, since 1 + e^z is 1 to as many digits
    assert sigmoid(z) == pytest.approx(exact, rel=10 * float(np.finfo(dtype).eps))


@DTYPES
def test_sigmoid_rises_from_zero_to_one(dtype, rng):
    z = np.sort(rng.uniform(-50, 50, 1000)).astype(dtype)
    a = sigmoid(z)
    assert ((0 <= a) & (a <= 1)).all()
    assert (np.diff(a) >= -2 * np.finfo(dtype).eps).all()
    assert sigmoid(np.zeros(1, dtype)).item() == 0.5


@DTYPES
def test_sigmoid_of_minus_z_is_the_rest(dtype, rng):
    z = rng.uniform(-20, 20, 500).astype(dtype)
    assert sigmoid(-z) + sigmoid(z) == pytest.approx(np.ones(500), abs=4 * float(np.finfo(dtype).eps))


@DTYPES
def test_saturated_tanh_is_flat(dtype):
    z = np.array([-1e3, 1e3], dtype=dtype)
    assert tanh_slope(z, tanh(z)).tolist() == [0.0, 0.0]


@DTYPES
@names
def test_dtype_is_kept(name, dtype):
    value, slope = ACTIVATIONS[name]
    z = np.linspace(-2, 2, 5, dtype=dtype)
    assert value(z).dtype == dtype
    assert (z * slope(z, value(z))).dtype == dtype


def test_every_activation_of_a_network_is_here():
    assert tuple(ACTIVATIONS) == problem.ACTIVATIONS
