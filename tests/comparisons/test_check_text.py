"""What a check says to a person."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons import check
from comparisons.check_text import check_text
from comparisons.mutants import catalogue, single_mutants
from comparisons.planted import candidate_with
from problems.initializers import starting_parameters
from problems.problem import Network

JARGON = ("audit", "ensemble", "Bounded", "jacobian", "logit ", "nan%", "None", "array(")


def said(problem, mutant, index, **options):
    with np.errstate(all="ignore"):
        return check_text(check(candidate_with(problem, [(mutant, index)], **options), problem, states=6))


def mutant_called(problem, quantity, text):
    return next(mutant for mutant in single_mutants(problem, quantity) if text in mutant.text)


def test_the_sentence_of_the_most_widespread_mistake(problem_called):
    problem = problem_called("classification")
    text = said(problem, mutant_called(problem, "W1", "W2 after its update"), (0, 1))
    assert "W1[0,1]: updated-weight" in text
    assert "with W2 after its update: compute all gradients before changing any weight" in text
    assert "∂L/∂W1[0,1] = (ŷ - y) · W2[1,0] · h2 · (1 - h2) · x1" in text
    assert "W1[0,1] should go from 0.1 to 0.1 - 0.0001 · ∂L/∂W1[0,1] = " in text


def test_both_values_and_the_inequality_are_shown(problem_called):
    problem = problem_called("regression")
    text = said(problem, mutant_called(problem, "W2", "opposite sign"), (0, 0))
    assert "expected 0.111776, found 0.08822" in text
    assert ": |found - expected| = 0.0236 > bound " in text


def test_a_right_candidate_is_told_so(problem_called):
    problem = problem_called("regression")
    text = check_text(check(candidate_with(problem, []), problem, states=3))
    assert text.endswith("Every number is what the formulas say, within the rounding that they allow.")
    assert "What is wrong" not in text


def test_a_wrong_gradient_is_shown_as_a_gradient(problem_called):
    problem = problem_called("regression")
    text = said(problem, mutant_called(problem, "W1", "opposite sign"), (0, 0), gradients=True)
    assert "the gradient matches the formula with the opposite sign" in text
    assert "found 5.888, at step 1" in text
    assert "should go from" not in text


def test_a_mistake_that_only_random_states_show_names_the_state(problem_called):
    problem = problem_called("classification")
    text = said(problem, mutant_called(problem, "W1", "other hidden node"), (0, 0))
    assert "random state 1, W1[0,0]" in text


@pytest.mark.parametrize("name", ["regression", "classification", "tanh"])
def test_every_text_is_plain(name, problem_called):
    problem = problem_called(name)
    for mutant, _ in catalogue(problem):
        assert mutant.text == " ".join(mutant.text.split())
        assert not mutant.text.endswith(".")
        assert not any(word in mutant.text for word in JARGON)


def test_no_line_break_of_a_name_reaches_the_text(problem_called):
    step = candidate_with(problem_called("regression"), [])
    step.__name__ = "a\nb\x1b[31m"
    assert check_text(check(step, "regression", states=3)).startswith("a?b?[31m on regression: agrees")


def test_a_network_too_large_to_search_says_so(problem_called):
    problem = problem_called("tanh")
    network = Network(inputs=2, units=(600, 1), activations=("tanh", "linear"))
    problem = problem.changed(network=network, initial=starting_parameters(network, "random:0"), epochs=1)
    text = check_text(check(lambda p, x, y, rate: (0.0, p), problem, states=3))
    assert text.endswith("Which mistake it is: not searched for in networks of more than 2,000 parameters")
