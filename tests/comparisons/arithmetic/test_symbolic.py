"""Every hand-written derivative equals SymPy's differentiation of the loss, exactly.

Where a stable form has max, min or |·| in it, each region of signs is proved on its own.
"""

from __future__ import annotations

from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy

from comparisons.arithmetic.symbolic import (
    as_lists,
    as_symbols,
    branch,
    derivative,
    is_zero,
    latex,
    symbolic_parameters,
    symbolic_rows,
    symbols,
)
from manual.activations import ACTIVATIONS, softmax, softmax_backward
from manual.losses import LOSSES
from manual.network import forward, loss_routes, train_step
from manual.nine_derivatives import classification, regression
from manual.routes import Route, routes
from problems.problem import Network

RATE = as_symbols(sympy.Symbol("eta", positive=True))
LESSON = Network(inputs=2, units=(2, 1), activations=("sigmoid", "sigmoid"))
NINE = [(name, (i, j)) for name, (n, m) in LESSON.parameter_shapes.items() for i in range(n) for j in range(m)]
LESSONS = pytest.mark.parametrize("lesson", [regression, classification], ids=["regression", "classification"])
nine = pytest.mark.parametrize(("name", "index"), NINE, ids=[f"{name}-{i + 1}{j + 1}" for name, (i, j) in NINE])


