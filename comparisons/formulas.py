"""The formulas of a training step as LaTeX: the manual formulas run over symbols, nothing retyped.

One row of data; the loss of a batch is the mean over its rows, and so are the derivatives. Where the network has one
output and at most one hidden layer, every derivative is written as the whole chain; in a larger one it is written
with δᵏⱼ = ∂L/∂zᵏⱼ, layer by layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy

from comparisons.arithmetic.symbolic import Symbols, as_symbols, branch, latex, symbolic_parameters
from comparisons.chains import last_layer, simplifies
from manual import dense
from manual.activations import ACTIVATIONS
from manual.losses import LOSSES
from manual.optimizers import sgd
from problems.problem import Network, Problem, ProblemError

MOST_PARAMETERS = 60
ETA = as_symbols(sympy.Symbol("eta", positive=True))


def latex_formulas(problem: Problem) -> str:
    """Forward, loss, every derivative and every update of one row, as an align* environment (amsmath).

    Raises ProblemError where the network is too large to be written out element by element.
    """
    count = sum(n_in * n_out for n_in, n_out in problem.network.parameter_shapes.values())
    if count > MOST_PARAMETERS:
        raise ProblemError(f"--latex: {count} parameters are too many to write out; at most {MOST_PARAMETERS}")
    written = _Written(problem)
    parts = [written.forward(), written.loss(), written.backward(), written.update()]
    body = " \\\\[1ex]\n".join(" \\\\\n".join(f"{left} &{right}" for left, right in part) for part in parts)
    note = "% one row; over a batch, L and every derivative are the mean over its rows\n" * (problem.batch_size > 1)
    return f"{note}\\begin{{align*}}\n{body}\n\\end{{align*}}"


class _Written:
    """The symbols of one problem, and its formulas over them: pairs of a left and a right side."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.network = problem.network
        self.parameters = symbolic_parameters(self.network)
        self.y = _row(letters("y", self.network.units[-1], "y"))
        self.z = [_row(z_letters(self.network, layer)) for layer in self.network.layers]
        self.a = [_row(a_letters(self.network, layer)) for layer in (0, *self.network.layers)]
        self.whole = self.network.units[-1] == 1 and len(self.network.units) <= 2

    def forward(self) -> Iterator[tuple[str, str]]:
        """z = x W + b, a = f(z), node by node."""
        for layer, activation in zip(self.network.layers, self.network.activations, strict=True):
            before, after = self.z[layer - 1], self.a[layer]
            sums = dense.forward(self.a[layer - 1], self.parameters[f"W{layer}"], self.parameters[f"b{layer}"])
            values = ACTIVATIONS[activation].value(before)
            for z, a, total, value in zip(before.flat, after.flat, sums.flat, values.flat, strict=True):
                yield latex(as_symbols(z)), f"= {latex(as_symbols(total))}"
                if activation != "linear":
                    yield latex(as_symbols(a)), f"= {latex(as_symbols(_readable(value, z)))}"

    def loss(self) -> Iterator[tuple[str, str]]:
        """L of ŷ."""
        value = LOSSES[self.problem.loss].value(self.y, self.a[-1]).item()
        yield "L", f"= {latex(as_symbols(_readable(value, *self.a[-1].flat)))}"

    def backward(self) -> Iterator[tuple[str, str]]:
        """∂L/∂ŷ and, through the layers, every derivative."""
        last = last_layer(self.network)
        slope = LOSSES[self.problem.loss].derivative(self.y, self.a[-1])
        dz = self._times_slope(slope, last)
        for y_hat, z, value, product in zip(self.a[-1].flat, self.z[-1].flat, slope.flat, dz.flat, strict=True):
            yield _partial(y_hat), f"= {latex(as_symbols(_readable(value, y_hat)))}"
            if y_hat != z:
                yield _partial(z), f"= {latex(as_symbols(_factored(product)))}"
        for layer in reversed(self.network.layers):
            if not self.whole:
                yield from _deltas(layer, self.network, dz)
                dz = _row(letters(rf"\delta^{{{layer}}}", self.network.units[layer - 1]))
            W = self.parameters[f"W{layer}"]
            dW, db, da = dense.backward(self.a[layer - 1], W, dz)
            for name, gradient in ((f"W{layer}", dW), (f"b{layer}", db)):
                for parameter, value in zip(self.parameters[name].flat, gradient.flat, strict=True):
                    yield _partial(parameter), f"= {latex(as_symbols(_factored(value)))}"
            if layer > 1:
                dz = self._times_slope(da, layer - 1)

    def _times_slope(self, da: Symbols, layer: int) -> Symbols:
        slope = ACTIVATIONS[self.network.activations[layer - 1]].slope(self.z[layer - 1], self.a[layer])
        product = da * slope
        return as_symbols(np.vectorize(_cancelled, otypes=[object])(product)) if self._cancels(layer) else product

    def _cancels(self, layer: int) -> bool:
        return layer == last_layer(self.network) and simplifies(self.problem)

    def update(self) -> Iterator[tuple[str, str]]:
        """Every parameter's move."""
        for name, values in self.parameters.items():
            named = np.vectorize(lambda p: sympy.Symbol(_partial(p)), otypes=[object])(values.view(np.ndarray))
            moved = sgd({name: values}, {name: as_symbols(named)}, ETA)[name]
            for before, after in zip(values.flat, moved.flat, strict=True):
                yield latex(as_symbols(before)), rf"\leftarrow {latex(as_symbols(after))}"


