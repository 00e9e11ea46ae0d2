"""A wrong forward pass is said once, with the layer; and never guessed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comparisons import check
from comparisons.candidates import call, random_states
from comparisons.chains import loss_value
from comparisons.check_text import check_text
from comparisons.checking import evidence_of
from comparisons.measured_inputs import measured_inputs
from comparisons.planted import candidate_with
from comparisons.wrong_forward import BESIDE, FOLLOWS, changes, from_wrong_forward
from manual.activations import ACTIVATIONS
from problems.initializers import starting_parameters
from tests.every_day import sampled

LESSONS = {
    "classification": (("sigmoid", "sigmoid"), "binary_cross_entropy"),
    "regression": (("linear", "linear"), "mean_squared_error"),
}
EVERYTHING = 10  # the loss and nine parameters


@pytest.fixture
def diagnosed(by_hand):
    """A function of a lesson problem and what is changed in its step by hand: what is diagnosed."""

    def found(problem, **changed):
        activations, loss = LESSONS[problem.name]
        return check(by_hand(**{"forward": activations, "loss": loss, **changed}), problem).diagnoses

    return found


def with_activation(activations, layer, other):
    return tuple(other if k == layer - 1 else name for k, name in enumerate(activations))


def clipped(p, x, y, rate):
    """The classification lesson's step, but for predictions that are clipped."""
    h = 1 / (1 + np.exp(-(x @ p["W1"] + p["b1"])))
    a = np.clip(1 / (1 + np.exp(-(h @ p["W2"] + p["b2"]))), 1e-7, 1 - 1e-7)
    d = a - y
    dh = d @ p["W2"].T * h * (1 - h)
    g = {"W1": x.T @ dh, "b1": dh, "W2": h.T @ d, "b2": d}
    return -np.log(np.where(y, a, 1 - a)).item(), {name: p[name] - rate * g[name] for name in p}, g


def test_what_only_saturated_states_show_is_refuted_by_the_others(problem_called):
    lesson = problem_called("classification")
    found = check(clipped, lesson.changed(initial=starting_parameters(lesson.network, "constant:10"), epochs=3))
    assert "loss" in {quantity.name for quantity in found.audit.quantities if quantity.wrong}
    assert {one.mistakes for one in found.diagnoses} == {("unknown",)}


SWAPS = {
    f"{name}-{layer}-{other}-{slope}-{judged}": (name, layer, other, slope == "its own slope", judged == "gradients")
    for name, (activations, _) in LESSONS.items()
    for layer in (1, 2)
    for other in ACTIVATIONS
    if other not in (activations[layer - 1], "softmax")  # of the one output it is 1
    for slope in ("its own slope", "the right one's slope")
    for judged in ("gradients", "update")
}


@pytest.mark.parametrize(("name", "layer", "other", "aware", "told"), sampled(SWAPS, lambda case: case[:3]))
def test_another_activation_is_said_once(name, layer, other, aware, told, diagnosed, problem_called):
    problem = problem_called(name)
    right = LESSONS[name][0]
    found = diagnosed(
        problem, forward=with_activation(right, layer, other), backward=None if aware else right, told=told
    )
    if aware and (name, layer) == ("classification", 2) and other in ("leaky_relu", "elu"):
        other = "relu"  # above 0 they are one, and below there is no logarithm
    assert len({one.explanation for one in found}) == 1
    assert {one.mistakes for one in found} == {("missing-term",)}
    uses = "has no activation" if other == "linear" else f"uses {other}"
    belongs = "no activation" if right[layer - 1] == "linear" else right[layer - 1]
    assert f"{FOLLOWS}layer {layer} {uses} where {belongs} belongs" in found[0].explanation
    if other != "relu":  # below 0 nothing comes back, which may be right of an element here and there
        assert len(found) == EVERYTHING


OTHERS = {
    "bias 1": ({"biases": (False, True)}, "layer 1 forgets to add its bias b1", "missing-term"),
    "bias 2": ({"biases": (True, False)}, "layer 2 forgets to add its bias b2", "missing-term"),
    "no bias": ({"biases": (False, False)}, "layer 1 forgets to add its bias b1, and layer 2 forgets", "missing-term"),
    "an unused bias": (
        {"biases": (False, True), "unused_bias": True},
        "layer 1 forgets to add its bias b1",
        "missing-term",
    ),
    "transposed": ({"transposed": True}, "layer 1 multiplies by W1 transposed", "wrong-index"),
    "reversed": ({"inputs": lambda x: x[:, ::-1]}, "the columns of x stand in reverse order", "wrong-index"),
    "scaled by another number": ({"inputs": lambda x: x / 17}, "x is multiplied by 0.0588235", "factor"),
    "columns scaled": (
        {"inputs": lambda x: x * np.array([0.5, 3.0])},
        "the columns of x are multiplied by 0.5, 3",
        "factor",
    ),
    "standardized": (
        {"inputs": lambda x: (x - np.array([6.5, -8.0])) / 2.0},
        "the columns of x are scaled and shifted: 0.5 · x1 - 3.25, 0.5 · x2 + 4",
        "factor",
    ),
    "scaled": ({"inputs": lambda x: x / 255}, "x is divided by 255", "factor"),
}