def lesson_step(lesson: ModuleType) -> tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The loss, the parameters, the nine derivatives and the new parameters of one row, in symbols."""
    parameters = symbolic_parameters(LESSON)
    lists = {name: as_lists(values) for name, values in parameters.items()}
    x, y = symbolic_rows(LESSON, 1)
    (row,), ((target,),) = as_lists(x), as_lists(y)
    y_hat, hidden = lesson.forward_propagation(row, lists)
    new, gradients = lesson.update_parameters(lists, row, target, y_hat, hidden, RATE)
    return lesson.loss(target, y_hat), parameters, gradients, new


def element(table: Any, index: tuple[int, int]) -> Any:
    return table[index[0]][index[1]].item()


@LESSONS
@nine
def test_each_of_the_nine_derivatives_is_the_derivative_of_the_loss(lesson, name, index):
    loss, parameters, gradients, _ = lesson_step(lesson)
    assert is_zero(element(gradients[name], index) - derivative(loss, parameters[name])[index])


@LESSONS
@nine
def test_each_of_the_nine_parameters_moves_against_its_own_derivative(lesson, name, index):
    loss, parameters, _, new = lesson_step(lesson)
    step = RATE.item() * derivative(loss, parameters[name])[index]
    assert is_zero(element(new[name], index) - (parameters[name][index] - step))


NETWORKS = {
    "regression": (("linear", "linear"), "mean_squared_error", 1),
    "regression-two-rows": (("linear", "linear"), "mean_squared_error", 2),
    "classification": (("sigmoid", "sigmoid"), "binary_cross_entropy", 1),
    "classification-two-rows": (("sigmoid", "sigmoid"), "binary_cross_entropy", 2),
    "tanh-two-rows": (("tanh", "tanh"), "mean_squared_error", 2),
    "relu-half-two-rows": (("relu", "linear"), "half_squared_error", 2),
    "logits": (("tanh", "linear"), "binary_cross_entropy_with_logits", 1),
}
WAYS = [
    pytest.param(activations, loss, rows, route, id=f"{name}-{route.name.replace(' ', '-')}")
    for name, (activations, loss, rows) in NETWORKS.items()
    for route in loss_routes(Network(inputs=2, units=(2, 1), activations=activations), loss)[: 4 if rows == 1 else 1]
]


def random_point(rng: np.random.Generator, *tables: Any) -> dict[Any, Any]:
    return {symbol: sympy.Rational(int(rng.integers(1, 90)) - 45, 7) for table in tables for symbol in table.flat}


def signs(network: Network, parameters: dict[str, Any], x: Any, point: dict[Any, Any]) -> tuple[bool, ...]:
    """Which pre-activations are positive at `point`."""
    at_point = {name: as_symbols(np.vectorize(point.get)(values)) for name, values in parameters.items()}
    _, cache = forward(network, at_point, as_symbols(np.vectorize(point.get)(x)))
    return tuple(bool(z > 0) for layer in cache.z for z in np.asarray(layer).flat)


@pytest.mark.parametrize(("activations", "loss", "rows", "route"), WAYS)
def test_network_gradients_are_the_derivatives_of_the_loss(activations, loss, rows, route, rng):
    network = Network(inputs=2, units=(2, 1), activations=activations)
    parameters, (x, y) = symbolic_parameters(network), symbolic_rows(network, rows)
    step = train_step(network, route, parameters, x, y, RATE)
    point = random_point(rng, x, y, *parameters.values())
    value = as_symbols(branch(step.loss.item(), point))
    for name, values in parameters.items():
        differences = step.gradients[name] - derivative(value, values)
        assert all(is_zero(branch(difference, point)) for difference in differences.flat), name
        assert all(is_zero(moved) for moved in (step.parameters[name] - (values - RATE * step.gradients[name])).flat)


def test_classification_gradients_in_all_eight_regions_of_signs(rng):
    parameters, (x, y) = symbolic_parameters(LESSON), symbolic_rows(LESSON, 1)
    step = train_step(LESSON, loss_routes(LESSON, "binary_cross_entropy")[0], parameters, x, y, RATE)
    seen = set()
    while len(seen) < 8:
        point = random_point(rng, x, y, *parameters.values())
        region = signs(LESSON, parameters, x, point)
        if region not in seen:
            value = as_symbols(branch(step.loss.item(), point))
            wrong = step.gradients["W1"][0, 1] - derivative(value, parameters["W1"])[0, 1]
            assert is_zero(branch(wrong, point)), region
        seen.add(region)
    assert seen == set(product([False, True], repeat=3))


SIGNS = {"positive": {"positive": True}, "negative": {"negative": True}}
each_sign = pytest.mark.parametrize("sign", SIGNS)


@each_sign
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "softmax"])
def test_activation_slope_is_the_derivative(name, sign):
    z = as_symbols(sympy.Symbol("z", **SIGNS[sign]))
    value, slope = ACTIVATIONS[name]
    assert is_zero((as_symbols(slope(z, value(z))) - derivative(value(z), z)).item())


@each_sign
def test_stable_sigmoid_is_the_sigmoid(sign):
    z = as_symbols(sympy.Symbol("z", **SIGNS[sign]))
    assert is_zero((ACTIVATIONS["sigmoid"].value(z) - 1 / (1 + np.exp(-z))).item())


@each_sign
@pytest.mark.parametrize("name", LOSSES)
def test_loss_derivative_is_the_derivative(name, sign):
    table = np.array([[sympy.Symbol(f"p{i}{j}", **SIGNS[sign]) for j in "12"] for i in "123"], dtype=object)
    columns = "1" if name.startswith("sparse") else "12"
    y = as_symbols(np.array([[sympy.Symbol(f"y{i}{j}", real=True) for j in columns] for i in "123"]))
    y_hat, (value, slope) = as_symbols(table), LOSSES[name]
    size = 1 if sign == "positive" else -1
    point = {symbol: sympy.Rational(size * k, 7) for symbol, k in zip(table.flat, (1, 25, 3, 4, 40, 2), strict=True)}
    point |= dict(zip(np.asarray(y).flat, (1, 0, 1) if len(columns) == 1 else (1, -1, 1, 1, 0, 1), strict=True))
    branches = as_symbols(branch(value(y, y_hat).item(), point))
    assert all(is_zero(branch(wrong, point)) for wrong in (slope(y, y_hat) - derivative(branches, y_hat)).flat)


def test_softmax_backward_is_the_derivative():
    z, weights = symbols("z", (1, 3)), symbols("w", (1, 3))
    found = softmax_backward(softmax(z), weights)
    assert all(is_zero(wrong) for wrong in (found - derivative((weights * softmax(z)).sum(), z)).flat)


def class_routes() -> list[Any]:
    return [
        pytest.param(route, id=route.name.replace(" ", "-")) for route in routes("categorical_cross_entropy", "softmax")
    ]


@pytest.mark.parametrize("route", class_routes())
def test_every_route_to_the_classes_is_the_same_function(route: Route) -> None:
    z, y = symbols("z", (1, 2)), symbols("y", (1, 2))
    cross_entropy = -(y * np.log(np.exp(z) / np.exp(z).sum(-1, keepdims=True))).sum()
    slope = derivative(cross_entropy, z)
    assert all(is_zero(wrong) for wrong in (route.delta(y, z) - slope).flat)
    assert all(is_zero(wrong) for wrong in (derivative(route.loss(y, z), z) - slope).flat)
    point = {symbol: sympy.Rational(k, 3) for symbol, k in zip([*z.flat, *y.flat], (2, -5, 1, 7), strict=True)}
    assert abs(sympy.N((route.loss(y, z) - cross_entropy).item().subs(point), 60)) < 1e-50


def output_routes() -> list[Any]:
    pairs = [("binary_cross_entropy", "sigmoid"), ("binary_cross_entropy_with_logits", "linear")]
    return [
        pytest.param(route, id=f"{loss}-{route.name.replace(' ', '-')}")
        for loss, last in pairs
        for route in loss_routes(Network(inputs=1, units=(1,), activations=(last,)), loss)
    ]


@each_sign
@pytest.mark.parametrize("route", output_routes())
def test_every_route_is_the_same_function(route: Route, sign: str) -> None:
    symbol, y = sympy.Symbol("z", **SIGNS[sign]), as_symbols(np.array([[sympy.Symbol("y")]]))
    z = as_symbols(np.array([[symbol]]))
    cross_entropy = (y * np.log(1 + np.exp(-z)) + (1 - y) * np.log(1 + np.exp(z))).sum()
    slope = derivative(cross_entropy, z)
    assert is_zero((route.delta(y, z) - slope).item())
    assert is_zero((derivative(route.loss(y, z), z) - slope).item())
    somewhere = (route.loss(y, z) - cross_entropy).item().subs(symbol, sympy.log(3) * (-1) ** (sign == "negative"))
    assert sympy.expand_log(sympy.simplify(somewhere), force=True).simplify() == 0


def test_a_wrong_derivative_is_not_proved():
    loss, parameters, gradients, _ = lesson_step(classification)
    assert not is_zero(element(gradients["W1"], (0, 1)) - derivative(loss, parameters["W1"])[1, 0])


def test_latex_of_a_derivative_in_the_lessons_names():
    lists = {name: as_lists(values) for name, values in symbolic_parameters(LESSON).items()}
    x1, x2, y, y_hat, h1, h2 = (as_symbols(sympy.Symbol(s)) for s in ("x_1", "x_2", "y", r"\hat{y}", "h_1", "h_2"))
    _, gradients = regression.update_parameters(lists, [x1, x2], y, y_hat, [h1, h2], RATE)
    assert latex(gradients["W1"][1][0]) == r"W^{2}_{11} x_{2} \left(2 \hat{y} - 2 y\right)"


def test_latex_of_a_table_is_a_matrix():
    assert latex(symbolic_parameters(LESSON)["b1"]) == r"\left[\begin{matrix}b^{1}_{11} & b^{1}_{12}\end{matrix}\right]"


def test_a_float_becomes_the_fraction_it_was_written_as():
    assert as_symbols(0.1).item() == sympy.Rational(1, 10)
