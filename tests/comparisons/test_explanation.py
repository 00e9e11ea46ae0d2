"""One step in full: the numbers shown are the training's own, and the links of a chain multiply to its result."""

from __future__ import annotations

import re

import numpy as np
import pytest

from comparisons.explanation import Told, _judged, chosen_step, explained
from comparisons.explanation_elements import elements_backward, links
from comparisons.explanation_text import element_by_element, explanation_text
from comparisons.requests import changed
from comparisons.verdict import Verdict
from manual.nine_derivatives import train as scalar
from manual.train import train
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem, ProblemError
from problems.trace import Trace

HAND = ("manual-matrix", "manual-scalar")


def lesson(name, **changes):
    return changed(named_problem(name), changes)


def network_problem(units, activations, loss, *, rows=1, dtype="float64", name="own"):
    """A small problem with inputs of both signs; targets 0 and 1."""
    rng = np.random.default_rng(4)
    network = Network(inputs=3, units=units, activations=activations)
    return Problem(
        name=name,
        x=rng.uniform(-2, 2, (5, 3)),
        y=rng.integers(0, 2, (5, units[-1])).astype(float),
        network=network,
        loss=loss,
        initial=starting_parameters(network, "random:5"),
        optimizer=Optimizer(learning_rate=0.1),
        epochs=2,
        batch_size=rows,
        dtype=dtype,
    )


PRODUCTS = [
    pytest.param(lesson("regression", initial="random:1"), id="regression"),
    pytest.param(lesson("classification", initial="random:1"), id="classification"),
    pytest.param(lesson("classification", dtype="float32", initial="random:1"), id="classification-float32"),
    pytest.param(network_problem((4, 1), ("tanh", "linear"), "half_squared_error"), id="tanh"),
    pytest.param(network_problem((3, 1), ("relu", "sigmoid"), "mean_squared_error"), id="relu-then-sigmoid"),
    pytest.param(network_problem((2, 1), ("sigmoid", "relu"), "mean_squared_error"), id="relu-output"),
    pytest.param(network_problem((1,), ("tanh",), "mean_squared_error"), id="one-layer"),
    pytest.param(network_problem((2, 1), ("tanh", "linear"), "binary_cross_entropy_with_logits"), id="logits"),
]
products = pytest.mark.parametrize("problem", PRODUCTS)


def value(numbers):
    """What a factor such as `0.5 (1 - 0.5)`, `2 · (0.3 - 1)` or `(1 - 0.2²)` comes to."""
    python = numbers.replace("²", "**2").replace(" · ", "*").replace(" (", "*(").replace("-*", "- ")
    return eval(python, {}, {})


@products
@pytest.mark.parametrize("step", [1, 3, 8])
def test_the_links_of_every_chain_multiply_to_the_derivative(problem, step):
    found = explained(problem, step, HAND[:1])
    assert element_by_element(found)
    for name, index in elements_backward(problem.network):
        product = np.prod([value(factor.numbers) for _, factor in links(found, name, index)])
        assert np.isclose(product, found.gradients[name][index], rtol=2e-4, atol=1e-6), (name, index)


@products
def test_partial_derivatives_lead_from_the_loss_to_the_parameter(problem):
    found = explained(problem, 1, HAND[:1])
    for name, index in elements_backward(problem.network):
        pairs = [re.fullmatch("∂(.+)/∂(.+)", partial).groups() for partial, _ in links(found, name, index)]
        assert pairs[0][0] == "L"
        assert pairs[-1][1] == f"{name}[{index[0]},{index[1]}]"
        assert [a[1] for a in pairs[:-1]] == [b[0] for b in pairs[1:]]


STEPS = [
    pytest.param(lesson("regression"), 7, id="regression"),
    pytest.param(lesson("classification", order="shuffled", seed=2), 150, id="classification-shuffled"),
    pytest.param(network_problem((3, 2), ("tanh", "sigmoid"), "binary_cross_entropy", rows=2), 3, id="short-batch"),
]


@pytest.mark.parametrize(("problem", "step"), STEPS)
def test_a_step_is_the_trainings_own(problem, step):
    found = explained(problem, step, HAND[:1])
    steps = list(train(problem))
    own, before = steps[step - 1], steps[step - 2].parameters
    assert found.rows == tuple(own.rows)
    assert found.loss == own.loss
    for name in problem.network.parameter_shapes:
        assert np.array_equal(found.gradients[name], own.gradients[name])
        assert np.array_equal(found.parameters[name], own.parameters[name])
        assert np.array_equal(found.state.parameters[name], before[name])


