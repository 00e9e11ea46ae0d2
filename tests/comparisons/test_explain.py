"""The formula as it should be: its letters name the factors, and the numbers put in give the derivative."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from comparisons.candidates import random_states
from comparisons.chains import gradient
from comparisons.explain import chain, derivative_lines, digits, loss_lines, passes_of

SHORT = 1e-3  # numbers are shown in six digits


def one_state(problem, seed=3):
    return random_states(problem, 1, seed)[0]


def worked_out(text):
    """A product of numbers as it is printed."""
    text = re.sub(r"log ([\d.e-]+)", r"log(\1)", text.replace("log (", "log("))
    return eval(text.replace(" · ", " * ").replace("²", " ** 2"), {"log": np.log})


@pytest.mark.parametrize("name", ["regression", "classification"])
@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_put_in_give_the_derivative(name, seed, problem_called):
    problem = problem_called(name)
    state = one_state(problem, seed)
    for parameter, shape in problem.network.parameter_shapes.items():
        for index in np.ndindex(shape):
            _, numbers = derivative_lines(problem, state, parameter, index)
            _, product, result = numbers.rsplit("=", 2)
            exact = float(gradient(passes_of(problem, state), parameter, {})[index])
            assert float(result) == pytest.approx(exact, rel=1e-5)
            assert worked_out(product.strip()) == pytest.approx(exact, rel=SHORT, abs=1e-5)


def test_softmax_of_one_node_has_a_slope_of_zero(problem_called):
    lesson = problem_called("regression")
    network = replace(lesson.network, activations=("tanh", "softmax"))
    problem = lesson.changed(network=network, loss="mean_squared_error")
    letters, numbers = derivative_lines(problem, one_state(problem), "W1", (0, 1))
    assert "2 · (ŷ - y) · ŷ · (1 - ŷ) · W2[1,0]" in letters
    assert numbers.endswith(" = 0")


@pytest.mark.parametrize("name", ["regression", "classification"])
def test_the_numbers_put_in_give_the_loss(name, problem_called):
    problem = problem_called(name)
    _, numbers = loss_lines(problem, one_state(problem))
    _, product, result = numbers.rsplit("=", 2)
    assert worked_out(product.strip()) == pytest.approx(float(result), rel=SHORT)


def test_letters_are_those_of_the_lesson(problem_called):
    problem = problem_called("classification")
    letters, _ = derivative_lines(problem, one_state(problem), "W1", (1, 0))
    assert letters == "∂L/∂W1[1,0] = (ŷ - y) · W2[0,0] · h1 · (1 - h1) · x2"


def test_over_several_rows_the_formula_is_a_mean(problem_called):
    problem = problem_called("tanh")
    (line,) = derivative_lines(problem, one_state(problem), "W1", (0, 1))
    assert line.startswith("∂L/∂W1[0,1] = mean over 3 rows of 2 · (ŷ - y) · W2[1,0] · (1 - h2²) · x1 = ")


@pytest.mark.parametrize("name", ["logits", "deep", "single"])
def test_what_has_no_chain_is_told_in_matrices(name, problem_called):
    problem = problem_called(name)
    assert chain(passes_of(problem, one_state(problem)), "W1", (0, 0)) == []
    (line,) = derivative_lines(problem, one_state(problem), "W1", (0, 0))
    assert "xᵀ δ1" in line


def test_negative_numbers_stand_in_brackets():
    assert [digits(2.5), digits(-2.5), digits(0)] == ["2.5", "(-2.5)", "0"]
