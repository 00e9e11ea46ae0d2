"""One step of any network in matrices: z and a of every layer, δ walking back, the derivatives, the update."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from comparisons.chains import delta, last_layer, simplifies
from comparisons.explain import LOSS_LETTERS, matrix_formula, penalty_letters
from comparisons.explanation import Explanation
from comparisons.explanation_elements import remembered_update
from comparisons.loss_variants import over_rows
from problems.problem import Array, Network, Problem

DELTAS = "δk is ∂L/∂zk, one row for each row of data; ⊙ multiplies element by element"
SLOPE_LETTERS: dict[str, Callable[[str, str], str]] = {
    "linear": lambda z, a: "",
    "sigmoid": lambda z, a: f" ⊙ {a} ⊙ (1 - {a})",
    "tanh": lambda z, a: f" ⊙ (1 - {a} ⊙ {a})",
    "relu": lambda z, a: f" ⊙ ({z} > 0)",
    "leaky_relu": lambda z, a: f" ⊙ (1 where {z} > 0, else 0.01)",
    "elu": lambda z, a: f" ⊙ (1 where {z} > 0, else e^{z})",
    "softplus": lambda z, a: f" ⊙ σ({z})",
    "gelu": lambda z, a: f" ⊙ (Φ({z}) + {z} ⊙ φ({z}))",
    "gelu_tanh": lambda z, a: f" ⊙ (½ (1 + tanh u) + ½ {z} ⊙ (1 - tanh² u) ⊙ ∂u/∂{z})",
    "silu": lambda z, a: f" ⊙ σ({z}) ⊙ (1 + {z} ⊙ σ(-{z}))",
}
MATRIX_ACTIVATIONS = {
    "linear": "{}",
    "sigmoid": "1 / (1 + e^(-{}))",
    "tanh": "tanh({})",
    "relu": "max({}, 0)",
    "leaky_relu": "{0} where {0} > 0, else 0.01 {0}",
    "elu": "{0} where {0} > 0, else e^{0} - 1",
    "softplus": "log(1 + e^{})",
    "gelu": "{0} ⊙ Φ({0})",
    "gelu_tanh": "½ {0} ⊙ (1 + tanh u), u = √(2/π) ({0} + 0.044715 {0}³)",
    "silu": "{0} / (1 + e^(-{0}))",
    "softmax": "e^{0} / Σ over each row of e^{0}",
}


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
    rows, outputs = found.passes.a[-1].shape
    over = "the mean over rows" if outputs == 1 else "the mean over rows and outputs"
    if over_rows(found.problem) and outputs > 1:
        over = "the mean over rows"
        if found.problem.loss == "half_squared_error":
            over = "the sum over outputs, the mean over rows"
    reduction = f"{over} of " if rows * outputs > 1 else ""
    yield f"L = {reduction}{LOSS_LETTERS[found.problem.loss]}{penalty_letters(found.problem)} = {found.loss:.6g}"


def error_letters(problem: Problem, averaged: int) -> str:
    """δ of the last layer."""
    network = problem.network
    count = f" / {averaged}" if averaged > 1 else ""
    error = f"{_loss_letters(problem.loss)}{count}"
    name, z = network.activations[-1], f"z{last_layer(network)}"
    if simplifies(problem):
        return error
    if name == "softmax":
        return f"ŷ ⊙ (d - Σ over each row of d ⊙ ŷ), d = {error}"
    return error + SLOPE_LETTERS[name](z, "ŷ")


def _loss_letters(loss: str) -> str:
    """∂L/∂ŷ before the mean; what is left of it where the output's slope cancels."""
    special = {
        "mean_absolute_error": "sign(ŷ - y)",
        "huber": "(ŷ - y, held between -1 and 1)",
        "hinge": "(-y where y ⊙ ŷ < 1, else 0)",
        "mean_squared_error": "2 (ŷ - y)",
    }
    if loss in special:
        return special[loss]
    y = "y as columns of 0 and 1" if loss.startswith("sparse") else "y"
    if not loss.endswith("with_logits"):
        return f"(ŷ - {y})"
    return f"({'softmax' if 'categorical' in loss else 'σ'}(ŷ) - {y})"


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
            yield from _valued(f"∂L/∂{name}", matrix_formula(found.problem, name), found.gradients[name])


def update(found: Explanation) -> Iterator[str]:
    """Every parameter after its move."""
    optimizer = found.problem.optimizer
    if not optimizer.plain:
        yield remembered_update(optimizer)
        yield from (f"{name} = {matrix(values)}" for name, values in found.parameters.items())
        return
    for name, values in found.parameters.items():
        yield from _valued(name, f"{name} - {found.state.learning_rate:.6g} · ∂L/∂{name}", values)


def matrix(values: Array) -> str:
    """A matrix as nested lists of at most six digits, in one line; a large one shortened. A zero has no sign."""
    text = np.array2string(
        values + 0.0, separator=", ", threshold=18, edgeitems=2, formatter={"float_kind": lambda x: f"{x:.6g}"}
    )
    return " ".join(text.split())