def _deltas(layer: int, network: Network, dz: Symbols) -> Iterator[tuple[str, str]]:
    for symbol, value in zip(letters(rf"\delta^{{{layer}}}", network.units[layer - 1]), dz.flat, strict=True):
        yield latex(as_symbols(symbol)), f"= {latex(as_symbols(_factored(value)))}"


def letters(name: str, count: int, single: str | None = None) -> list[Any]:
    """Real symbols name_1, name_2, ...; a single one is called `single` where that is given."""
    if count == 1 and single is not None:
        return [sympy.Symbol(single, real=True)]
    return [sympy.Symbol(f"{name}_{{{k}}}", real=True) for k in range(1, count + 1)]


def a_letters(network: Network, layer: int) -> list[Any]:
    """x₁, x₂, ... for layer 0, ŷ for the last, h₁, h₂, ... for a single hidden layer, else aᵏ₁, aᵏ₂, ..."""
    last, count = last_layer(network), network.sizes[layer]
    if layer == 0:
        return letters("x", count)
    if layer == last:
        return letters(r"\hat{y}", count, r"\hat{y}")
    return letters("h" if last == 2 else f"a^{{{layer}}}", count)


def z_letters(network: Network, layer: int) -> list[Any]:
    """What a layer's weighted sums are called: as its outputs where it is linear."""
    last, count = last_layer(network), network.sizes[layer]
    if network.activations[layer - 1] == "linear":
        return a_letters(network, layer)
    return letters(f"z^{{{layer}}}", count, "z" if layer == last else None)


def _row(values: list[Any]) -> Symbols:
    return as_symbols(np.array([values], dtype=object))


def _partial(symbol: Any) -> str:
    return rf"\frac{{\partial L}}{{\partial {sympy.latex(symbol)}}}"


def _readable(expression: Any, *at: Any) -> Any:
    """`expression` in the textbook's form, where the code has one that does not overflow: as it reads for z > 0."""
    if expression.has(sympy.exp):
        return branch(expression, dict.fromkeys(at, sympy.Integer(1)))
    return expression


def _cancelled(expression: Any) -> Any:
    return sympy.factor(sympy.cancel(expression))


def _factored(expression: Any) -> Any:
    """Factored where that is possible without touching cases, max or e^(...)."""
    held = expression.has(sympy.exp, sympy.Piecewise, sympy.Max)
    return branchless(expression) if held else sympy.factor(expression)


def branchless(expression: Any) -> Any:
    """σ as 1 / (1 + e^(−z)) inside a longer formula; cases are kept."""
    if not expression.has(sympy.exp):
        return expression
    return branch(expression, dict.fromkeys(expression.free_symbols, sympy.Integer(1)))
