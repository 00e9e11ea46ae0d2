"""Every variant is another formula in every element that it claims, or is proved to be the same one."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.symbolic import Symbols, as_symbols, is_zero, symbolic_parameters, symbolic_rows
from comparisons.candidates import random_states
from comparisons.chains import Passes
from comparisons.mutants import Mutant, catalogue, double_mutants, elements, quantities, single_mutants

NAMES = [
    "regression", "classification", "tanh", "relu", "logits", "half", "deep", "single",
    "classes", "sparse", "huber", "hinge",
]  # fmt: skip
MISTAKES = {
    "sign", "factor", "missing-term", "wrong-index", "updated-weight", "wrong-base", "not-updated",
    "derivative-at-preactivation", "reduction", "wrong-loss", "learning-rate",
}  # fmt: skip


def passes_from_random_states(problem, count=12):
    states = random_states(problem, count, seed=5)
    before = {name: np.stack([s.parameters[name] for s in states]) for name in states[0].parameters}
    passes = Passes(
        problem=problem,
        before=before,
        after=before,
        x=np.stack([s.x for s in states]),
        y=np.stack([s.y for s in states]),
        learning_rate=np.array([s.learning_rate for s in states]).reshape(-1, 1, 1),
    )
    after = {name: Mutant(quantity=name, variants=()).value(passes) for name in before}
    return Passes(
        problem=problem, before=before, after=after, x=passes.x, y=passes.y, learning_rate=passes.learning_rate
    )


def unchanged(problem):
    """The plantings that give the right value in every random state."""
    passes = passes_from_random_states(problem)
    with np.errstate(all="ignore"):
        for mutant, index in catalogue(problem):
            right = Mutant(quantity=mutant.quantity, variants=()).value(passes)
            wrong = np.broadcast_to(mutant.value(passes), right.shape)
            key = (slice(None), *index)
            if np.allclose(wrong[key], right[key], rtol=1e-12, atol=0):
                yield mutant, index


@pytest.mark.parametrize("name", NAMES)
def test_every_mutant_changes_every_element_that_it_claims(name, problem_called):
    assert [(m.quantity, index, m.text) for m, index in unchanged(problem_called(name))] == []


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_have_the_names_of_the_format(name, problem_called):
    found = {mistake for mutant, _ in catalogue(problem_called(name)) for mistake in mutant.mistakes}
    assert found <= MISTAKES


def test_the_lessons_have_every_mistake_but_the_reduction(problem_called):
    found = {
        m
        for name in ("regression", "classification")
        for one, _ in catalogue(problem_called(name))
        for m in one.mistakes
    }
    assert found == MISTAKES - {"reduction"}  # one row at a time


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_one_formula_differ(name, problem_called):
    problem = problem_called(name)
    for quantity in quantities(problem.network):
        texts = [mutant.text for mutant in single_mutants(problem, quantity)]
        assert len(set(texts)) == len(texts)


def symbolic_passes(problem):
    """Passes over symbols; what stands after the update is any number at all."""
    x, y = symbolic_rows(problem.network, min(problem.batch_size, len(problem.x)))
    before = symbolic_parameters(problem.network)
    after = {name: _primed(values) for name, values in before.items()}
    rate = as_symbols(_symbol("eta"))
    return Passes(problem=problem, before=before, after=after, x=x, y=y, learning_rate=rate)


def _symbol(name):
    import sympy

    return sympy.Symbol(name, real=True)


def _primed(values: Symbols) -> Symbols:
    return as_symbols(np.array([[_symbol(f"{one}'") for one in row] for row in values.view(np.ndarray)], dtype=object))


def proved_equal(problem, one, other, index):
    """Whether two mutants are the same formula in this element, for all numbers."""
    passes = symbolic_passes(problem)
    first, second = (np.broadcast_to(mutant.value(passes), _shape(problem, mutant)) for mutant in (one, other))
    return is_zero(first[index] - second[index])


def _shape(problem, mutant):
    return () if mutant.quantity == "loss" else problem.network.parameter_shapes[mutant.quantity]


def test_in_a_linear_network_the_columns_differ_by_the_weight_alone(problem_called):
    # without W2 both columns of W1's derivative are 2 (ŷ − y) x: taking the other column changes nothing more
    problem = problem_called("regression")
    alone = next(m for m in single_mutants(problem, "W1") if m.text == "without the factor W2")
    both = next(
        m
        for m in double_mutants(problem, "W1")
        if [v.text for v in m.variants] == ["without the factor W2", "with the derivative of the other column"]
    )
    for index in elements(problem.network, "W1"):
        assert proved_equal(problem, alone, both, index)


def test_the_proof_refuses_formulas_that_differ(problem_called):
    problem = problem_called("regression")
    one, other, *_ = single_mutants(problem, "W1")
    assert not proved_equal(problem, one, other, (0, 0))


def test_in_a_linear_network_the_other_weight_is_the_other_column(problem_called):
    problem = problem_called("regression")
    weight, column = (
        next(m for m in single_mutants(problem, "W1") if m.text == text)
        for text in ("with W2 of the other hidden node", "with the derivative of the other column")
    )
    for index in elements(problem.network, "W1"):
        assert proved_equal(problem, weight, column, index)
