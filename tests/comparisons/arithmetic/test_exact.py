"""Balls enclose the true value, and the distance from it is never understated."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest

from comparisons.arithmetic.exact import balls, distance, exact_step, nearest, step_distance, working_bits
from manual.activations import ACTIVATIONS
from manual.network import loss_routes
from problems.catalogue import named_problem

TENTH = Fraction(0.1)


def contains(ball: Any, exact: Fraction) -> bool:
    return bool(ball.contains(flint.arb(flint.fmpq(exact.numerator, exact.denominator))))


def test_balls_hold_floats_exactly(rng):
    values = rng.normal(size=(3, 4)) * 10.0 ** rng.integers(-300, 300, (3, 4))
    assert all(
        ball.is_exact() and float(ball) == value for ball, value in zip(balls(values).flat, values.flat, strict=True)
    )


def test_regression_step_encloses_the_fractions():
    problem = named_problem("regression")
    step = exact_step(problem, problem.initial, problem.x[:1], problem.y[:1])
    x1, x2, y, rate = (Fraction(float(v)) for v in (*problem.x[0], problem.y[0, 0], problem.optimizer.learning_rate))
    h = TENTH * (x1 + x2)
    y_hat = 2 * TENTH * h
    slope = -2 * (y - y_hat) * TENTH * x2
    with working_bits():
        assert contains(step.loss, (y - y_hat) ** 2)
        assert contains(step.gradients["W1"][1, 0], slope)
        assert contains(step.parameters["W1"][1, 0], TENTH - rate * slope)


def test_a_leading_axis_of_steps_changes_nothing(rng):
    problem = named_problem("classification")
    states = {name: rng.normal(size=(3, *values.shape)) for name, values in problem.initial.items()}
    x, y = rng.normal(size=(3, 1, 2)), np.ones((3, 1, 1))
    together = exact_step(problem, states, x, y)
    alone = exact_step(problem, {name: values[2] for name, values in states.items()}, x[2], y[2])
    assert together.gradients["W1"][2, 1, 0].overlaps(alone.gradients["W1"][1, 0])
    assert float(together.loss[2]) == float(alone.loss)


def test_the_learning_rate_is_not_rounded_to_float32():
    problem = named_problem("regression").changed(dtype="float32")
    step = exact_step(problem, problem.initial, problem.x[:1], problem.y[:1])
    with working_bits():
        moved = balls(problem.initial["b2"]) - step.parameters["b2"]
        assert (moved / step.gradients["b2"]).item().contains(flint.arb(0.001))


def test_an_output_that_is_one_to_all_digits_still_has_a_loss():
    z = balls([[1000.0]])
    with working_bits():
        error = balls([[1.0]]) - ACTIVATIONS["sigmoid"].value(z)
        assert (error**2).item().is_finite()


@pytest.mark.parametrize("z", [-1000.0, -40.0, 40.0, 1000.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_saturated_cross_entropy_is_finite(y, z):
    route, *_ = loss_routes(named_problem("classification").network, "binary_cross_entropy")
    with working_bits():
        assert route.loss(balls([[y]]), balls([[z]])).is_finite()
        assert route.delta(balls([[y]]), balls([[z]])).item().is_finite()


def test_extrema_enclose_both_sides_of_a_tie():
    unsure = balls([0.0])
    unsure[0] = flint.arb(0, 1)
    assert np.maximum(unsure, 0).item().contains(flint.arb(1))
    assert np.minimum(unsure, 0).item().contains(flint.arb(-1))


def test_distance_is_no_smaller_than_the_true_one(rng):
    exact, values = rng.normal(size=500), rng.normal(size=500)
    found = distance(balls(exact), values)
    true = [abs(Fraction(v) - Fraction(e)) for v, e in zip(values.tolist(), exact.tolist(), strict=True)]
    assert all(Fraction(f) >= t for f, t in zip(found.tolist(), true, strict=True))
    assert all(Fraction(f) <= t * (1 + Fraction(1, 2**50)) for f, t in zip(found.tolist(), true, strict=True))


def test_distance_from_itself_is_zero():
    assert distance(balls([0.1]), np.array([0.1])).tolist() == [0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_distance_of_what_is_not_finite_is_infinite(value):
    assert distance(balls([0.1]), np.array([value])).tolist() == [np.inf]
    assert distance(balls([np.nan]), np.array([0.1])).tolist() == [np.inf]


def test_nearest_rounds_to_the_nearest_float():
    with working_bits():
        assert nearest(balls([1.0]) / 3).tolist() == [1 / 3]


def test_working_bits_are_restored_after_an_error():
    before = flint.ctx.prec
    with pytest.raises(ZeroDivisionError), working_bits(99):
        raise ZeroDivisionError
    assert flint.ctx.prec == before


def test_step_distance_names_every_quantity():
    problem = named_problem("regression")
    step = exact_step(problem, problem.initial, problem.x[:1], problem.y[:1])
    found = step_distance(step, np.array(0.0), problem.initial, problem.initial)
    names = [f"{what}.{name}" for what in ("gradient", "parameter") for name in ("W1", "b1", "W2", "b2")]
    assert list(found) == ["loss", *names]


def test_distance_from_a_wide_ball_is_to_its_far_end():
    wide = balls([0.0])
    wide[0] = flint.arb(1, 0.5)
    assert distance(wide, np.array([0.0]))[0] >= 1.5


def test_other_powers_are_python_flints():
    assert (balls([2.0, -3.0]) ** 3).tolist() == [8, -27]
