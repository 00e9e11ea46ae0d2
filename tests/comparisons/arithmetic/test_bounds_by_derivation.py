"""Each rule's bound equals its derivation, term by term: neither wider nor, where a corner hides it, narrower.

test_bounds.py shows that the bounds enclose; a bound a little too wide passes there, and these tests fail. They came
from reading what mutation testing left alive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, FLOAT64, FUNCTION_ERROR, Precision

PRECISIONS = pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda precision: precision.name)
W = FLOAT32.unit + FLOAT64.unit  # one rounding of a float32 candidate and one of the bound's own arithmetic
S = FLOAT32.smallest_normal


def bounded(value: Any, error: Any = 0.0, precision: Precision = FLOAT32) -> Bounded:
    """Numbers with an error chosen freely."""
    value = np.asarray(value, dtype=float)
    return Bounded(value, np.broadcast_to(np.asarray(error, dtype=float), value.shape), precision)


def assert_bound(result: Bounded, derived: Any) -> None:
    """The bound is the derived one, and at most some float64 roundings wider."""
    derived = np.asarray(derived)
    assert result.error.shape == derived.shape
    assert (result.error >= derived * (1 - 1e-15)).all()
    assert (result.error <= derived * (1 + 1e-13)).all()


@pytest.mark.parametrize(
    ("value", "error", "carried"),
    [(2.0, 0.5, 0.5 / np.cosh(1.5) ** 2), (-2.0, 0.5, 0.5 / np.cosh(1.5) ** 2), (0.25, 1.0, 1.0), (0.0, 10.0, 2.0)],
)
def test_tanh_carries_by_the_largest_slope_and_never_more_than_its_range(value, error, carried):
    size = abs(np.tanh(value)) + carried
    assert_bound(np.tanh(bounded(value, error)), carried + FUNCTION_ERROR["tanh"] * W * size + S)


def test_square_carries_both_factors():
    carried = 2 * 3 * 0.5 + 0.25
    assert_bound(bounded(-3.0, 0.5) ** 2, carried + W * (9 + carried) + S)


def test_square_of_an_exact_zero_is_one():
    assert_bound(bounded([0.0, 1e-30]) ** 2, [0.0, S])


def roundings(units: int) -> float:
    """γ of so many roundings, a float32 candidate's and the bound's own."""
    return units * W / (1 - units * W)


def test_whole_power_carries_every_factor_and_rounds_each_product():
    carried = 7 * 0.5 * 3.5**6
    assert_bound(bounded(-3.0, 0.5) ** 7, carried + roundings(6) * (3**7 + carried) + 6 * S)


def test_small_whole_power_rounds_as_a_power_function_may():
    units = FUNCTION_ERROR["power"]
    assert_bound(bounded(2.0) ** 3, roundings(units) * 8 + units * S)


def test_other_power_carries_towards_zero():
    units, carried = FUNCTION_ERROR["power"], 2.0**-0.5 * ((1 - 0.25) ** -0.5 - 1)
    assert_bound(bounded(2.0, 0.5) ** -0.5, carried + roundings(units) * (2.0**-0.5 + carried) + units * S)


def test_power_by_a_rounded_exponent_carries_its_error_times_the_logarithm():
    carried, units = 4 * np.expm1(0.5 * np.log(2)), FUNCTION_ERROR["power"] + 2 * np.log(2)
    assert_bound(bounded(2.0) ** bounded(2.0, 0.5), carried + units * W * (4 + carried) + units * S)


def test_root_carries_towards_zero():
    carried, units = 2 - np.sqrt(3.5), FUNCTION_ERROR["sqrt"]
    assert_bound(np.sqrt(bounded(4.0, 0.5)), carried + units * W * (2 + carried) + S)


@pytest.mark.parametrize(
    ("value", "error", "derived"), [(1.0, 0.5, 0), (1.0, 1.0, 2), (0.0, 0.5, 1), (0.0, 0.0, 0), (-2.0, 3.0, 2)]
)
def test_sign_is_open_where_the_error_reaches_zero(value, error, derived):
    assert_bound(np.sign(bounded(value, error)), derived)


def test_quotient_carries_numerator_and_divisor():
    carried = 2.0 * 0.5 / 2.5 + 0.25 / 2.5
    assert_bound(bounded(6.0, 0.25) / bounded(3.0, 0.5), carried + W * (2.0 + carried) + S)


def test_mean_over_a_whole_number_takes_four_roundings():
    assert_bound(bounded([6.0]) / 3, [4 * W * 2.0 + 4 * S])


def test_mean_over_a_power_of_two_may_only_underflow():
    assert_bound(bounded([6.0]) / 4, [S])


def test_exact_zero_divided_is_exactly_zero():
    assert_bound(bounded([0.0]) / 3, [0.0])


@pytest.mark.parametrize("numerator", [0.0, 1.0])
@pytest.mark.parametrize("error", [1.0, 2.0])
def test_divisor_that_may_be_zero_leaves_no_bound(numerator, error):
    assert (bounded([numerator]) / bounded([1.0], error)).error == np.inf


def test_exact_zero_settles_a_product_with_what_has_no_bound():
    with np.errstate(all="ignore"):
        result = bounded([0.0]) * bounded([np.inf], np.inf)
    assert (result.value, result.error) == (0.0, 0.0)


def test_product_carries_each_error_by_the_other_factor_at_its_largest():
    carried = 2.0 * 0.5 + 0.25 * (3.0 + 0.5)
    assert_bound(bounded(2.0, 0.25) * bounded(-3.0, 0.5), carried + W * (6.0 + carried) + S)


def matmul_by_hand(a: Any, ea: Any, b: Any, eb: Any) -> float:
    """The bound of one dot product of three terms, none of them 0."""
    carried = sum(abs(x) * fy + fx * (abs(y) + fy) for x, fx, y, fy in zip(a, ea, b, eb, strict=True))
    size = sum(abs(x * y) for x, y in zip(a, b, strict=True)) + carried
    inherited = carried + W * size + 3 * S
    inner = inherited + (FLOAT32.gamma(1) + FLOAT64.gamma(1)) * (size + inherited) + S
    return inner + W * (abs(sum(x * y for x, y in zip(a, b, strict=True))) + inner) + S


def test_matmul_follows_its_derivation_whatever_the_number_of_rows():
    a, ea = [[1.0, -2.0, 3.0]], [[0.1, 0.2, 0.3]]
    b, eb = [[4.0], [5.0], [-6.0]], [[0.4], [0.5], [0.6]]
    derived = matmul_by_hand(a[0], ea[0], np.ravel(b), np.ravel(eb))
    assert_bound(bounded(a, ea) @ bounded(b, eb), [[derived]])
    rows = bounded(np.repeat(a, 5, axis=0), np.repeat(ea, 5, axis=0))
    assert_bound(rows @ bounded(b, eb), [[derived]] * 5)
    steps = bounded(np.tile(a, (2, 5, 1)), np.tile(ea, (2, 5, 1)))
    assert_bound(steps @ bounded([b, b], [eb, eb]), [[[derived]] * 5] * 2)


def test_matmul_inherits_the_error_of_every_product():
    result = bounded([[1.0, 2.0]], 0.5) @ bounded([[4.0], [8.0]], 0.25)
    carried = 1 * 0.25 + 0.5 * 4.25 + 2 * 0.25 + 0.5 * 8.25
    inherited = carried + W * (20 + carried) + 2 * S
    assert result.inherited == pytest.approx(inherited, rel=1e-13)
    assert result.inherited >= inherited
    assert result.magnitude == pytest.approx(20 + carried + inherited, rel=1e-13)


def test_products_with_an_exact_zero_cannot_underflow():
    tiny = 1e-30
    for a, b, products in (
        ([[tiny, tiny]], [[tiny], [tiny]], 2),
        ([[tiny, 0.0]], [[tiny], [tiny]], 1),
        ([[tiny, tiny]], [[0.0], [tiny]], 1),
        ([[0.0, 0.0]], [[tiny], [tiny]], 0),
        ([[tiny, tiny]], [[0.0], [0.0]], 0),
    ):
        inherited = (bounded(a) @ bounded(b)).inherited
        assert products * S <= inherited.item() <= products * S * (1 + 1e-6)


@pytest.mark.parametrize(
    ("condition", "error"),
    [((1.0, 0.5, 0.0, 0.5), 7.0 + 0.2), ((1.0, 0.25, 0.0, 0.5), 0.1), ((0.0, 0.25, 1.0, 0.5), 0.2)],
)
def test_where_reaches_the_other_branch_when_the_choice_is_open_and_only_then(condition, error):
    left, error_left, right, error_right = condition
    chosen = np.where(
        bounded([left], error_left) > bounded([right], error_right), bounded([3.0], 0.1), bounded([-4.0], 0.2)
    )
    assert_bound(chosen, [error])


def test_comparison_of_two_far_numbers_is_decided_whatever_their_signs():
    assert_bound(np.where(bounded([1.0], 0.5) > bounded([-1.0], 0.5), bounded([1.0]), bounded([9.0])), [0.0])


def test_only_where_understands_a_comparison():
    with pytest.raises(TypeError):
        np.concatenate([bounded([1.0]) > bounded([0.0])])


def test_exp_of_an_exact_zero_alone_is_exact():
    units = FUNCTION_ERROR["exp"]
    assert_bound(np.exp(bounded([0.0, 1.0])), [0.0, units * W * np.e + 2 * S])
    carried = np.expm1(0.1)
    assert_bound(np.exp(bounded([0.0], 0.1)), [carried + units * W * (1 + carried) + 2 * S])


def test_log_of_what_may_be_zero_has_no_bound():
    assert (np.log(bounded([1.0, 1.0], [1.0, 2.0])).error == np.inf).all()


def test_log_carries_by_its_steeper_side():
    carried = np.log(2.0) - np.log(1.5)
    assert_bound(np.log(bounded(2.0, 0.5)), carried + FUNCTION_ERROR["log"] * W * (np.log(2.0) + carried) + S)


@pytest.mark.parametrize(
    "shifted",
    [lambda a: a + 0, lambda a: 0 + a, lambda a: a - 0, lambda a: a + bounded(0.0)],
    ids=["right", "left", "subtracted", "bounded"],
)
def test_nothing_is_rounded_when_zero_is_added(shifted):
    result = shifted(bounded([3.0, -4.0], [0.5, 0.25]))
    assert result.value.tolist() == [3.0, -4.0]
    assert result.error.tolist() == [0.5, 0.25]
    assert result.precision is FLOAT32


def test_number_taken_from_zero_is_negated():
    result = 0 - bounded([3.0], 0.5)
    assert (result.value.item(), result.error.item(), result.precision) == (-3.0, 0.5, FLOAT32)


def test_rounded_holds_the_number_itself_in_float64():
    result = Bounded.rounded([3, 2], FLOAT32)
    assert (result.value.dtype, result.value.tolist(), result.precision) == (np.float64, [3.0, 2.0], FLOAT32)
    assert_bound(result, [3 * W + S, 2 * W + S])


def test_exact_holds_the_number_itself_in_float64():
    result = Bounded.exact([3, 0], FLOAT32)
    assert (result.value.dtype, result.value.tolist(), result.precision) == (np.float64, [3.0, 0.0], FLOAT32)
    assert_bound(result, [0.0, 0.0])


OPERATIONS: dict[str, Callable[[Bounded], Bounded]] = {
    "add": lambda a: a + a,
    "subtract": lambda a: a - a,
    "negative": lambda a: -a,
    "multiply": lambda a: a * a,
    "divide": lambda a: a / a,
    "square": lambda a: a**2,
    "matmul": lambda a: a @ a.mT,
    "sum": lambda a: a.sum(-1),
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "absolute": np.abs,
    "maximum": lambda a: np.maximum(a, 1),
    "minimum": lambda a: np.minimum(a, 1),
    "where": lambda a: np.where(a > 1, a, a),
    "getitem": lambda a: a[0],
    "take": lambda a: a.take([0], axis=1),
    "transpose": lambda a: a.mT,
}


@PRECISIONS
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_result_is_of_the_operands_precision(operation, precision):
    assert operation(bounded([[1.0, 2.0, 3.0]], 0.25, precision)).precision is precision


def test_elements_keep_their_own_errors():
    a = bounded([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    for part, value, error in (
        (a[1], [4.0, 5.0, 6.0], [0.4, 0.5, 0.6]),
        (a.take([2, 0], axis=1), [[3.0, 1.0], [6.0, 4.0]], [[0.3, 0.1], [0.6, 0.4]]),
        (a.take([1], axis=0), [[4.0, 5.0, 6.0]], [[0.4, 0.5, 0.6]]),
    ):
        assert part.value.tolist() == value
        assert part.error.tolist() == error


def test_sum_keeps_dimensions_when_told_to_and_counts_its_terms():
    a = bounded(np.ones((2, 3)))
    assert a.sum(1).shape == (2,)
    kept = a.sum(1, keepdims=True)
    assert kept.shape == (2, 1)
    assert kept.terms == 3
    assert type(kept.terms) is int
    assert kept.sum(0).terms == 6
    assert bounded(np.ones((4, 2, 3))).sum((-2, -1)).shape == (4,)


def test_rules_raise_no_floating_point_warnings():
    with np.errstate(all="raise"):
        bounded([1e308, 0.0], np.inf).sum(0)
        bounded([1.0]) / bounded([0.0])


MIXED = replace(FLOAT64, name="mixed", products=FLOAT32)


def test_products_in_a_lower_format_enclose_what_it_computes(rng):
    for scale in (1e-25, 1.0, 1e15):
        a, b = rng.normal(size=(200, 3, 4)) * scale, rng.normal(size=(200, 4, 2)) / 3
        result = Bounded.exact(a, MIXED) @ Bounded.exact(b, MIXED)
        computed = (a.astype(np.float32) @ b.astype(np.float32)).astype(np.float64)
        assert (np.abs(computed - result.value) <= result.error).all()
        assert np.median(np.abs(computed - result.value) / result.error) > 0.01


def test_products_in_a_lower_format_leave_the_rest_as_it_is():
    product = Bounded.exact([[3.0]], MIXED) @ Bounded.exact([[5.0]], MIXED)
    assert product.precision is MIXED
    rounded_operands = 3 * (5 * W + S) + (3 * W + S) * (5 + 5 * W + S)
    size = 15 + rounded_operands
    assert_bound(product, [[rounded_operands + W * size + S]])
    assert_bound(Bounded.exact([3.0], MIXED) * Bounded.exact([5.0], MIXED), [2 * FLOAT64.unit * 15 + 2.0**-1022])


def test_operands_are_rounded_to_the_lower_format_at_their_largest():
    a = bounded([[3.0]], 0.5, MIXED) @ bounded([[1.0]], 0.0, MIXED)
    error_a, error_b = 0.5 + W * 3.5 + S, W + S
    carried = 3 * error_b + error_a * (1 + error_b)
    assert_bound(a, [[carried + W * (3 + carried) + S]])


@pytest.mark.parametrize(
    ("roundings", "gamma"), [(0, 0.0), (2**22, 1 / 3), (2**23, 1.0), (2**24, np.inf), (2**25, np.inf)]
)
def test_gamma_is_the_bound_of_that_many_roundings(roundings, gamma):
    assert FLOAT32.gamma(roundings) == gamma


def sum_by_hand(total: float, magnitude: float, terms: int, precision: Precision) -> float:
    """The bound of a sum of at least three exact terms."""
    inner = (precision.gamma(terms - 2) + FLOAT64.gamma(terms - 2)) * magnitude + (
        terms - 2
    ) * precision.smallest_normal
    rounded = (precision.unit + FLOAT64.unit) * (abs(total) + inner) + precision.smallest_normal
    return (inner + rounded) * (1 + FLOAT64.gamma(terms))


@PRECISIONS
@pytest.mark.parametrize(
    "terms",
    [
        [1.0, -2.0, 4.0],
        [1.0, -2.0, 4.0, 8.0, -16.0],
        [1e-37, -2e-37, 4e-37, 8e-37],
        [1e-37, -2e-37, 4e-37],
        [1.0] * 2**20,
    ],
)
def test_sum_rounds_every_addition_but_the_last_in_a_partial_sum(terms, precision):
    result = Bounded.exact(terms, precision).sum(0)
    assert_bound(result, sum_by_hand(sum(terms), sum(map(abs, terms)), len(terms), precision))


def test_sum_of_two_is_rounded_once_and_of_exact_zeros_never():
    assert_bound(bounded([1.0, 2.0]).sum(0), W * 3 + S)
    assert_bound(bounded([0.0, 0.0, 0.0, 0.0]).sum(0), 0.0)


@pytest.mark.parametrize(
    "call", [np.add.reduce, lambda a: np.add(a, a, dtype=float), np.sin], ids=["reduce", "dtype", "sin"]
)
def test_what_has_no_rule_is_refused(call):
    with pytest.raises(TypeError):
        call(bounded([1.0, 2.0]))


def test_numbers_that_touch_at_one_point_are_not_told_apart():
    assert_bound(np.maximum(bounded([1.0], 0.25), bounded([0.0], 0.75)), [0.75])
