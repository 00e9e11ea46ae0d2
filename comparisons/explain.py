"""A formula as it should be, in the lesson's names, with one step's numbers put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from comparisons.candidates import State
from comparisons.chains import Passes, gradient, simplifies
from comparisons.variants import Index
from manual.activations import ACTIVATIONS
from problems.problem import Network, Problem


class Factor(NamedTuple):
    """One factor of a chain: in letters, and with its numbers."""

    letters: str
    numbers: str


def digits(value: float) -> str:
    """A number in six digits, in brackets where it is negative."""
    text = f"{float(value) + 0.0:.6g}"  # + 0.0: a zero without a sign
    return f"({text})" if text.startswith("-") else text


def passes_of(problem: Problem, state: State) -> Passes:
    """Plain float64 passes of one state."""
    parameters = {name: np.asarray(values, dtype=np.float64) for name, values in state.parameters.items()}
    return Passes(
        problem=problem,
        before=parameters,
        after=parameters,
        x=np.asarray(state.x, dtype=np.float64),
        y=np.asarray(state.y, dtype=np.float64),
        learning_rate=np.float64(state.learning_rate),
    )


def derivative_lines(problem: Problem, state: State, name: str, index: Index) -> list[str]:
    """∂L/∂name[index] in letters, then with numbers and the result."""
    passes = passes_of(problem, state)
    result = float(gradient(passes, name, {})[index])
    left = f"∂L/∂{name}[{index[0]},{index[1]}]"
    factors = chain(passes, name, index)
    if not factors:
        return [f"{left} = {formula_of_rows(problem, state, name, index)} = {result:.6g}"]
    letters = " · ".join(factor.letters for factor in factors)
    numbers = " · ".join(factor.numbers for factor in factors)
    return [f"{left} = {letters}", f"{' ' * len(left)} = {numbers} = {result:.6g}"]


def loss_lines(problem: Problem, state: State) -> list[str]:
    """The loss in letters, then with numbers and the result."""
    passes = passes_of(problem, state)
    result = float(passes.route.loss(passes.y, passes.z[-1]))
    letters = LOSS_LETTERS[problem.loss]
    if passes.y.size > 1:
        return [f"L = mean of {letters} = {result:.6g}"]
    y, y_hat = passes.y.item(), passes.a[-1].item()
    return [f"L = {letters}", f"  = {_put_in(letters, y, y_hat)} = {result:.6g}"]


LOSS_LETTERS = {
    "mean_squared_error": "(y - ŷ)²",
    "half_squared_error": "½ (y - ŷ)²",
    "binary_cross_entropy": "-y · log ŷ - (1 - y) · log(1 - ŷ)",
    "binary_cross_entropy_with_logits": "-y · log σ(ŷ) - (1 - y) · log(1 - σ(ŷ))",
}


def _put_in(letters: str, y: float, y_hat: float) -> str:
    bracketed = letters.replace("σ(ŷ)", f"σ({y_hat:.6g})")
    return "".join({"y": digits(y), "ŷ": digits(y_hat)}.get(letter, letter) for letter in bracketed)


def chain(passes: Passes, name: str, index: Index) -> list[Factor]:
    """The factors of one derivative; none where it is a sum over rows, outputs or hidden layers."""
    network = passes.network
    if passes.rows > 1 or network.units[-1] > 1 or len(network.units) > 2:
        return []
    layer, (i, j) = int(name[1:]), index
    factors = error_factors(passes)
    if layer < len(network.units):
        factors += back_factors(passes, j)
    if name.startswith("W"):
        letter, values = ("x", passes.a[0]) if layer == 1 else ("h", passes.a[1])
        factors.append(Factor(f"{letter}{i + 1}", digits(values[0, i])))
    return factors


def error_factors(passes: Passes) -> list[Factor]:
    """The loss's slope and, where it does not cancel, the last activation's."""
    y, y_hat = passes.y.item(), passes.a[-1].item()
    if passes.problem.loss == "binary_cross_entropy_with_logits":
        p = ACTIVATIONS["sigmoid"].value(passes.z[-1]).item()
        return [Factor("(σ(ŷ) - y)", f"({p:.6g} - {y:.6g})")]
    two = "2 · " if passes.problem.loss == "mean_squared_error" else ""
    factors = [Factor(f"{two}(ŷ - y)", f"{two}({y_hat:.6g} - {y:.6g})")]
    if not simplifies(passes.problem):
        factors += slope_factors(passes.network.activations[-1], "ŷ", passes.z[-1].item(), y_hat)
    return factors


def back_factors(passes: Passes, j: int) -> list[Factor]:
    """From the output back through W2 and the activation of hidden node j."""
    weight = Factor(f"W2[{j},0]", digits(passes.before["W2"][j, 0]))
    name = passes.network.activations[0]
    return [weight, *slope_factors(name, f"h{j + 1}", passes.z[1][0, j], passes.a[1][0, j])]


def slope_factors(activation: str, letter: str, z: float, a: float) -> list[Factor]:
    """The slope of an activation whose output is called `letter`."""
    slopes: Mapping[str, Any] = {
        "sigmoid": Factor(f"{letter} · (1 - {letter})", f"{a:.6g} · (1 - {a:.6g})"),
        "tanh": Factor(f"(1 - {letter}²)", f"(1 - {digits(a)}²)"),
        "relu": Factor(f"relu′ at {letter}", "1" if z > 0 else "0"),
    }
    return [slopes[activation]] if activation in slopes else []


def formula_of_rows(problem: Problem, state: State, name: str, index: Index) -> str:
    """The derivative in letters where it runs over several rows, or over sums that have no chain of their own."""
    one_row = State(parameters=state.parameters, x=state.x[:1], y=state.y[:1], learning_rate=state.learning_rate)
    factors = chain(passes_of(problem, one_row), name, index)
    if not factors:
        return matrix_formula(problem.network, name)
    return f"mean over {len(state.x)} rows of {' · '.join(factor.letters for factor in factors)}"


def matrix_formula(network: Network, name: str) -> str:
    """The derivative in matrix letters: δk is ∂L/∂z of layer k."""
    layer = int(name[1:])
    if name.startswith("b"):
        return f"Σ over rows of δ{layer}"
    return f"{'x' if layer == 1 else f'a{layer - 1}'}ᵀ δ{layer}"
