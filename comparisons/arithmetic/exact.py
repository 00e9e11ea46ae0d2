"""Ball arithmetic: the true value of a formula, enclosed to as many digits as asked (Johansson 2017, Arb)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np

from manual.network import StepResult, loss_routes, train_step
from problems.problem import Array, Parameters, Problem

BITS = 256


class Balls(np.ndarray):
    """An object array of python-flint balls.

    max and min enclose both sides of a tie; a whole power is a product, since python-flint knows no power of a ball
    around 0.
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [x.view(np.ndarray) if isinstance(x, Balls) else x for x in inputs]
        own = _OWN.get(ufunc.__name__)
        if method == "__call__" and own is not None:
            result = own(*plain)
        else:
            result = getattr(ufunc, method)(*plain, **options)
        return result.view(Balls) if isinstance(result, np.ndarray) and result.dtype == object else result


def _power(a: Any, n: Any) -> Any:
    """aⁿ, by squares and products for a whole n from 0."""
    if not (n.is_integer() and n >= 0):
        return a**n
    count, result = int(float(n)), flint.arb(1)
    for bit in bin(count)[2:]:
        result = result * result * (a if bit == "1" else 1)
    return result


def _square_root(a: Any) -> Any:
    """√a; of a ball around 0 what is not negative of it: a square of a ball around 0 has negative numbers in it too."""
    return (a.nonnegative_part() if a.contains(0) else a).sqrt()


_OWN: dict[str, Any] = {
    "power": np.frompyfunc(lambda a, n: _power(flint.arb(a), flint.arb(n)), 2, 1),
    "square": np.frompyfunc(lambda a: a * a, 1, 1),
    "sqrt": np.frompyfunc(lambda a: _square_root(flint.arb(a)), 1, 1),
    **{
        name: np.frompyfunc(lambda a, method=method: getattr(flint.arb(a), method)(), 1, 1)
        for name, method in {"expm1": "expm1", "log1p": "log1p", "erfc": "erfc", "arctan": "atan"}.items()
    },
    "sign": np.frompyfunc(lambda a: flint.arb(a).sgn(), 1, 1),
    "maximum": np.frompyfunc(lambda a, b: flint.arb(a).max(flint.arb(b)), 2, 1),
    "minimum": np.frompyfunc(lambda a, b: flint.arb(a).min(flint.arb(b)), 2, 1),
}
_to_ball = np.frompyfunc(lambda number: flint.arb(float(number)), 1, 1)


@contextmanager
def working_bits(bits: int = BITS) -> Iterator[None]:
    """Balls are computed with `bits` bits inside this block."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def balls(values: Any) -> Balls:
    """An array of floats as exact balls, shape kept."""
    result: Balls = np.asarray(_to_ball(np.asarray(values)), dtype=object).view(Balls)
    return result


def exact_step(problem: Problem, parameters: Parameters, x: Array, y: Array) -> StepResult:
    """One training step on balls: x (rows, n_in), y (rows, n_out), parameters as in the problem.

    The learning rate is the problem's float64, not rounded to its dtype.
    """
    route, *_ = loss_routes(problem.network, problem.loss)
    state = {name: balls(values) for name, values in parameters.items()}
    with working_bits():
        rate = flint.arb(problem.optimizer.learning_rate)
        return train_step(problem.network, route, state, balls(x), balls(y), rate, problem.l2)


def distance(exact: Any, values: Array) -> Array:
    """|values − exact| as float64, rounded up: no smaller than the true distance; infinite where undefined."""

    def away(ball: Any, number: Any) -> float:
        if not np.isfinite(number) or not ball.is_finite():
            return float("inf")
        with working_bits():
            upper = float(abs(ball - flint.arb(float(number))).upper())
        return float(np.nextafter(upper, np.inf)) if upper else 0.0

    return np.asarray(np.frompyfunc(away, 2, 1)(np.asarray(exact), values), dtype=np.float64)


def nearest(exact: Any) -> Array:
    """The float64 numbers nearest to the balls' midpoints."""
    return np.asarray(np.frompyfunc(lambda ball: float(ball.mid()), 1, 1)(np.asarray(exact)), dtype=np.float64)


def step_distance(exact: StepResult, loss: Array, gradients: Parameters, parameters: Parameters) -> Mapping[str, Array]:
    """Quantity name to how far what was reported lies from the exact step."""
    result = {"loss": distance(exact.loss, loss)}
    result |= {f"gradient.{name}": distance(exact.gradients[name], values) for name, values in gradients.items()}
    result |= {f"parameter.{name}": distance(exact.parameters[name], values) for name, values in parameters.items()}
    return result