@pytest.mark.parametrize("told", [True, False], ids=["gradients", "update"])
@pytest.mark.parametrize(("changed", "text", "mistake"), OTHERS.values(), ids=OTHERS)
def test_another_change_of_the_forward_pass_is_said_once(changed, text, mistake, told, diagnosed, problem_called):
    found = diagnosed(problem_called("classification"), told=told, **changed)
    assert {one.mistakes for one in found} == {(mistake,)}
    (explanation,) = {one.explanation for one in found}
    assert explanation.startswith(f"{FOLLOWS}{text}")
    assert len(found) == EVERYTHING


def test_two_wrong_activations_are_both_said(diagnosed, problem_called):
    found = diagnosed(problem_called("regression"), forward=("tanh", "sigmoid"))
    (explanation,) = {one.explanation for one in found}
    assert "layer 1 uses tanh where no activation belongs, and layer 2 uses sigmoid" in explanation


def test_another_mistake_beside_a_wrong_forward_pass_is_named_too(diagnosed, problem_called):
    def uphill(gradients, parameters, loss):
        return {**gradients, "W1": -gradients["W1"]}, loss

    found = diagnosed(problem_called("classification"), forward=("tanh", "sigmoid"), change=uphill)
    beside = [one for one in found if one.parameter == "W1"]
    assert {one.mistakes for one in beside} == {("sign",)}
    assert all(BESIDE in one.explanation for one in beside)
    assert {one.mistakes for one in found if one.parameter != "W1"} == {("missing-term",)}


def test_a_forward_pass_that_nothing_explains_is_unknown_and_said_to_come_first(by_hand, problem_called):
    problem = problem_called("classification")
    found = check(by_hand(forward=("sigmoid", "sigmoid"), inputs=np.sin), problem)
    assert {one.mistakes for one in found.diagnoses} == {("unknown",)}
    text = check_text(found)
    assert "the loss is already wrong, so the forward pass (or the loss formula) differs: mend that first" in text
    assert "9 other elements are wrong" in text
    assert text.count("no single mistake") == 1


def test_a_wrong_loss_beside_right_gradients_is_the_losses_own(diagnosed, problem_called):
    def doubled(gradients, parameters, loss):
        return gradients, 2 * loss

    found = diagnosed(problem_called("classification"), change=doubled)
    assert [(one.parameter, one.mistakes) for one in found] == [("loss", ("factor",))]


@pytest.mark.parametrize("name", ["classification", "regression", "tanh", "deep", "half"])
def test_every_change_gives_another_loss(name, problem_called):
    problem = problem_called(name)
    states = random_states(problem, 4, seed=1)
    given = evidence_of(problem, [(state, call(candidate_with(problem, []), problem, state)) for state in states])
    right = given.plain()
    for change in changes(problem):
        seen = change.seen(given).plain()
        with np.errstate(all="ignore"):
            assert not np.array_equal(loss_value(seen, {}), loss_value(right, {})), change.text


def test_a_loss_of_nothing_beside_right_derivatives_is_no_wrong_forward_pass(diagnosed, problem_called):
    def spoiled(gradients, parameters, loss):
        return gradients, np.nan

    found = diagnosed(problem_called("classification"), change=spoiled)
    assert [(one.parameter, one.mistakes) for one in found] == [("loss", ("unknown",))]


def test_a_pass_that_says_nothing_of_the_loss_explains_nothing_alone(by_hand, problem_called):
    problem, step = problem_called("classification"), by_hand(forward=("sigmoid", "sigmoid"))
    drawn = random_states(problem, 6, seed=1)
    # With b2 = 9 the loss of a linear output is no number in any state.
    states = [replace(state, parameters={**state.parameters, "b2": np.array([[9.0]])}) for state in drawn]
    given = evidence_of(problem, [(state, call(step, problem, state)) for state in states])
    assert from_wrong_forward(replace(given, loss=given.loss * np.nan)) == []


def test_inputs_that_are_used_as_they_are_are_not_called_scaled(problem_called):
    problem = problem_called("classification")
    right = candidate_with(problem, [], gradients=True)
    run = [(state, call(right, problem, state)) for state in random_states(problem, 12, seed=0)]
    assert measured_inputs(evidence_of(problem, run)) is None
