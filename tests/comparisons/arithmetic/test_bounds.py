"""Every rule of Bounded encloses whatever an evaluation of the given precision may give, and not much more.

Candidates are built in ball arithmetic: operands anywhere inside their error, both ends included, and every
rounding anything up to the unit roundoff, both ends included, with subnormal results flushed to zero or kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import flint
import numpy as np
import pytest
from scipy.special import erfc

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.exact import working_bits
from comparisons.arithmetic.precision import FLOAT32, FLOAT64, FUNCTION_ERROR, Precision
from manual.activations import sigmoid, softplus
from manual.number import indicator

PRECISIONS = pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda precision: precision.name)
DTYPES = {"float64": np.float64, "float32": np.float32}
COUNT = 400  # operands per rule, regime and precision; each is tried at every corner of its errors
arb = flint.arb


@pytest.fixture(autouse=True)
def many_bits() -> Iterator[None]:
    with working_bits(400):
        yield


class Rule(NamedTuple):
    """formula: on Bounded; exact: on balls; units: roundings of a candidate; operands: how many."""

    formula: Callable[..., Any]
    exact: Callable[..., Any]
    units: int
    operands: int


RULES = {
    "add": Rule(lambda a, b: a + b, lambda a, b: a + b, 1, 2),
    "subtract": Rule(lambda a, b: a - b, lambda a, b: a - b, 1, 2),
    "multiply": Rule(lambda a, b: a * b, lambda a, b: a * b, 1, 2),
    "divide": Rule(lambda a, b: a / b, lambda a, b: a / b, 1, 2),
    "negative": Rule(lambda a: -a, lambda a: -a, 0, 1),
    "square": Rule(lambda a: a**2, lambda a: a * a, 1, 1),
    "cube": Rule(lambda a: a**3, lambda a: a * a * a, FUNCTION_ERROR["power"], 1),
    "ninth-power": Rule(lambda a: a**9, lambda a: a**9 if a != 0 else a, 8, 1),
    "power-of-zero": Rule(lambda a: a**0, lambda a: arb(1), 0, 1),
    "negative-power": Rule(lambda a: np.abs(a) ** -1.5, lambda a: abs(a) ** -1.5, FUNCTION_ERROR["power"], 1),
    "broken-power": Rule(lambda a: np.abs(a) ** 0.75, lambda a: abs(a) ** arb(0.75), FUNCTION_ERROR["power"], 1),
    "root": Rule(lambda a: np.sqrt(np.abs(a)), lambda a: abs(a).sqrt(), FUNCTION_ERROR["sqrt"], 1),
    "sign": Rule(np.sign, lambda a: a.sgn(), 0, 1),
    "not-below": Rule(lambda a, b: np.where(a >= b, 1, 0), lambda a, b: arb(1) if a >= b else arb(0), 0, 2),
    "half": Rule(lambda a: 0.5 * a, lambda a: a / 2, 0, 1),
    "quarter": Rule(lambda a: a / 4, lambda a: a / 4, 0, 1),
    "third": Rule(lambda a: a / 3, lambda a: a / 3, 1, 1),
    "absolute": Rule(np.abs, abs, 0, 1),
    "maximum": Rule(np.maximum, lambda a, b: a.max(b), 0, 2),
    "minimum": Rule(np.minimum, lambda a, b: a.min(b), 0, 2),
    "relu": Rule(lambda a: np.maximum(a, 0), lambda a: a.max(arb(0)), 0, 1),
    "step": Rule(lambda a: np.where(a > 0, 1, 0), lambda a: arb(1) if a > 0 else arb(0), 0, 1),
    "exp": Rule(np.exp, lambda a: a.exp(), FUNCTION_ERROR["exp"], 1),
    "log": Rule(np.log, lambda a: a.log(), FUNCTION_ERROR["log"], 1),
    "expm1": Rule(np.expm1, lambda a: a.expm1(), FUNCTION_ERROR["expm1"], 1),
    "log1p": Rule(np.log1p, lambda a: a.log1p(), FUNCTION_ERROR["log1p"], 1),
    "erfc": Rule(erfc, lambda a: a.erfc(), FUNCTION_ERROR["erfc"], 1),
    "arctan": Rule(np.arctan, lambda a: a.atan(), FUNCTION_ERROR["arctan"], 1),
    "tanh": Rule(np.tanh, lambda a: a.tanh(), FUNCTION_ERROR["tanh"], 1),
}
BY_TWO = [name for name, rule in RULES.items() if rule.operands == 2]
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def _sizes(rng: np.random.Generator, low: float, high: float) -> Any:
    return rng.choice([-1, 1], COUNT) * 2.0 ** rng.uniform(low, high, COUNT)


# value and error of COUNT operands; bits is the range of exponents that the precision has
REGIMES: dict[str, Callable[[np.random.Generator, Precision, int], tuple[Any, Any]]] = {
    "exact": lambda rng, p, bits: (_sizes(rng, -6, 5), np.zeros(COUNT)),
    "few-units": lambda rng, p, bits: (v := _sizes(rng, -6, 5), np.abs(v) * p.unit * rng.uniform(0, 9, COUNT)),
    "less-than-a-unit": lambda rng, p, bits: (v := _sizes(rng, -6, 5), np.abs(v) * FLOAT64.unit * rng.random(COUNT)),
    "percents": lambda rng, p, bits: (v := _sizes(rng, -6, 5), np.abs(v) * rng.uniform(0, 0.1, COUNT)),
    "around-zero": lambda rng, p, bits: (v := _sizes(rng, -6, 5), np.abs(v) * rng.uniform(0.9, 1.5, COUNT)),
    "nearly-lost": lambda rng, p, bits: (v := _sizes(rng, -6, 5), np.abs(v) * (1 - 2.0 ** -rng.uniform(1, 52, COUNT))),
    "zero": lambda rng, p, bits: (np.zeros(COUNT), rng.integers(0, 2, COUNT) * rng.random(COUNT)),
    "tiny": lambda rng, p, bits: (v := _sizes(rng, -bits, -bits / 2), np.abs(v) * p.unit * rng.uniform(0, 9, COUNT)),
    "tiny-and-lost": lambda rng, p, bits: (v := _sizes(rng, -bits, -bits / 3), np.abs(v) * rng.uniform(0, 2, COUNT)),
    "huge": lambda rng, p, bits: (v := _sizes(rng, bits / 3, bits - 2), np.abs(v) * p.unit * rng.uniform(0, 9, COUNT)),
    "infinite-error": lambda rng, p, bits: (_sizes(rng, -6, 5), np.full(COUNT, np.inf)),
}
each_regime = pytest.mark.parametrize("regime", REGIMES)


def operand(regime: str, precision: Precision, rng: np.random.Generator) -> Bounded:
    bits = 1022 if precision is FLOAT64 else 126
    value, error = REGIMES[regime](rng, precision, bits)
    if precision is FLOAT32:
        value = np.float32(value).astype(np.float64)
    least = Bounded.exact(value, precision).error  # what a flush of the operand itself may add
    return Bounded(value, np.maximum(error, least), precision)


def corners(value: float, error: float) -> tuple[Any, ...]:
    """The operand at both ends of its error, as it stands, and somewhere in between."""
    if not np.isfinite(error):
        return (arb(value),)
    return tuple(arb(value) + arb(t) * arb(error) for t in (-1, 0, 1, 0.37) if error or not t)


def roundings(exact: Any, units: int, precision: Precision) -> Iterator[Any]:
    """What an evaluation may make of an exact result: every rounding up to `units`, and flushed to zero."""
    for t in (-1, 1) if units else (0,):
        yield exact * (1 + arb(t) * units * arb(precision.unit))
    if units and abs(exact) < precision.smallest_normal:
        yield arb(0)


def candidates(rule: Rule, operands: list[Bounded], place: int) -> Iterator[Any]:
    ends = [corners(float(a.value[place]), float(a.error[place])) for a in operands]
    for chosen in product(*ends):
        exact = rule.exact(*chosen)
        if exact.is_finite():
            units = 0 if rule is RULES["exp"] and exact == 1 else rule.units  # e^0 is 1 everywhere
            yield from roundings(exact, units, operands[0].precision)


def farthest(rule: Rule, operands: list[Bounded], result: Bounded, place: int) -> Any:
    """The largest distance of any candidate from the value."""
    value = arb(float(result.value[place]))
    return max((abs(candidate - value) for candidate in candidates(rule, operands, place)), default=arb(0))


def escaped(rule: Rule, operands: list[Bounded], result: Bounded) -> list[int]:
    """The places where a candidate lies outside the bound."""
    told = np.flatnonzero(np.isfinite(result.error))
    return [i for i in told if not farthest(rule, operands, result, i) <= arb(float(result.error[i]))]


@PRECISIONS
@each_regime
@each_rule
def test_rule_encloses_every_candidate(rule, regime, precision, rng):
    operands = [operand(regime, precision, rng) for _ in range(rule.operands)]
    result = rule.formula(*operands)
    assert not np.isnan(result.error).any()
    assert escaped(rule, operands, result) == []


@PRECISIONS
@pytest.mark.parametrize(
    "regimes", list(product(["exact", "tiny", "huge", "zero", "around-zero"], repeat=2)), ids="-".join
)
@pytest.mark.parametrize("name", BY_TWO)
def test_rule_encloses_operands_of_unlike_sizes(name, regimes, precision, rng):
    operands = [operand(regime, precision, rng) for regime in regimes]
    assert escaped(RULES[name], operands, RULES[name].formula(*operands)) == []


@PRECISIONS
@pytest.mark.parametrize("name", BY_TWO)
def test_rule_encloses_cancellation(name, precision, rng):
    a = operand("few-units", precision, rng)
    b = Bounded(a.value * (1 + precision.unit * rng.integers(-3, 4, COUNT)), a.error.copy(), precision)
    assert escaped(RULES[name], [a, b], RULES[name].formula(a, b)) == []


@PRECISIONS
@pytest.mark.parametrize("regime", ["exact", "few-units", "percents"])
@each_rule
def test_rule_is_tight(rule, regime, precision, rng):
    operands = [operand(regime, precision, rng) for _ in range(rule.operands)]
    result = rule.formula(*operands)
    told = np.flatnonzero(np.isfinite(result.error) & (result.error > 2 * precision.smallest_normal))
    reached = [float(farthest(rule, operands, result, i)) / float(result.error[i]) for i in told]
    assert not reached or np.median(reached) > (
        0.12 if rule is RULES["third"] else 0.4
    )  # a third allows four roundings


class Machine:
    """Floating-point arithmetic of the worst kind: every result rounded up to u away from the goal, on balls."""

    def __init__(self, precision: Precision, rng: np.random.Generator, goal: int) -> None:
        self.unit, self.rng, self.goal = arb(precision.unit), rng, goal

    def rounded(self, exact: Any) -> Any:
        """Rounded towards the goal, a sign; or anywhere if that is 0."""
        share = self.goal * (1 if exact > 0 else -1) if self.goal else float(self.rng.uniform(-1, 1))
        return exact * (1 + self.unit * arb(share))

    def total(self, terms: list[Any]) -> Any:
        """The terms added up pair by pair, in a random order."""
        left = [terms[i] for i in self.rng.permutation(len(terms))]
        while len(left) > 1:
            i = int(self.rng.integers(len(left) - 1))
            left[i : i + 2] = [self.rounded(left[i] + left[i + 1])]
        return left[0]

    def dot(self, x: list[Any], y: list[Any], *more: Any) -> Any:
        """The products, rounded or fused into their addition, and whatever else is added."""
        products = [a * b if self.rng.random() < 0.3 else self.rounded(a * b) for a, b in zip(x, y, strict=True)]
        return self.total([*products, *more])

    def held(self, a: Bounded) -> Any:
        """What this machine may hold of `a`: at the end of its error that suits the goal, or anywhere in it."""
        share = self.goal if self.goal else self.rng.uniform(-1, 1, a.shape)
        towards = np.sign(a.value) * share if self.goal else share
        return np.vectorize(lambda v, e: arb(v) + arb(e), otypes=[object])(a.value, a.error * towards)


def table(rng: np.random.Generator, precision: Precision, *shape: int) -> Bounded:
    value = np.float32(rng.normal(size=shape) * 2.0 ** rng.integers(-5, 5, shape)).astype(np.float64)
    return Bounded(value, np.abs(value) * precision.unit * rng.choice([0.0, 3.0, 1e3], shape), precision)


def inside(candidate: Any, result: Bounded) -> bool:
    return bool(abs(candidate - arb(float(result.value))) <= arb(float(result.error)))


GOALS = pytest.mark.parametrize("goal", [-1, 0, 1], ids=["inwards", "anywhere", "outwards"])


@PRECISIONS
@GOALS
@pytest.mark.parametrize("terms", [1, 2, 3, 8, 40])
def test_sum_encloses_every_order(terms, goal, precision, rng):
    machine = Machine(precision, rng, goal)
    a = table(rng, precision, 120, terms)
    results = a.sum(-1)
    candidates = [machine.total(list(row)) for row in machine.held(a)]
    assert all(
        inside(c, Bounded(v, e, precision)) for c, v, e in zip(candidates, results.value, results.error, strict=True)
    )


@PRECISIONS
@GOALS
@pytest.mark.parametrize("terms", [1, 2, 3, 8, 40])
def test_layer_encloses_every_order_the_bias_included(terms, goal, precision, rng):
    machine = Machine(precision, rng, goal)
    x, W, b = table(rng, precision, 40, terms), table(rng, precision, terms, 3), table(rng, precision, 1, 3)
    z = x @ W + b
    held_x, held_W, held_b = machine.held(x), machine.held(W), machine.held(b)
    for i, j in np.ndindex(z.shape):
        candidate = machine.dot(list(held_x[i]), list(held_W[:, j]), held_b[0, j])
        assert inside(candidate, Bounded(z.value[i, j], z.error[i, j], precision))


def float_sums(values: Any, rng: np.random.Generator) -> Iterator[Any]:
    """The sum over the last axis as NumPy adds, from the left in a random order, and in blocks."""
    yield values.sum(-1)
    yield np.cumsum(rng.permuted(values, axis=-1), axis=-1)[..., -1]
    yield sum(values[..., i::4].sum(-1) for i in range(4))


@PRECISIONS
@pytest.mark.parametrize("terms", [2, 9, 300])
def test_sum_encloses_floating_point_sums(terms, precision, rng):
    a = rng.normal(size=(2000, terms)).astype(DTYPES[precision.name])
    result = Bounded.exact(a, precision).sum(-1)
    assert all((np.abs(way.astype(np.float64) - result.value) <= result.error).all() for way in float_sums(a, rng))


@PRECISIONS
def test_matrix_product_encloses_floating_point_products(precision, rng):
    x, W = (rng.normal(size=shape).astype(DTYPES[precision.name]) for shape in ((40, 30, 17), (40, 17, 5)))
    result = Bounded.exact(x, precision) @ Bounded.exact(W, precision)
    ways = [x @ W, np.einsum("...ij,...jk", x, W), *float_sums(x[..., None, :] * W.mT[..., None, :, :], rng)]
    assert all((np.abs(way.astype(np.float64) - result.value) <= result.error).all() for way in ways)


def flushed(exact: Any, precision: Precision) -> Any:
    return arb(0) if abs(exact) < precision.smallest_normal else exact


@PRECISIONS
@pytest.mark.parametrize("terms", [2, 3, 4, 9])
def test_sum_encloses_partial_sums_flushed_to_zero(terms, precision, rng):
    values = rng.choice([-1, 1], (200, terms)) * rng.uniform(1, 2, (200, terms)) * precision.smallest_normal
    result = Bounded.exact(values, precision).sum(-1)
    for row, value, error in zip(values, result.value, result.error, strict=True):
        candidate = arb(0)
        for term in rng.permutation(row).tolist():
            candidate = flushed(candidate + arb(term), precision)
        assert inside(candidate, Bounded(value, error, precision))


@PRECISIONS
@pytest.mark.parametrize("terms", [1, 2, 3, 9])
def test_layer_encloses_products_flushed_to_zero(terms, precision, rng):
    size = np.sqrt(precision.smallest_normal)
    x, W = (rng.uniform(0.3, 1.2, shape) * size for shape in ((40, terms), (terms, 3)))
    if precision is FLOAT32:
        x, W = (np.float32(values).astype(np.float64) for values in (x, W))
    z = Bounded.exact(x, precision) @ Bounded.exact(W, precision)
    for i, j in np.ndindex(z.shape):
        products = [flushed(arb(a) * arb(b), precision) for a, b in zip(x[i].tolist(), W[:, j].tolist(), strict=True)]
        assert inside(sum(products, arb(0)), Bounded(z.value[i, j], z.error[i, j], precision))


@PRECISIONS
@pytest.mark.parametrize("terms", [2, 8, 40])
def test_sum_is_tight(terms, precision, rng):
    machine = Machine(precision, rng, 1)
    a = Bounded.exact(np.float32(rng.random((50, terms))), precision)
    result = a.sum(-1)
    reached = [
        float(abs(machine.total(list(row)) - arb(v))) / e
        for row, v, e in zip(machine.held(a), result.value, result.error, strict=True)
    ]
    assert np.median(reached) > 0.9 / terms  # a tree is less deep than the chain that the bound allows for


def test_a_sum_of_sums_may_be_added_in_any_order():
    a, b = (Bounded.exact(v, FLOAT64) for v in ([1e16, 1.0], [-1e16, 1.0]))
    result = (a + b).sum(-1)
    ways = [(1e16 + 1.0) + (-1e16 + 1.0), (1e16 + -1e16) + (1.0 + 1.0), ((1e16 + 1.0) + -1e16) + 1.0]
    assert all(abs(way - result.value) <= result.error for way in ways)


def test_a_difference_takes_its_operands_as_they_stand():
    a, b = (Bounded.exact(v, FLOAT64) for v in (1e16, 1e16 - 2))
    assert (a - b).error < 1e-15


@PRECISIONS
@pytest.mark.parametrize("n", [3, 7, 9, 15], ids=lambda n: f"N={n}")
def test_mean_may_multiply_by_the_rounded_reciprocal_of_rows_and_outputs(n, precision, rng):
    kind = DTYPES[precision.name]
    d = rng.normal(size=4000).astype(kind)
    mean = 2 * Bounded.exact(d, precision) / n
    rows, outputs = (3, n // 3) if n % 3 == 0 else (n, 1)
    one = kind(1)
    ways = [kind(2) * d / kind(n), d * kind(2 / n), kind(2) * d * (one / kind(rows)) * (one / kind(outputs))]
    assert all((np.abs(way.astype(np.float64) - mean.value) <= mean.error).all() for way in ways)


@PRECISIONS
@pytest.mark.parametrize("n", [1, 2, 4, 8], ids=lambda n: f"N={n}")
def test_dividing_by_a_power_of_two_rounds_nothing(n, precision):
    assert (Bounded.exact(1.7, precision) / n).error <= precision.smallest_normal * 1.1


SIGMOIDS = {
    "one-over": lambda z: 1 / (1 + np.exp(-z)),
    "stable": sigmoid,
    "fraction": lambda z: np.where(z > 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(np.minimum(z, 80)))),
}


@PRECISIONS
@pytest.mark.parametrize("way", SIGMOIDS.values(), ids=SIGMOIDS)
def test_sigmoid_encloses_the_ways_to_write_it(way, precision, rng):
    z = np.concatenate([rng.uniform(-750, 750, 4000), rng.uniform(-40, 40, 4000), rng.normal(size=4000), [0.0]])
    z = z.astype(DTYPES[precision.name])
    result = sigmoid(Bounded.exact(z, precision))
    with np.errstate(over="ignore"):
        candidate = way(z).astype(np.float64)
    assert (np.abs(candidate - result.value) <= result.error).all()


@PRECISIONS
def test_softplus_encloses_log1p_and_logaddexp(precision, rng):
    z = rng.uniform(-750, 750, 4000).astype(DTYPES[precision.name])
    result = softplus(Bounded.exact(z, precision))
    ways = [np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), np.logaddexp(z, z.dtype.type(0)), softplus(z)]
    assert all((np.abs(way.astype(np.float64) - result.value) <= result.error).all() for way in ways)


ZERO, UNKNOWN = Bounded.exact([[0.0]], FLOAT64), Bounded(np.array([[1.0]]), np.array([[np.inf]]), FLOAT64)
NO_BOUND = {
    "overflow": lambda: np.exp(Bounded.exact(1000.0, FLOAT64)),
    "log-of-zero": lambda: np.log(ZERO),
    "log-of-a-number-that-may-be-zero": lambda: np.log(Bounded(np.array(1.0), np.array(1.0), FLOAT64)),
    "division-by-zero": lambda: 1 / ZERO,
    "division-by-a-number-that-may-be-zero": lambda: 1 / Bounded(np.array(1.0), np.array(1.0), FLOAT64),
    "infinity-minus-infinity": lambda: Bounded.exact(np.inf, FLOAT64) - Bounded.exact(np.inf, FLOAT64),
    "sum-with-an-unknown": lambda: (UNKNOWN + 1 + 1).sum((-2, -1)),
    "product-with-an-unknown": lambda: UNKNOWN @ UNKNOWN,
    "tanh-of-nan": lambda: np.tanh(Bounded.exact(np.nan, FLOAT64)),
    "huge-product": lambda: Bounded.exact(1e300, FLOAT64) * Bounded.exact(1e300, FLOAT64),
    "open-maximum": lambda: np.maximum(UNKNOWN, 0),
    "square-of-an-unknown": lambda: UNKNOWN**2,
}


@pytest.mark.parametrize("formula", NO_BOUND.values(), ids=NO_BOUND)
def test_where_nothing_is_known_the_bound_is_infinite(formula):
    assert np.isposinf(formula().error).all()


@pytest.mark.parametrize("formula", [lambda: ZERO * UNKNOWN, lambda: UNKNOWN * ZERO], ids=["left", "right"])
def test_an_exact_zero_settles_a_product(formula):
    assert formula().value == 0
    assert formula().error == 0


@pytest.mark.parametrize("error", [0.0, 0.5, 1.0, 2.0])
def test_slope_at_a_kink_is_open_where_the_error_reaches_it(error):
    z = Bounded(np.array([1.0]), np.array([error]), FLOAT64)
    slope = np.where(z > 0, 1, 0)
    assert slope.value == 1
    assert (slope.error == 0) == (error < 1)


def test_an_exact_zero_is_on_the_kink_and_decided():
    slope = np.where(Bounded.exact([0.0], FLOAT64) > 0, 1, 0)
    assert (slope.value, slope.error) == (0, 0)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [((1.0, 0.0), 1.0, 0.0), ((1.0, 0.0), 2.0, 0.0), ((1.0, 0.5), 1.0, 1.0), ((1.0, 0.5), 1.5, 1.0)],
)
def test_equality_is_open_where_an_error_leaves_it_so(a, b, error):
    held = Bounded(*map(np.array, a), FLOAT64)
    same, other = np.where(held == b, 1, 0), np.where(held != b, 1, 0)
    assert (float(same.value), float(other.value)) == (a[0] == b, a[0] != b)
    assert same.error == other.error == pytest.approx(error)


@PRECISIONS
def test_adding_exactly_zero_changes_nothing(precision, rng):
    a = operand("few-units", precision, rng)
    assert all((way.error == a.error).all() for way in (a + 0, 0 + a, a - 0, 0 - a))


@PRECISIONS
def test_numbers_held_exactly_have_no_error_unless_subnormal(precision):
    tiny = precision.smallest_normal
    assert Bounded.exact([1.0, tiny, tiny / 2, -tiny / 4, 0.0], precision).error.tolist() == [
        0,
        0,
        tiny / 2,
        tiny / 4,
        0,
    ]


@PRECISIONS
def test_rounded_numbers_are_within_a_rounding(precision, rng):
    rates = 10.0 ** rng.uniform(-6, 0, 2000)
    held = rates.astype(DTYPES[precision.name]).astype(np.float64)
    assert (np.abs(held - rates) <= Bounded.rounded(rates, precision).error).all()


@pytest.mark.parametrize("formula", [np.cbrt, lambda a: np.add.reduce(a)], ids=["cbrt", "reduce"])
def test_a_formula_without_a_rule_is_refused(formula):
    with pytest.raises((TypeError, NotImplementedError)):
        formula(Bounded.rounded([1.0, 2.0], FLOAT64))


@PRECISIONS
def test_a_power_by_each_steps_number_encloses_repeated_products(precision, rng):
    kind = DTYPES[precision.name]
    base = rng.uniform(0.5, 1, (50, 1)).astype(kind)
    result = Bounded.exact(base, precision) ** np.arange(400)
    products = np.cumprod(np.repeat(base, 399, axis=1), axis=1)
    ways = [np.concatenate([np.ones_like(base), products], axis=1), base ** np.arange(400, dtype=kind)]
    assert all((np.abs(way.astype(np.float64) - result.value) <= result.error).all() for way in ways)


def test_a_constant_that_float32_has_not_is_rounded_there():
    one = {p.name: Bounded.exact(1.0, p) for p in (FLOAT32, FLOAT64)}
    assert float(np.float32(0.01)) != 0.01
    assert (one["float32"] - 0.01).error > (one["float32"] - 0.25).error
    assert (one["float64"] - 0.01).error <= FLOAT64.unit * 3


def test_the_root_of_what_may_be_zero_reaches_it():
    root = np.sqrt(Bounded(np.array([1e-10, 0.0]), np.array([2e-10, 1e-20]), FLOAT64))
    assert (root.error >= [1e-5, 1e-10]).all()
    assert (root.error <= [1.0001e-5, 1.0001e-10]).all()


@PRECISIONS
def test_a_power_by_a_rounded_exponent_encloses_it(precision, rng):
    kind = DTYPES[precision.name]
    base, decay, t = kind(0.96), kind(0.004), np.arange(1, 3000)
    exponent = Bounded.exact(t, precision) * Bounded.exact(float(decay), precision)
    assert (exponent.error > 0).all()
    result = Bounded.exact(float(base), precision) ** exponent
    ways = [base ** (t.astype(kind) * decay), np.exp(t.astype(kind) * decay * np.log(base))]
    assert all((np.abs(way.astype(np.float64) - result.value) <= result.error).all() for way in ways)
    assert (result.error <= 8 * (precision.unit + FLOAT64.unit) * result.value).all()
    for way in ways:
        assert (np.abs(way * (1 + 16 * precision.unit) - result.value) > result.error).all()


def test_an_indicator_is_what_choosing_between_one_and_zero_gives():
    z = Bounded(np.array([-2.0, -1e-9, 0.0, 1e-9, 3.0, np.inf]), np.array([0.0, 1e-8, 0.0, 1e-8, 0.5, 0.0]), FLOAT32)
    found, due = indicator(z > 0, z), np.where(z > 0, 1, 0 * z)
    np.testing.assert_array_equal(found.value, due.value)
    np.testing.assert_array_equal(found.error, due.error)
    np.testing.assert_array_equal(found.error > 0, [False, True, False, True, False, False])


def test_a_product_with_an_indicator_is_one_of_its_two_numbers_and_rounds_nothing():
    z = Bounded(np.array([-2.0, -1e-9, 1e-9, 3.0, 3.0, 3.0]), np.array([0.5, 1e-8, 1e-8, 0.5, 0.0, 0.0]), FLOAT32)
    a = Bounded(np.array([5.0, 5.0, -5.0, -5.0, np.inf, 0.0]), np.array([1e-6, 1e-6, 1e-6, 1e-6, np.inf, 0.0]), FLOAT32)
    for found in (a * indicator(z > 0, z), indicator(z > 0, z) * a):
        np.testing.assert_array_equal(found.value, [0.0, 0.0, -5.0, -5.0, np.inf, 0.0])
        np.testing.assert_allclose(found.error, [0.0, 5 + 1e-6, 5 + 1e-6, 1e-6, np.inf, 0.0], rtol=1e-12)
        assert (found.error[:4] >= [0.0, 5 + 1e-6, 5 + 1e-6, 1e-6]).all()


def test_two_errors_side_by_side_are_multiplied_with_an_indicator_like_either_alone():
    rng = np.random.default_rng(8)
    z = Bounded(rng.normal(size=(3, 4, 5)), 0.3 * rng.random((3, 4, 5)), FLOAT32)
    value, errors = rng.normal(size=(3, 4, 5)), rng.random((2, 3, 4, 5))
    both = Bounded(value, errors, FLOAT32) * indicator(z > 0, z)
    for number in (0, 1):
        alone = Bounded(value, errors[number], FLOAT32) * indicator(z > 0, z)
        np.testing.assert_array_equal(both.error[number], alone.error)
        np.testing.assert_array_equal(both.value, alone.value)
