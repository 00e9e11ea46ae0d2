"""A formula as it should be, in the lesson's names, with one step's numbers put in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from comparisons.candidates import State
from comparisons.chains import Passes, gradient, loss_value, simplifies
from comparisons.variants import Index
from manual.activations import ACTIVATIONS
from problems.problem import Problem


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
    result = float(loss_value(passes, {}))
    letters, penalty = LOSS_LETTERS[problem.loss], penalty_letters(problem)
    if passes.a[-1].size > 1 or penalty:
        mean = "mean of " if passes.a[-1].size > 1 else ""
        return [f"L = {mean}{letters}{penalty} = {result:.6g}"]
    y, y_hat = passes.y.item(), passes.a[-1].item()
    return [f"L = {letters}", f"  = {_put_in(letters, y, y_hat)} = {result:.6g}"]


LOSS_LETTERS = {
    "mean_squared_error": "(y - ŷ)²",
    "half_squared_error": "½ (y - ŷ)²",
    "binary_cross_entropy": "-y · log ŷ - (1 - y) · log(1 - ŷ)",
    "binary_cross_entropy_with_logits": "-y · log σ(ŷ) - (1 - y) · log(1 - σ(ŷ))",
    "mean_absolute_error": "|y - ŷ|",
    "huber": "(½ (y - ŷ)² where |y - ŷ| ≤ 1, else |y - ŷ| - ½)",
    "hinge": "max(0, 1 - y · ŷ)",
    "categorical_cross_entropy": "-Σ y · log ŷ",
    "categorical_cross_entropy_with_logits": "-Σ y · log softmax(ŷ)",
    "sparse_categorical_cross_entropy": "-log ŷ[y]",
    "sparse_categorical_cross_entropy_with_logits": "-log softmax(ŷ)[y]",
}


def penalty_letters(problem: Problem) -> str:
    """What the penalty adds to the loss, in letters; empty where there is none."""
    return f" + ½ · {problem.l2:g} · Σ W²" if problem.l2 else ""


def _put_in(letters: str, y: float, y_hat: float) -> str:
    bracketed = letters.replace("σ(ŷ)", f"σ({y_hat:.6g})")
    return "".join({"y": digits(y), "ŷ": digits(y_hat)}.get(letter, letter) for letter in bracketed)


def chain(passes: Passes, name: str, index: Index) -> list[Factor]:
    """The factors of one derivative; none where it is a sum over rows, outputs or hidden layers, or with a penalty."""
    network = passes.network
    if passes.problem.l2 and name.startswith("W"):
        return []
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
    factors = [_loss_factor(passes.problem.loss, y, y_hat)]
    if not simplifies(passes.problem):
        factors += slope_factors(passes.network.activations[-1], "ŷ", passes.z[-1].item(), y_hat)
    return factors


def _loss_factor(loss: str, y: float, y_hat: float) -> Factor:
    """∂L/∂ŷ of one number; ∂L/∂z where the output's slope cancels."""
    difference = f"({y_hat:.6g} - {y:.6g})"
    if loss == "mean_absolute_error":
        return Factor("sign(ŷ - y)", f"sign{difference}")
    if loss == "huber":
        return Factor("(ŷ - y, held between -1 and 1)", digits(min(max(y_hat - y, -1), 1)))
    if loss == "hinge":
        return Factor("(-y where y · ŷ < 1, else 0)", digits(-y if y * y_hat < 1 else 0))
    two = "2 · " if loss == "mean_squared_error" else ""
    return Factor(f"{two}(ŷ - y)", f"{two}{difference}")


def back_factors(passes: Passes, j: int) -> list[Factor]:
    """From the output back through W2 and the activation of hidden node j."""
    weight = Factor(f"W2[{j},0]", digits(passes.before["W2"][j, 0]))
    name = passes.network.activations[0]
    return [weight, *slope_factors(name, f"h{j + 1}", passes.z[1][0, j], passes.a[1][0, j])]


def slope_factors(activation: str, letter: str, z: float, a: float) -> list[Factor]:
    """The slope of an activation whose output is called `letter`; softmax has one where it is of one node alone."""
    if activation == "linear":
        return []
    if activation in ("sigmoid", "softmax"):
        return [Factor(f"{letter} · (1 - {letter})", f"{a:.6g} · (1 - {a:.6g})")]
    if activation == "tanh":
        return [Factor(f"(1 - {letter}²)", f"(1 - {digits(a)}²)")]
    slope = ACTIVATIONS[activation].slope(np.float64(z), np.float64(a))
    return [Factor(f"{activation}′ at {letter}", digits(slope))]


def formula_of_rows(problem: Problem, state: State, name: str, index: Index) -> str:
    """The derivative in letters where it runs over several rows, or over sums that have no chain of their own."""
    one_row = State(parameters=state.parameters, x=state.x[:1], y=state.y[:1], learning_rate=state.learning_rate)
    factors = chain(passes_of(problem, one_row), name, index)
    if not factors or problem.network.units[-1] > 1:
        return matrix_formula(problem, name)
    return f"mean over {len(state.x)} rows of {' · '.join(factor.letters for factor in factors)}"


def matrix_formula(problem: Problem, name: str) -> str:
    """The derivative in matrix letters: δk is ∂L/∂z of layer k."""
    layer = int(name[1:])
    if name.startswith("b"):
        return f"Σ over rows of δ{layer}"
    penalty = f" + {problem.l2:g} · {name}" if problem.l2 else ""
    return f"{'x' if layer == 1 else f'a{layer - 1}'}ᵀ δ{layer}{penalty}"
