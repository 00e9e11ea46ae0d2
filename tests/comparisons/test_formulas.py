"""LaTeX: every derivative that is printed is, its symbols resolved, the derivative of the loss."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy

from comparisons.arithmetic.symbolic import is_zero
from comparisons.formulas import Written, latex_formulas, partial
from comparisons.requests import changed
from manual.activations import ACTIVATIONS
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem, ProblemError


def problem_of(units, activations, loss, batch_size=1):
    network = Network(inputs=2, units=units, activations=activations)
    return Problem(
        name="own",
        x=[[1.0, 2.0], [3.0, -1.0]],
        y=np.ones((2, units[-1])),
        network=network,
        loss=loss,
        initial=starting_parameters(network, "random:1"),
        optimizer=Optimizer(learning_rate=0.1),
        epochs=1,
        batch_size=batch_size,
    )


REGRESSION = [
    r"\hat{y} &= W^{2}_{11} h_{1} + W^{2}_{21} h_{2} + b^{2}_{11}",
    r"L &= \left(y - \hat{y}\right)^{2}",
    r"\frac{\partial L}{\partial W^{2}_{21}} &= 2 \left(\hat{y} - y\right) h_{2}",
    r"\frac{\partial L}{\partial W^{1}_{21}} &= 2 \left(\hat{y} - y\right) W^{2}_{11} x_{2}",
    r"\frac{\partial L}{\partial b^{1}_{12}} &= 2 \left(\hat{y} - y\right) W^{2}_{21}",
    r"\theta &\leftarrow \theta - \eta \frac{\partial L}{\partial \theta}",
]
CLASSIFICATION = [
    r"h_{1} &= \frac{1}{1 + e^{- z^{1}_{1}}}",
    r"L &= - y \log{\left(\hat{y} \right)} - \left(1 - y\right) \log{\left(1 - \hat{y} \right)}",
    r"\frac{\partial L}{\partial z} &= \left(\hat{y} - y\right)",
    r"\frac{\partial L}{\partial W^{1}_{12}} &= \left(\hat{y} - y\right) W^{2}_{21} h_{2} \left(1 - h_{2}\right) x_{1}",
]
LINES = [("regression", line) for line in REGRESSION] + [("classification", line) for line in CLASSIFICATION]


@pytest.mark.parametrize(("name", "line"), LINES)
def test_the_lessons_formulas_read_as_in_the_lesson(name, line):
    assert line in latex_formulas(named_problem(name))


@pytest.mark.parametrize("name", ["regression", "classification"])
def test_nine_derivatives_are_written(name):
    text = latex_formulas(named_problem(name))
    assert sum(text.count(rf"\partial {letter}^{{") for letter in "Wb") == 9
    assert text.count("{") == text.count("}")
    assert text.count(r"\left(") == text.count(r"\right)")


RESOLVED = [
    pytest.param(named_problem("regression"), id="regression"),
    pytest.param(named_problem("classification"), id="classification"),
    pytest.param(problem_of((2, 1), ("tanh", "linear"), "half_squared_error"), id="tanh"),
    pytest.param(problem_of((2, 1), ("linear", "linear"), "binary_cross_entropy_with_logits"), id="logits"),
    pytest.param(problem_of((1,), ("sigmoid",), "mean_squared_error"), id="one-layer"),
]


class Printed(Written):
    """Keeps what is printed as expressions: the parameter's name to its derivative."""

    last = None

    def product(self, expression):
        self.last = expression
        return super().product(expression)


def derivatives(written):
    return {left: written.last for left, _ in written.backward()}


def forward_values(written):
    """What z, h and ŷ stand for, in the parameters and inputs; each sigmoid in the textbook's form."""
    held = {}
    for layer, activation in zip(written.network.layers, written.network.activations, strict=True):
        W, b = (written.parameters[f"{letter}{layer}"].view(np.ndarray) for letter in "Wb")
        a = [held.get(s, s) for s in written.a[layer - 1].flat]
        for node, (z, out) in enumerate(zip(written.z[layer - 1].flat, written.a[layer].flat, strict=True)):
            held[z] = sum(a[i] * W[i, node] for i in range(len(a))) + b[0, node]
            sigmoid = 1 / (1 + sympy.exp(-held[z]))
            held[out] = {"linear": held[z], "sigmoid": sigmoid, "tanh": sympy.tanh(held[z])}[activation]
    return held


def textbook_loss(problem, y, y_hat):
    if problem.loss == "binary_cross_entropy":
        return -y * sympy.log(y_hat) - (1 - y) * sympy.log(1 - y_hat)
    if problem.loss == "binary_cross_entropy_with_logits":
        return y * sympy.log(1 + sympy.exp(-y_hat)) + (1 - y) * sympy.log(1 + sympy.exp(y_hat))
    return (y - y_hat) ** 2 * (sympy.Rational(1, 2) if problem.loss == "half_squared_error" else 1)


@pytest.mark.parametrize("problem", RESOLVED)
def test_every_printed_derivative_is_the_derivative_of_the_loss(problem):
    written = Printed(problem)
    printed, held = derivatives(written), forward_values(written)
    loss = textbook_loss(problem, written.y.item(), held[written.a[-1].item()])
    for parameter in (symbol for values in written.parameters.values() for symbol in values.flat):
        resolved = printed[partial(parameter)].subs(written.meanings).subs(held)
        assert is_zero(resolved - sympy.diff(loss, parameter)), parameter


DEEP = problem_of((2, 2, 2), ("relu", "tanh", "linear"), "mean_squared_error")


@pytest.mark.parametrize("units", [(2, 1), (2, 3)])
@pytest.mark.parametrize("loss", ["mean_squared_error", "half_squared_error"])
def test_a_difference_is_written_with_its_sign(loss, units):
    """A softmax whose slopes do not cancel: a factor less what all of them share."""
    text = latex_formulas(problem_of(units, ("tanh", "softmax"), loss))
    assert re.search(r" - \S* ?\\left\(\\hat", text)
    assert not re.search(r"[+-] *-|-1 ", text)


def test_a_deep_network_is_written_with_deltas():
    text = latex_formulas(DEEP)
    assert r"\frac{\partial L}{\partial W^{2}_{21}} &= \delta^{2}_{1} a^{1}_{2}" in text
    assert r"\delta^{1}_{1} &= \left(\delta^{2}_{1} W^{2}_{11} + \delta^{2}_{2} W^{2}_{12}\right)" in text


def test_a_batch_is_the_mean_over_its_rows():
    assert latex_formulas(changed(named_problem("regression"), {"batch_size": 4})).startswith("% one row; over a batch")


def test_a_network_too_large_to_write_out_is_refused():
    with pytest.raises(ProblemError, match="--latex: 81 parameters are too many to write out; at most 60"):
        latex_formulas(problem_of((20, 1), ("tanh", "linear"), "mean_squared_error"))


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
def test_every_activation_can_be_written(activation):
    assert r"\end{align*}" in latex_formulas(problem_of((2, 1), (activation, "linear"), "half_squared_error"))
