"""What a check says to a person."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from comparisons import check
from comparisons.check_text import as_found, check_text
from comparisons.mistakes import IN_WORDS
from comparisons.mutants import catalogue, elements, single_mutants
from comparisons.planted import candidate_with
from comparisons.verdict import Diagnosis
from problems.initializers import starting_parameters
from problems.problem import Network

JARGON = ("audit", "ensemble", "Bounded", "jacobian", "logit ", "nan%", "None", "array(")


def said(problem, mutant, index, *, verbose=False, **options):
    with np.errstate(all="ignore"):
        found = check(candidate_with(problem, [(mutant, index)], **options), problem, states=6)
    return check_text(found, verbose=verbose)


def mutant_called(problem, quantity, text):
    return next(mutant for mutant in single_mutants(problem, quantity) if text in mutant.text)


def test_the_sentence_of_the_most_widespread_mistake(problem_called):
    problem = problem_called("classification")
    text = said(problem, mutant_called(problem, "W1", "W2 after its update"), (0, 1))
    assert "W1[0,1]: a weight is used after its own update (updated-weight)" in text
    assert "with W2 after its update: compute all gradients before changing any weight" in text
    assert "∂L/∂W1[0,1] = (ŷ - y) · W2[1,0] · h2 · (1 - h2) · x1" in text
    assert "found: the same with W2 after its update = " in text
    assert "W1[0,1] should go from 0.1 to 0.1 - 0.0001 · ∂L/∂W1[0,1] = " in text


def test_both_values_and_the_inequality_are_shown(problem_called):
    problem = problem_called("regression")
    text = said(problem, mutant_called(problem, "W2", "opposite sign"), (0, 0), verbose=True)
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
    assert "found: the same with the opposite sign = 5.888, at step 1" in text
    assert "should go from" not in text


def test_a_mistake_that_only_random_states_show_names_the_state(problem_called):
    problem = problem_called("classification")
    text = said(problem, mutant_called(problem, "W1", "other hidden node"), (0, 0), verbose=True)
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


def test_a_network_too_large_to_search_says_so(problem_called, monkeypatch):
    monkeypatch.setattr("comparisons.diagnosis.MOST_PARAMETERS", 2000)
    problem = problem_called("tanh")
    network = Network(inputs=2, units=(600, 1), activations=("tanh", "linear"))
    problem = problem.changed(network=network, initial=starting_parameters(network, "random:0"), epochs=1)
    text = check_text(check(lambda p, x, y, rate: (0.0, p), problem, states=3))
    assert ("Which mistake it is: not searched for in networks of more than 1,000,000 parameters") in text


def planted_everywhere(problem, quantity, text):
    mutant = mutant_called(problem, quantity, text)
    return [(mutant, index) for index in elements(problem.network, quantity) if mutant.changes(index)]


def test_elements_with_one_explanation_are_one_block(problem_called):
    problem = problem_called("classification")
    mistakes = [planting for name in ("W1", "b1") for planting in planted_everywhere(problem, name, "opposite sign")]
    text = check_text(check(candidate_with(problem, mistakes), problem, states=6))
    assert "1. all of W1, all of b1: the wrong sign (sign)" in text
    assert "2. " not in text
    assert text.count("the update matches the formula with the opposite sign") == 1


def test_the_short_text_has_no_ratio_and_the_long_one_has(problem_called):
    problem = problem_called("regression")
    mutant = mutant_called(problem, "W2", "opposite sign")
    short, long = (said(problem, mutant, (0, 0), verbose=verbose) for verbose in (False, True))
    assert not any(word in short for word in ("ratio", "of the bound", "inequality"))
    assert "agrees to rounding: loss, new W1, new b1, new b2" in short
    assert "--verbose" in short
    assert "of the bound)" in long
    assert "(ratio " in long
    assert "--verbose" not in long


def test_a_right_candidate_hears_whether_it_could_have_failed(problem_called):
    problem = problem_called("classification")
    count = len(list(catalogue(problem)))
    text = check_text(check(candidate_with(problem, []), problem, states=12))
    assert f"Yes: each of the {count} mistakes of the catalogue would have been noticed here" in text


@pytest.mark.parametrize(("rows", "batch", "told"), [(4, 1, "--batch-size 3"), (2, 1, "--batch-size 2"), (4, 4, None)])
def test_steps_of_one_row_say_what_they_hide(rows, batch, told, problem_called):
    lesson = problem_called("classification")
    problem = replace(lesson, x=lesson.x[:rows], y=lesson.y[:rows], batch_size=batch)
    text = check_text(check(candidate_with(problem, []), problem, states=3))
    assert ("Each step has one row" in text) is (told is not None)
    assert told is None or f"would not have been noticed (try {told})\n" in text


def test_data_of_one_row_have_no_larger_batch(problem_called):
    lesson = problem_called("classification")
    problem = replace(lesson, x=lesson.x[:1], y=lesson.y[:1])
    text = check_text(check(candidate_with(problem, []), problem, states=3))
    assert "Each step has one row" in text
    assert "--batch-size" not in text


def test_states_that_hide_mistakes_say_which(problem_called):
    problem = problem_called("classification")
    found = check(candidate_with(problem, []), problem, states=3)
    same = [(replace(state, y=np.zeros_like(state.y)), returned) for state, returned in found.steps[found.along :]]
    text = check_text(replace(found, steps=[*found.steps[: found.along], *same]))
    assert re.search(r"Could it have failed\? [1-9]\d* of \d+ mistakes would not have been noticed, such as \S", text)


def test_a_mistake_of_the_update_has_no_wrong_derivative(problem_called):
    problem = problem_called("regression")
    text = said(problem, mutant_called(problem, "W1", "learning rate applied twice"), (0, 0))
    assert "found: the same" not in text
    assert "should go from" in text


def test_brackets_behind_an_explanation_are_no_part_of_the_formula():
    of = {"parameter": "W1", "index": (0, 0), "of": "gradient", "mistakes": ("sign",)}
    slope = "matches the formula without the slope, a (1 - a) (cannot tell this from 'another' here)"
    assert as_found(Diagnosis(explanation=slope, **of)) == "the same without the slope, a (1 - a)"
    two = (
        "matches the formula with W2 after its update: compute first; and with the other column (in batches of 2 rows)"
    )
    assert as_found(Diagnosis(explanation=two, **of)) == "the same with W2 after its update, and with the other column"
    assert as_found(Diagnosis(explanation="no mistake explains it", **of)) is None


def test_every_name_of_a_mistake_has_plain_words():
    assert set(IN_WORDS) == {
        "sign", "factor", "missing-term", "wrong-index", "updated-weight", "wrong-base", "not-updated",
        "derivative-at-preactivation", "reduction", "wrong-loss", "learning-rate", "precision", "unknown",
    }  # fmt: skip
