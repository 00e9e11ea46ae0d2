"""The formulas of a training step as LaTeX: the manual formulas run over symbols, nothing retyped.

One row of data; the loss of a batch is the mean over its rows, and so are the derivatives. Where the network has one
output and at most one hidden layer, every derivative is written as the whole chain; in a larger one it is written
with δᵏⱼ = ∂L/∂zᵏⱼ, layer by layer.

SymPy orders factors by their names. Here an error (ŷ − y) and a slope h (1 − h) is each a symbol whose name is its
LaTeX, and a product is written in the order of the chain: error, weight, slope, input.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import sympy

from comparisons.arithmetic.symbolic import Symbols, as_symbols, branch, latex, symbolic_parameters
from comparisons.chains import last_layer, simplifies
from comparisons.explanation_elements import elements_backward
from comparisons.problem_words import optimizer_words
from manual import dense
from manual.activations import ACTIVATIONS, softmax, softmax_backward
from manual.losses import LOSSES
from manual.optimizers import rules, sgd
from manual.optimizers.update import decayed, settings_as
from manual.penalty import penalty
from problems.problem import Network, Optimizer, Problem, ProblemError
from problems.targets import SPARSE

MOST_PARAMETERS = 60
Line = tuple[str, str]  # left side; right side with its = or ←


def latex_formulas(problem: Problem) -> str:
    """Forward, loss, every derivative and the update, as an align* environment (amsmath).

    Raises ProblemError where the network is too large to be written out element by element.
    """
    count = problem.network.parameter_count
    if count > MOST_PARAMETERS:
        raise ProblemError(f"--latex: {count} parameters are too many to write out; at most {MOST_PARAMETERS}")
    written = Written(problem)
    parts = [written.forward(), written.loss(), written.backward(), update(problem.optimizer)]
    body = " \\\\[1ex]\n".join(" \\\\\n".join(f"{left} &{right}" for left, right in part) for part in parts)
    comments = "".join(f"% {note}\n" for note in notes(problem))
    return f"{comments}\\begin{{align*}}\n{body}\n\\end{{align*}}"


def notes(problem: Problem) -> Iterator[str]:
    """What has to be known to read the formulas."""
    if problem.batch_size > 1:
        what = "L without its penalty, and its derivatives," if problem.l2 else "L and every derivative"
        yield f"one row; over a batch, {what} are the mean over its rows"
    if problem.l2:
        yield f"\\lambda is l2, {problem.l2:g}"
    if problem.loss in SPARSE:
        yield "y_k is 1 for the class that y counts from 0, else 0"
    if not problem.optimizer.plain:
        yield f"the update: {optimizer_words(problem.optimizer)}; g is what clipping leaves of the derivative"


def update(optimizer: Optimizer) -> Iterator[Line]:
    """θ ← θ − η ∂L/∂θ, or what the optimizer remembers and moves by."""
    theta, eta = (as_symbols(sympy.Symbol(name)) for name in ("theta", "eta"))
    if not optimizer.plain:
        yield from remembered_update(optimizer, theta, eta)
        return
    slope = as_symbols(sympy.Symbol(partial(theta.item()), commutative=False))  # behind η
    moved = sgd({"theta": theta}, {"theta": slope}, eta)["theta"]
    yield latex(theta), rf"\leftarrow {latex(theta)} {latex(moved - theta)} \qquad \text{{for each parameter }} \theta"


def remembered_update(optimizer: Optimizer, theta: Symbols, eta: Symbols) -> Iterator[Line]:
    """g, the slots that g goes into, decay and move; each slot on the right of the move is the new one."""
    rule, *_ = rules(optimizer)
    g, t = (as_symbols(sympy.Symbol(name, real=True)) for name in "gt")
    clipped = r"\text{clipped } " * any(name.startswith("clip") for name in optimizer.settings)
    yield "g", f"= {clipped}{partial(theta.item())}"
    given = settings_as(optimizer, as_symbols) | {"rate": eta, "t": t}
    slots = {name: as_symbols(sympy.Symbol(name, real=True)) for name in rule.start}
    for name, value in rule.absorb(g=g, **slots, **given).items():
        yield latex(slots[name]), rf"\leftarrow {latex(as_symbols(value))}"
    moves = sum((as_symbols(move) for move in rule.moves[0](g=g, **slots, **given)), as_symbols(0))
    kept = decayed(theta, eta, given["weight_decay"]) if "weight_decay" in given else theta
    yield latex(theta), rf"\leftarrow {latex(kept)} - \left({latex(moves)}\right)"


class Written:
    """The formulas of one problem over its symbols.

    meanings: a symbol that stands for a formula to that formula; ranks: where a symbol stands in a product.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.network = problem, problem.network
        self.parameters = symbolic_parameters(self.network)
        self.loss_name = problem.loss.removeprefix("sparse_")
        self.classes = "categorical" in problem.loss
        self.l2 = sympy.Symbol("lambda", positive=True) if problem.l2 else 0
        self.y = row(letters("y", self.network.units[-1], "y"))
        self.z = [row(z_letters(self.network, layer)) for layer in self.network.layers]
        self.a = [row(a_letters(self.network, layer)) for layer in (0, *self.network.layers)]
        self.whole = self.network.units[-1] == 1 and len(self.network.units) <= 2
        self.meanings: dict[Any, Any] = {}
        self.ranks = {symbol: 1 for values in self.parameters.values() for symbol in values.flat}
        self.ranks |= {symbol: 3 for values in self.a for symbol in values.flat}

    def forward(self) -> Iterator[Line]:
        """z = x W + b, a = f(z), node by node."""
        for layer, activation in zip(self.network.layers, self.network.activations, strict=True):
            before = self.z[layer - 1]
            sums = dense.forward(self.a[layer - 1], self.parameters[f"W{layer}"], self.parameters[f"b{layer}"])
            values = ACTIVATIONS[activation].value(before)
            for z, a, total, value in zip(before.flat, self.a[layer].flat, sums.flat, values.flat, strict=True):
                yield tex(z), f"= {tex(total)}"
                if activation != "linear":
                    yield tex(a), f"= {tex(readable(value))}"

    def loss(self) -> Iterator[Line]:
        """L of ŷ."""
        value = readable(LOSSES[self.loss_name].value(self.y, self.a[-1]).item())
        for y, y_hat in zip(self.y.flat, self.a[-1].flat, strict=True):
            if self.problem.loss.endswith("squared_error"):
                difference = sympy.Symbol(rf"\left({tex(y)} - {tex(y_hat)}\right)")
                value = value.subs(y_hat, y - difference)
        added = f" + {tex(penalty(self.parameters, as_symbols(self.l2)).item())}" if self.l2 else ""
        yield "L", f"= {tex(value)}{added}"

    def backward(self) -> Iterator[Line]:
        """∂L/∂ŷ and, through the layers, every derivative."""
        yield from self._output()
        gradients: dict[str, Symbols] = {}
        dz, last = self._error, last_layer(self.network)
        for layer in reversed(self.network.layers):
            if not self.whole:
                deltas = row(letters(rf"\delta^{{{layer}}}", self.network.units[layer - 1]))
                self.ranks |= dict.fromkeys(deltas.flat, 0)
                yield from ((tex(d), f"= {self.product(value)}") for d, value in zip(deltas.flat, dz.flat, strict=True))
                dz = deltas
            elif layer == last and not self._same(self._error, self._loss_slope):
                yield partial(self.z[-1].item()), f"= {self.product(dz.item())}"
            gradients[f"W{layer}"], gradients[f"b{layer}"] = dense.backward(self.a[layer - 1], dz)
            for name, index in elements_backward(self.network):
                if int(name[1:]) == layer:
                    added = f" + {tex(self.l2 * self.parameters[name][index])}" if self.l2 and name[0] == "W" else ""
                    yield partial(self.parameters[name][index]), f"= {self.product(gradients[name][index])}{added}"
            if layer > 1:
                dz = dense.backward_to_inputs(self.parameters[f"W{layer}"], dz) * self._slope(layer - 1)

    def _output(self) -> Iterator[Line]:
        slopes = LOSSES[self.loss_name].derivative(self.y, self.a[-1])
        for y_hat, slope, named in zip(self.a[-1].flat, slopes.flat, self._loss_slope.flat, strict=True):
            shown = tex(readable(slope)) if simplifies(self.problem) else self.product(named)
            yield partial(y_hat), f"= {shown}"

    @cached_property
    def _loss_slope(self) -> Symbols:
        """∂L/∂ŷ with each ŷ − y as one symbol."""
        slopes = LOSSES[self.loss_name].derivative(self.y, self.a[-1])
        return self._class_differences() if self.classes else self._with_differences(slopes)

    def _class_differences(self) -> Symbols:
        """Each probability less its target as one symbol: ∂L/∂z of the softmax, since the targets of a row sum to 1."""
        probabilities = softmax(self.a[-1]) if self.loss_name.endswith("with_logits") else self.a[-1]
        return row([self._difference(p, y) for p, y in zip(probabilities.flat, self.y.flat, strict=True)])

    @cached_property
    def _error(self) -> Symbols:
        """∂L/∂z of the last layer; where the slope cancels, what is left."""
        if self.classes and simplifies(self.problem):
            return self._class_differences()
        if self.network.activations[-1] == "softmax":
            return as_symbols(softmax_backward(self.a[-1], self._loss_slope))
        if not simplifies(self.problem):
            return as_symbols(self._loss_slope * self._slope(last_layer(self.network)))
        chain = LOSSES[self.loss_name].derivative(self.y, self.a[-1])
        slope = ACTIVATIONS[self.network.activations[-1]].slope(self.z[-1], self.a[-1])
        return self._with_differences(as_symbols(np.vectorize(sympy.cancel, otypes=[object])(chain * slope)))

    def _with_differences(self, values: Symbols) -> Symbols:
        return row(
            [self._with_difference(*three) for three in zip(values.flat, self.y.flat, self.a[-1].flat, strict=True)]
        )

    def _with_difference(self, value: Any, y: Any, y_hat: Any) -> Any:
        """`value` with ŷ − y, or σ(ŷ) − y, as one symbol."""
        value = readable(value)
        logits = self.problem.loss.endswith("with_logits")
        held = 1 / (1 + sympy.exp(-y_hat)) if logits else y_hat
        return sympy.cancel(value.subs(held, y + self._difference(held, y)))

    def _difference(self, held: Any, y: Any) -> Any:
        """held − y as one symbol."""
        difference = sympy.Symbol(rf"\left({tex(held)} - {tex(y)}\right)")
        self.ranks[difference], self.meanings[difference] = 0, held - y
        return difference

    def _slope(self, layer: int) -> Symbols:
        """The slopes of a layer's activation, each as one symbol; 1 where it is linear."""
        slopes = as_symbols(ACTIVATIONS[self.network.activations[layer - 1]].slope(self.z[layer - 1], self.a[layer]))
        return slopes if slopes.ndim == 0 else row([self._named(slope) for slope in slopes.flat])

    def _named(self, slope: Any) -> Any:
        text = tex(slope)
        symbol = sympy.Symbol(rf"\left({text}\right)" if slope.is_Add or slope.is_Piecewise else text)
        self.ranks[symbol], self.meanings[symbol] = 2, slope
        return symbol

    def product(self, expression: Any) -> str:
        """A product in the order of the chain; a sum of such products."""
        if expression.is_Add:
            first, *others = map(self.product, expression.args)
            return first + "".join(map(signed, others))
        numbers, factors = expression.as_coeff_mul()
        ordered = sorted(factors, key=lambda factor: (self.ranks.get(factor, 0), str(factor)))
        shown = [rf"\left({self.product(factor)}\right)" if factor.is_Add else tex(factor) for factor in ordered]
        if numbers == -1 and shown:
            return f"- {' '.join(shown)}"
        return " ".join(([tex(numbers)] if numbers != 1 or not shown else []) + shown)

    @staticmethod
    def _same(one: Symbols, other: Symbols) -> bool:
        return bool((one.view(np.ndarray) == other.view(np.ndarray)).all())


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
    if network.activations[layer - 1] == "linear":
        return a_letters(network, layer)
    return letters(f"z^{{{layer}}}", network.units[layer - 1], "z" if layer == last_layer(network) else None)


def row(values: list[Any]) -> Symbols:
    """One row of expressions, (1, n)."""
    return as_symbols(np.array([values], dtype=object))


def tex(expression: Any) -> str:
    """LaTeX of one expression, its terms in the order they were written."""
    return latex(as_symbols(expression))


def signed(term: str) -> str:
    """A term behind others, with its sign between."""
    return f" - {term[1:].lstrip()}" if term.startswith("-") else f" + {term}"


def partial(symbol: Any) -> str:
    """∂L/∂symbol."""
    return rf"\frac{{\partial L}}{{\partial {tex(symbol)}}}"


def readable(expression: Any) -> Any:
    """The textbook's form of what the code writes with min and |z| so that nothing overflows, as it reads for z > 0."""
    if not expression.has(sympy.exp):
        return expression
    return branch(expression, dict.fromkeys(expression.free_symbols, sympy.Integer(1)))
