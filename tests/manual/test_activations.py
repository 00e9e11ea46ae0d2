"""Each slope is the derivative of its activation, at kinks by the stated convention."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import pytest

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.exact import balls, distance
from comparisons.arithmetic.precision import PRECISIONS
from manual.activations import (
    ACTIVATIONS,
    backward,
    leaky_relu_slope,
    relu,
    relu_slope,
    sigmoid,
    sigmoid_slope,
    softmax,
    tanh,
    tanh_slope,
)
from problems import problem

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
names = pytest.mark.parametrize("name", ELEMENTWISE)


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


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu"])
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


def every_size(dtype: str) -> Any:
    """z of every size, more where activations bend, and where they are saturated."""
    rng = np.random.default_rng(3)
    small = rng.choice([-1, 1], 200) * 10.0 ** rng.uniform(-37, 0, 200)
    huge = rng.choice([-1, 1], 50) * 10.0 ** rng.uniform(2, 6, 50)
    return np.concatenate([rng.uniform(-4, 4, 300), rng.uniform(-60, 60, 400), small, huge, [0.0, 20.0]]).astype(dtype)


@DTYPES
@names
def test_value_and_slope_lie_within_their_bounds_at_every_size(name, dtype, many_digits):
    value, slope = ACTIVATIONS[name]
    z = every_size(dtype)
    held, exact = Bounded.exact(z, PRECISIONS[dtype]), balls(z)
    with np.errstate(over="ignore", under="ignore", invalid="raise", divide="raise"):
        a = value(z)
        b = slope(z, a) * z**0
    assert (distance(value(exact), a) <= value(held).error).all()
    assert (distance(slope(exact, value(exact)) * exact**0, b) <= (slope(held, value(held)) * held**0).error).all()


@DTYPES
@names
def test_a_millionth_too_much_is_outside_the_bounds(name, dtype):
    value, slope = ACTIVATIONS[name]
    z = np.random.default_rng(4).uniform(0.1, 2, 200).astype(dtype)
    held = Bounded.exact(z, PRECISIONS[dtype])
    a, b = value(held), slope(held, value(held)) * held**0
    more = 1 + (1e-6 if dtype == "float64" else 1e-4)
    assert (np.abs(value(z) * more - a.value) > a.error).all()
    assert (np.abs(slope(z, value(z)) * more - b.value) > b.error).all()


@DTYPES
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu"])
def test_far_below_zero_nothing_cancels(name, dtype, many_digits):
    value, slope = ACTIVATIONS[name]
    z = np.array([-4.0, -5.0, -6.0], dtype=dtype)
    exact = value(balls(z))
    relative = 400 * float(np.finfo(dtype).eps)
    assert (distance(exact, value(z)) <= relative * np.abs(value(z))).all()
    assert (distance(slope(balls(z), exact), slope(z, value(z))) <= relative * np.abs(slope(z, value(z)))).all()


@DTYPES
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_leaky_relu_leaks_at_its_kink(zero, dtype):
    z = np.array([zero], dtype=dtype)
    assert leaky_relu_slope(z, z).item() == np.array(0.01, dtype=dtype)


@DTYPES
def test_softmax_is_a_distribution_however_large_its_input(dtype, rng):
    z = (rng.normal(size=(50, 4)) * 10.0 ** rng.uniform(-3, 30, (50, 1))).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a = softmax(z)
    assert a.dtype == dtype
    assert a.sum(-1) == pytest.approx(np.ones(50), abs=8 * float(np.finfo(dtype).eps))


@DTYPES
def test_softmax_lies_within_its_bound(dtype, many_digits, rng):
    z = np.concatenate([rng.uniform(-4, 4, (100, 5)), rng.uniform(-60, 60, (100, 5))]).astype(dtype)
    bound = softmax(Bounded.exact(z, PRECISIONS[dtype]))
    assert (distance(softmax(balls(z)), softmax(z)) <= bound.error).all()
    above = bound.value > 1e-30  # far from float32's smallest
    assert (np.abs(softmax(z) * (1 + 4e-5) - bound.value) > bound.error)[above].all()


def test_softmax_of_uncertain_numbers_covers_every_shift_of_them(rng):
    z, error = rng.normal(size=(400, 5)), 1e-3 * rng.random((400, 5))
    held = softmax(Bounded(z, error, PRECISIONS["float64"]))
    for _ in range(20):
        moved = softmax(z + error * rng.choice([-1, 1], error.shape))
        assert (np.abs(moved - held.value) <= held.error).all()


def test_softmax_backward_is_the_central_difference(many_digits, rng):
    z, weight, h = balls(rng.normal(size=(3, 4))), balls(rng.normal(size=(3, 4))), flint.arb(2) ** -150
    found = backward("softmax", z, softmax(z), weight)
    for place in np.ndindex(3, 4):
        ahead, behind = z.copy(), z.copy()
        ahead[place], behind[place] = z[place] + h, z[place] - h
        slope = (weight * (softmax(ahead) - softmax(behind))).sum() / (2 * h)
        assert abs(slope - found[place]) < 1e-70


def test_softmax_has_no_slope_of_each_element():
    with pytest.raises(TypeError, match="use softmax_backward"):
        ACTIVATIONS["softmax"].slope(np.ones((1, 2)), np.ones((1, 2)))


def test_every_activation_of_a_network_is_here():
    assert tuple(ACTIVATIONS) == problem.ACTIVATIONS
