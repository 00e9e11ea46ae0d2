"""SymPy symbols: the manual formulas as formulas, to differentiate, to prove equal and to print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from problems.problem import Network

Expression = Any  # a sympy.Expr; SymPy has no types


class Symbols(np.ndarray):
    """An object array of SymPy expressions, also where it holds a single one, for use in the manual formulas."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function = _FUNCTIONS.get(ufunc.__name__, ufunc) if method == "__call__" else ufunc
        return as_symbols(getattr(function, method)(*map(_plain, inputs), **options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or kwargs:
            return super().__array_function__(function, types, args, kwargs)
        return as_symbols(_PIECEWISE(*map(_plain, args)))

    def shift(self) -> Symbols:
        """Nothing: what keeps e^z from overflowing cancels from the formula."""
        return as_symbols(0)


def _expression(value: Any) -> Expression:
    """A float becomes the fraction it was written as."""
    return sympy.Rational(repr(float(value))) if isinstance(value, float) else sympy.sympify(value)


def _plain(values: Any) -> Any:
    if isinstance(values, Symbols):
        return values.view(np.ndarray)
    array = np.empty((), dtype=object)
    array[()] = values
    held = values if isinstance(values, np.ndarray) else array
    return np.asarray(np.frompyfunc(_expression, 1, 1)(held), dtype=object)


def as_symbols(values: Any) -> Symbols:
    """Expressions and numbers, one or an array of them, as Symbols."""
    result: Symbols = _plain(values).view(Symbols)
    return result


# By the name of the ufunc, so that those of other libraries need no import.
_FUNCTIONS: dict[str, Any] = {
    "exp": np.frompyfunc(sympy.exp, 1, 1),
    "log": np.frompyfunc(sympy.log, 1, 1),
    "tanh": np.frompyfunc(sympy.tanh, 1, 1),
    "absolute": np.frompyfunc(sympy.Abs, 1, 1),
    "maximum": np.frompyfunc(sympy.Max, 2, 1),
    "minimum": np.frompyfunc(sympy.Min, 2, 1),
    "expm1": np.frompyfunc(lambda a: sympy.exp(a) - 1, 1, 1),
    "log1p": np.frompyfunc(lambda a: sympy.log(1 + a), 1, 1),
    "erfc": np.frompyfunc(lambda a: 1 + sympy.erf(-a), 1, 1),
    "arctan": np.frompyfunc(sympy.atan, 1, 1),
    "sqrt": np.frompyfunc(sympy.sqrt, 1, 1),
    "sign": np.frompyfunc(sympy.sign, 1, 1),
    "greater": np.frompyfunc(sympy.Gt, 2, 1),
    "greater_equal": np.frompyfunc(sympy.Ge, 2, 1),
    "less": np.frompyfunc(sympy.Lt, 2, 1),
    "less_equal": np.frompyfunc(sympy.Le, 2, 1),
    "equal": np.frompyfunc(sympy.Eq, 2, 1),
    "not_equal": np.frompyfunc(sympy.Ne, 2, 1),
}
_PIECEWISE = np.frompyfunc(lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)), 3, 1)


def symbols(name: str, shape: tuple[int, int]) -> Symbols:
    """Real symbols `name` with two subscripts counted from 1, as the lesson writes them: `W^{2}` gives W²₁₁, W²₂₁."""
    rows, columns = shape
    named = [[sympy.Symbol(f"{name}_{{{i}{j}}}", real=True) for j in range(1, columns + 1)] for i in range(1, rows + 1)]
    return as_symbols(np.array(named, dtype=object))


def symbolic_parameters(network: Network) -> dict[str, Symbols]:
    """Every parameter of `network` as symbols: W1 (n_in, n_out) holds W¹ᵢⱼ, b1 (1, n_out) holds b¹₁ⱼ."""
    return {name: symbols(f"{name[0]}^{{{name[1:]}}}", shape) for name, shape in network.parameter_shapes.items()}


def symbolic_rows(network: Network, count: int) -> tuple[Symbols, Symbols]:
    """x (count, n_in) and y (count, n_out) as symbols xᵢⱼ, yᵢⱼ, row i."""
    return symbols("x", (count, network.inputs)), symbols("y", (count, network.units[-1]))


def as_lists(values: Symbols) -> list[list[Symbols]]:
    """A table as nested lists of single expressions, as the nine derivatives take their parameters."""
    return [[as_symbols(value) for value in row] for row in values.view(np.ndarray)]


def derivative(loss: Symbols, parameters: Symbols) -> Symbols:
    """∂loss/∂parameter by SymPy, for each of `parameters`."""
    return as_symbols(np.frompyfunc(lambda parameter: sympy.diff(loss.item(), parameter), 1, 1)(_plain(parameters)))


def branch(expression: Expression, point: Mapping[Expression, Expression]) -> Expression:
    """`expression` without max, min, |·|, signs and cases, as it reads around `point` (every symbol to a number)."""

    def at_point(inner: Expression) -> Expression:
        return inner.subs(point)

    def absolute(inner: Expression) -> Expression:
        return inner if at_point(inner) > 0 else -inner

    def case(*pieces: Expression) -> Expression:
        return next(piece.expr for piece in pieces if at_point(piece.cond))

    for function, choice in (
        (sympy.Max, lambda *inner: max(inner, key=at_point)),
        (sympy.Min, lambda *inner: min(inner, key=at_point)),
        (sympy.Abs, absolute),
        (sympy.sign, lambda inner: sympy.sign(at_point(inner))),
        (sympy.Piecewise, case),
    ):
        expression = expression.replace(function, choice)
    return expression


def is_zero(expression: Expression) -> bool:
    """Whether `expression` is proved to be 0 for all values of its symbols, as a fraction of polynomials in e^(...)."""
    forms = (expression, expression.rewrite(sympy.exp))
    return any(bool(sympy.cancel(sympy.together(form)) == 0) for form in forms)


def latex(values: Symbols) -> str:
    """LaTeX of a single expression, or of a table of them as a matrix."""
    return str(sympy.latex(sympy.Matrix(_plain(values)) if values.ndim == 2 else values.item()))
