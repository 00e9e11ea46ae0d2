"""One step of any network in matrices: z and a of every layer, δ walking back, the derivatives, the update."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from comparisons.chains import delta, last_layer, simplifies
from comparisons.explain import LOSS_LETTERS, matrix_formula
from comparisons.explanation import Explanation
from problems.problem import Array, Network, Problem

DELTAS = "δk is ∂L/∂zk, one row for each row of data; ⊙ multiplies element by element"
SLOPE_LETTERS: dict[str, Callable[[str, str], str]] = {
    "linear": lambda z, a: "",
    "sigmoid": lambda z, a: f" ⊙ {a} ⊙ (1 - {a})",
    "tanh": lambda z, a: f" ⊙ (1 - {a} ⊙ {a})",
    "relu": lambda z, a: f" ⊙ ({z} > 0)",
}
MATRIX_ACTIVATIONS = {"linear": "{}", "sigmoid": "1 / (1 + e^(-{}))", "tanh": "tanh({})", "relu": "max({}, 0)"}


def output_letter(network: Network, layer: int) -> str:
    """x for layer 0, ŷ for the last, a1, a2, ... between."""
    return "x" if layer == 0 else "ŷ" if layer == last_layer(network) else f"a{layer}"


def _valued(left: str, letters: str, values: Array) -> Iterator[str]:
    yield f"{left} = {letters}"
    yield f"{' ' * len(left)} = {matrix(values)}"


def forward(found: Explanation) -> Iterator[str]:
    """z and a of every layer."""
    network = found.problem.network
    for layer, activation in zip(network.layers, network.activations, strict=True):
        inputs = output_letter(network, layer - 1)
        yield from _valued(f"z{layer}", f"{inputs} W{layer} + b{layer}", found.passes.z[layer])
        letters = MATRIX_ACTIVATIONS[activation].format(f"z{layer}")
        yield from _valued(output_letter(network, layer), letters, found.passes.a[layer])


def loss(found: Explanation) -> Iterator[str]:
    """The loss and what it is averaged over."""
    rows, outputs = found.passes.y.shape
    over = "the mean over rows" if outputs == 1 else "the mean over rows and outputs"
    if found.problem.loss == "half_squared_error" and outputs > 1:
        over = "the sum over outputs, the mean over rows"
    reduction = f"{over} of " if rows * outputs > 1 else ""
    yield f"L = {reduction}{LOSS_LETTERS[found.problem.loss]} = {found.loss:.6g}"


def error_letters(problem: Problem, averaged: int) -> str:
    """δ of the last layer."""
    network = problem.network
    logits = problem.loss == "binary_cross_entropy_with_logits"
    two = "2 " if problem.loss == "mean_squared_error" else ""
    count = f" / {averaged}" if averaged > 1 else ""
    error = f"{two}({'σ(ŷ)' if logits else 'ŷ'} - y){count}"
    if simplifies(problem):
        return error
    return error + SLOPE_LETTERS[network.activations[-1]](f"z{last_layer(network)}", "ŷ")


def backward(found: Explanation) -> Iterator[str]:
    """δ of every layer and the derivatives that follow from it, from the last layer back."""
    network = found.problem.network
    for layer in reversed(network.layers):
        if layer == last_layer(network):
            letters = error_letters(found.problem, found.passes.averaged)
        else:
            slope = SLOPE_LETTERS[network.activations[layer - 1]](f"z{layer}", f"a{layer}")
            letters = f"(δ{layer + 1} W{layer + 1}ᵀ){slope}"
        yield from _valued(f"δ{layer}", letters, delta(found.passes, layer, {}))
        for name in (f"W{layer}", f"b{layer}"):
            yield from _valued(f"∂L/∂{name}", matrix_formula(network, name), found.gradients[name])


def update(found: Explanation) -> Iterator[str]:
    """Every parameter after its move."""
    for name, values in found.parameters.items():
        yield from _valued(name, f"{name} - {found.state.learning_rate:.6g} · ∂L/∂{name}", values)


def matrix(values: Array) -> str:
    """A matrix as nested lists of at most six digits, in one line; a large one shortened. A zero has no sign."""
    text = np.array2string(
        values + 0.0, separator=", ", threshold=18, edgeitems=2, formatter={"float_kind": lambda x: f"{x:.6g}"}
    )
    return " ".join(text.split())