def test_the_first_step_starts_at_the_problems_numbers():
    problem = lesson("regression", initial="random:3")
    assert all(np.array_equal(v, problem.initial[n]) for n, v in explained(problem, 1, ()).state.parameters.items())


def test_every_implementation_brings_its_own_numbers_of_that_step():
    problem = lesson("classification", initial="random:3")
    told = explained(problem, 6, HAND).told
    own = Trace.record(problem, scalar.train(problem), implementation="manual-scalar")
    assert [one.name for one in told] == list(HAND)
    assert {one.verdict for one in told} == {Verdict.AGREES}
    assert all(np.array_equal(told[1].gradients[name], own.gradients[name][5]) for name in own.gradients)


def judged(change):
    """What is said of step 3 of the regression with one gradient changed by the factor `change`."""
    problem = lesson("regression")
    trace = Trace.record(problem, list(train(problem)), implementation="own")
    trace.gradients["W1"][2, 0, 1] *= change
    return _judged("own", trace, 3)


WRONG = [(1.0, (), False), (1 + 1e-9, ("gradient.W1",), True), (1.001, ("gradient.W1",), False)]


@pytest.mark.parametrize(("change", "wrong", "carries_less"), WRONG)
def test_what_is_outside_its_bound_is_named(change, wrong, carries_less):
    told = judged(change)
    assert (told.wrong, told.carries_less, told.compared) == (wrong, carries_less, 19)
    assert told.verdict is (Verdict.DISAGREES if wrong else Verdict.AGREES)


UNDERSTOOD = [("1", 1), ("20", 20), ("last", 20)]


@pytest.mark.parametrize(("text", "step"), UNDERSTOOD)
def test_a_step_is_chosen(text, step):
    assert chosen_step(text, named_problem("regression")) == step


@pytest.mark.parametrize("text", ["0", "21", "-1", "x", "", "1.5", "9" * 30, "²"])
def test_a_step_that_is_none_is_refused_with_the_choices(text):
    with pytest.raises(ProblemError, match=r"choose from 1 to 20 \(5 epochs of 4 steps\)"):
        chosen_step(text, named_problem("regression"))


def text_of(problem, step=1, names=HAND[:1]):
    return explanation_text(explained(problem, step, names))


SHOWN = [
    "row 1: x1 (cgpa) = 8, x2 (resume_score) = 8 -> y (lpa) = 4",
    "ŷ = h1 · W2[0,0] + h2 · W2[1,0] + b2[0,0]",
    "= (4 - 0.32)² = 13.5424",
    "∂L/∂W1[0,1] = ∂L/∂ŷ · ∂ŷ/∂h2 · ∂h2/∂W1[0,1]",
    "= 2 · (0.32 - 4) · 0.1 · 8 = -5.888",
    "W1[0,1] = 0.1 - 0.001 · (-5.888) = 0.105888",
]


@pytest.mark.parametrize("line", SHOWN)
def test_the_lessons_first_step_is_written_out(line):
    assert line in text_of(named_problem("regression"))


MATRICES = [
    "L = the mean over rows and outputs of (y - ŷ)² =",
    "δ2 = 2 (ŷ - y) / 4 ⊙ ŷ ⊙ (1 - ŷ)",
    "∂L/∂W2 = a1ᵀ δ2",
    "δ1 = (δ2 W2ᵀ) ⊙ (1 - a1 ⊙ a1)",
    "∂L/∂W1 = xᵀ δ1",
]


@pytest.mark.parametrize("line", MATRICES)
def test_several_rows_and_outputs_are_written_in_matrices(line):
    assert line in text_of(network_problem((2, 2), ("tanh", "sigmoid"), "mean_squared_error", rows=2))


LARGE = network_problem((50, 40, 3), ("relu", "tanh", "linear"), "half_squared_error", rows=5)


def test_a_large_network_stays_readable():
    lines = text_of(LARGE).splitlines()
    assert len(lines) < 120
    assert max(map(len, lines)) < 400
    assert "  and 2,323 more" in lines


def test_a_step_after_the_training_diverged_says_so():
    text = text_of(lesson("regression", learning_rate=0.5), step=20)
    assert (
        "manual-matrix  blind: nothing to compare: the training diverges, and from step 6 on right values are" in text
    )


def test_an_implementation_that_cannot_train_it_says_why():
    text = text_of(LARGE, names=HAND)
    assert "manual-scalar  skipped: the nine derivatives are written for one row" in text


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\nb"])
def test_a_name_cannot_disturb_a_terminal(name):
    with pytest.raises(ProblemError):
        network_problem((1,), ("linear",), "mean_squared_error", name=name)


def test_what_cannot_be_told_has_no_gradients():
    assert Told(name="x", verdict=Verdict.SKIPPED).gradients is None
