"""Every mistake of the catalogue is noticed and named; what is not known is not guessed at."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from comparisons import check
from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT64
from comparisons.audit import audit
from comparisons.checking import evidence_of
from comparisons.diagnosis import diagnose
from comparisons.estimates import LEAST_STATES, within
from comparisons.mutants import catalogue, double_mutants, elements, quantities, single_mutants
from comparisons.planted import candidate_with
from comparisons.search import MOST_ELEMENTS, PAIR_STATES, says_something
from comparisons.trace_evidence import diagnosed
from comparisons.verdict import Verdict
from manual.train import train
from problems.initializers import starting_parameters
from problems.order import batches
from problems.problem import Network, Optimizer, Problem
from problems.step import Step
from problems.trace import Trace
from tests.every_day import divided, part

SEED = 20240607
LESSON_COUNTS = {"regression": 293, "classification": 368}


def verdict_and_names(problem, plantings, gradients=False):
    with np.errstate(all="ignore"):
        found = check(candidate_with(problem, plantings, gradients=gradients), problem)
    return found.verdict, {(one.parameter, one.index): one.mistakes for one in found.diagnoses}


def right_names(plantings):
    return {(mutant.quantity, index): mutant.mistakes for mutant, index in plantings}


def sampled(values, count):
    chosen = np.random.default_rng(SEED).choice(len(values), min(count, len(values)), replace=False)
    return [values[k] for k in sorted(chosen)]


def not_named(problem, plantings, gradients=False):
    """The plantings that are not diagnosed with exactly their parameter, element and mistake; all must be killed."""
    missed = []
    for mutant, index in plantings:
        verdict, names = verdict_and_names(problem, [(mutant, index)], gradients)
        assert verdict is Verdict.DISAGREES, f"survives: {mutant.quantity}{index} {mutant.text}"
        if names != right_names([(mutant, index)]):
            missed.append((mutant.quantity, index, mutant.text, names))
    return missed


def kind(planting):
    """What a mistake is called, and in which quantity: of each, one is planted every day."""
    mutant, _ = planting
    return mutant.quantity, mutant.mistakes


@part
@pytest.mark.parametrize("gradients", [False, True], ids=["update", "gradients"])
@pytest.mark.parametrize("name", LESSON_COUNTS)
def test_every_mistake_is_killed_and_named(name, gradients, every_day, problem_called):
    problem = problem_called(name)
    planted = dict(enumerate(catalogue(problem)))
    assert len(planted) == LESSON_COUNTS[name]
    assert not_named(problem, divided(planted, kind)[every_day].values(), gradients) == []


@part
@pytest.mark.parametrize("gradients", [False, True], ids=["update", "gradients"])
@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_mistakes_in_other_networks_are_killed_and_named(name, gradients, every_day, problem_called):
    problem = problem_called(name)
    planted = list(catalogue(problem))
    chosen = divided(dict(enumerate(planted)), lambda one: one[0].mistakes)[True].values()
    assert not_named(problem, chosen if every_day else sampled(planted, 60), gradients) == []


@pytest.mark.parametrize("start", ["constant:0.1", "constant:1", "random:3"])
def test_the_start_hides_no_mistake(start, problem_called):
    problem = problem_called("classification")
    problem = problem.changed(initial=starting_parameters(problem.network, start), epochs=1)
    assert not_named(problem, sampled(list(catalogue(problem)), 40)) == []


@pytest.mark.parametrize("count", [10, pytest.param(40, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", LESSON_COUNTS)
def test_pairs_of_mistakes_are_killed_and_mostly_named(name, count, problem_called):
    problem = problem_called(name).changed(epochs=1)
    pairs = [
        (mutant, index)
        for quantity in quantities(problem.network)
        for mutant in double_mutants(problem, quantity)
        for index in elements(problem.network, quantity)
        if mutant.changes(index)
    ]
    few = sampled(pairs, count)
    assert len(not_named(problem, few)) <= 0.05 * len(few)


@pytest.mark.parametrize("draw", range(8))
def test_mistakes_in_several_tensors_are_all_found(draw, problem_called):
    problem = problem_called("classification").changed(epochs=1)
    rng = np.random.default_rng(draw)
    plantings = []
    for quantity in quantities(problem.network):
        choices = [(m, i) for m, i in catalogue(problem) if m.quantity == quantity]
        plantings.append(choices[rng.integers(len(choices))])
    assert verdict_and_names(problem, plantings) == (Verdict.DISAGREES, right_names(plantings))


def right_step(problem):
    return candidate_with(problem, [], gradients=True)


def with_parameters(problem, change):
    """The right step, its new parameters given by `change(before, gradient, learning_rate)`."""

    def train_step(parameters, x, y, learning_rate):
        loss, _, gradients = right_step(problem)(parameters, x, y, learning_rate)
        return loss, {name: change(parameters[name], gradients[name], learning_rate) for name in gradients}

    return train_step


def names_of(found):
    return {diagnosis.mistakes for diagnosis in found.diagnoses}


def noise(g):
    """Noise that is the same for the same gradient: the step keeps no state."""
    return np.random.default_rng(list(g.tobytes())).standard_normal(g.shape)


CHANGES = {
    "noise": (lambda old, g, rate: old - rate * (g + 1e-3 * noise(g)), {("unknown",)}),
    "a factor": (lambda old, g, rate: old - rate * 1.001 * g, {("factor",)}),
    "one part in a million": (lambda old, g, rate: old - rate * (1 + 1e-6) * g, {("factor",)}),
    "a negative factor": (lambda old, g, rate: old + rate * 1.5 * g, {("sign", "factor")}),
    "a fixed rate uphill": (lambda old, g, rate: old + g, {("sign", "learning-rate")}),
    "a fixed rate": (lambda old, g, rate: old - 0.01 * g, {("learning-rate",)}),
    "float32": (lambda old, g, rate: (old - rate * g).astype(np.float32).astype(np.float64), {("precision",)}),
    "nothing done": (lambda old, g, rate: old, {("not-updated",)}),
    "not a number": (lambda old, g, rate: old * np.nan, {("unknown",)}),
    "right but where it is small": (lambda old, g, rate: np.where(np.abs(g) < 0.01, old, old - rate * g), None),
}


@pytest.mark.parametrize(("change", "names"), CHANGES.values(), ids=CHANGES)
def test_what_is_no_formula_is_told_as_what_it_is(change, names, problem_called):
    problem = problem_called("classification")
    found = names_of(check(with_parameters(problem, change), problem))
    assert found == names if names else found <= {("unknown",)}


def test_an_unknown_mistake_says_the_ratio(problem_called):
    problem = problem_called("regression")
    change = CHANGES["noise"][0]
    found = check(with_parameters(problem, change), problem).diagnoses
    assert len(found) == 9
    for diagnosis in found:
        assert "found / expected lies between" in diagnosis.explanation


def test_a_ratio_of_nothing_has_no_sign(problem_called):
    problem = problem_called("classification")
    change = CHANGES["right but where it is small"][0]
    told = {one.explanation.partition("; ")[2] for one in check(with_parameters(problem, change), problem).diagnoses}
    assert told == {"found / expected is 0 where it is wrong"}


@pytest.mark.parametrize("count", [LEAST_STATES - 1, LEAST_STATES])
def test_too_few_states_explain_nothing(count, problem_called):
    problem = problem_called("regression")
    mutant = single_mutants(problem, "W1")[0]
    found = check(candidate_with(problem, [(mutant, (0, 0))]), problem, states=10)
    (diagnosis,) = diagnose(evidence_of(problem, found.steps[-count:]))
    assert diagnosis.mistakes == (("unknown",) if count < LEAST_STATES else mutant.mistakes)


def test_what_cannot_be_told_apart_is_said(problem_called):
    # ½(y − ŷ)² over two rows: a 2 too many and a sum over the rows are the same number
    problem = problem_called("half")
    mutant = next(m for m in single_mutants(problem, "W1") if "summed over the rows" in m.text)
    (diagnosis,) = check(candidate_with(problem, [(mutant, (0, 0))]), problem).diagnoses
    assert {diagnosis.mistakes, *diagnosis.alternatives} >= {("factor",), ("reduction",)}
    assert "cannot tell this from" in diagnosis.explanation


def test_hidden_nodes_that_stay_alike_cannot_be_told_apart(problem_called):
    problem = problem_called("classification")
    mutant = next(m for m in single_mutants(problem, "W1") if "W2 after its update" in m.text)
    way = check(candidate_with(problem, [(mutant, (0, 0))]), problem, states=3)
    alike = diagnose(evidence_of(problem, way.steps[:1] * 5))
    assert alike[0].mistakes[0] == "updated-weight"


def test_a_wrong_gradient_beside_a_right_update_is_wrong_alone(problem_called):
    problem = problem_called("classification")

    def train_step(parameters, x, y, learning_rate):
        loss, after, gradients = right_step(problem)(parameters, x, y, learning_rate)
        return loss, after, {**gradients, "W1": -gradients["W1"]}

    assert {(d.of, d.mistakes) for d in check(train_step, problem).diagnoses} == {("gradient", ("sign",))}


def test_a_wrong_update_beside_right_gradients_is_explained(problem_called):
    problem = problem_called("classification")
    mutant = next(m for m in single_mutants(problem, "W1") if m.mistakes == ("updated-weight",))
    wrong, right = candidate_with(problem, [(mutant, (0, 1))]), right_step(problem)
    found = check(lambda p, x, y, rate: (*wrong(p, x, y, rate), right(p, x, y, rate)[2]), problem)
    assert [(d.of, d.index, d.mistakes) for d in found.diagnoses] == [("update", (0, 1), ("updated-weight",))]


def in_one_element(problem: Problem, name: str, index: tuple[int, ...], share: float):
    def train_step(parameters, x, y, learning_rate):
        loss, after, gradients = right_step(problem)(parameters, x, y, learning_rate)
        gradients[name][index] *= 1 + share
        return loss, after, gradients

    return train_step


@pytest.mark.parametrize("name", LESSON_COUNTS)
def test_a_millionth_in_one_gradient_element_is_caught(name, problem_called):
    problem = problem_called(name)
    for parameter, shape in problem.network.parameter_shapes.items():
        for index in np.ndindex(shape):
            found = check(in_one_element(problem, parameter, index, 1e-6), problem)
            assert [(d.parameter, d.index, d.mistakes) for d in found.diagnoses] == [(parameter, index, ("factor",))]


def test_the_trained_rows_are_those_of_the_problem(problem_called):
    problem = problem_called("tanh")
    found = check(right_step(problem), problem)
    assert [state.x.tolist() for state, _ in found.steps[: found.along]] == [
        problem.x[rows].tolist() for rows in batches(problem)
    ]


def last_batch_of_one_row(problem):
    """Batches of two rows and of one, of which the mean is the sum."""
    return problem.changed(x=problem.x[:3], y=problem.y[:3], batch_size=2, epochs=4)


def bias_by_the_mean(problem):
    """A right step but for b2, whose gradient is the mean over the rows of what already holds their mean."""

    def train_step(parameters, x, y, learning_rate):
        loss, _, gradients = right_step(problem)(parameters, x, y, learning_rate)
        gradients["b2"] = gradients["b2"] / len(x)
        return loss, {name: parameters[name] - learning_rate * gradients[name] for name in gradients}, gradients

    return train_step


def test_what_another_number_of_rows_refutes_is_not_told_first(problem_called):
    problem = last_batch_of_one_row(problem_called("regression"))
    found = check(bias_by_the_mean(problem), problem)
    assert names_of(found) == {("reduction",)}
    assert not any("in batches" in one.explanation or "cannot tell" in one.explanation for one in found.diagnoses)


def test_of_a_trace_too_what_another_number_of_rows_refutes_is_not_told_first(problem_called):
    problem = last_batch_of_one_row(problem_called("regression"))
    steps = [
        replace(step, gradients={**step.gradients, "b2": step.gradients["b2"] / len(step.rows)})
        for step in train(problem)
    ]
    trace = Trace.record(problem, steps, implementation="mine")
    found = diagnosed(trace, audit(trace))
    assert {(one.parameter, one.of, one.mistakes) for one in found} == {("b2", "gradient", ("reduction",))}


def test_a_mask_taken_before_the_bias_is_named(problem_called):
    problem = problem_called("relu")
    mask = next(m for m, i in catalogue(problem) if m.quantity == "W1" and "before the bias" in m.text)
    assert not_named(problem, [(mask, (0, 0))], gradients=True) == []


def test_an_infinite_bound_rules_out_what_is_no_number():
    endless = Bounded(np.zeros(3), np.full(3, np.inf), FLOAT64)
    assert within(endless, np.array([1e300, np.nan, np.inf])).tolist() == [True, False, False]


def test_a_pair_that_explains_only_the_first_states_is_no_explanation(problem_called):
    problem = problem_called("regression")
    pair = next(m for m in double_mutants(problem, "W1") if m.mistakes == ("missing-term", "learning-rate"))
    single = single_mutants(problem, "W1")[0]
    steps = [
        step
        for mutant, count in ((pair, PAIR_STATES), (single, 4))
        for step in check(candidate_with(problem, [(mutant, (0, 0))]), problem, states=count).steps[-count:]
    ]
    (alone,) = diagnose(evidence_of(problem, steps[:PAIR_STATES]))
    (mixed,) = diagnose(evidence_of(problem, steps))
    assert (alone.mistakes, mixed.mistakes) == (pair.mistakes, ("unknown",))


def test_of_a_larger_network_some_elements_are_looked_at_and_it_is_said():
    rng = np.random.default_rng(0)
    network = Network(inputs=64, units=(64, 10), activations=("relu", "softmax"))
    problem = Problem(
        name="larger",
        x=rng.normal(size=(64, 64)),
        y=rng.integers(0, 10, (64, 1)).astype(float),
        network=network,
        loss="sparse_categorical_cross_entropy",
        initial=starting_parameters(network, "random:1"),
        optimizer=Optimizer(learning_rate=0.01),
        epochs=3,
        batch_size=16,
    )
    right = Trace.record(problem, train(problem), implementation="wrong")
    trace = replace(right, gradients={**right.gradients, "W1": 7 * right.gradients["W1"]})
    found = [one for one in diagnosed(trace, audit(trace)) if one.of == "gradient"]
    assert len(found) == MOST_ELEMENTS
    assert {one.mistakes for one in found} == {("factor",)}
    assert all(re.search(r"times 7 \(looked at 8 of [\d,]+ wrong elements\)", one.explanation) for one in found)


def test_a_prediction_says_something_where_it_is_told_from_0_or_is_0():
    predicted = Bounded(
        np.array([1.0, 1.0, -1.0, 0.0, 0.0, 1.0]), np.array([0.5, 1.0, 0.9, 0.0, 1e-9, np.inf]), FLOAT64
    )
    assert says_something(predicted).tolist() == [True, False, True, True, False, False]


@pytest.mark.long
def test_noise_in_a_gradient_that_its_bound_hardly_sees_is_unknown():
    """Predictions of most formulas lie within a bound larger than themselves there, and explain nothing."""
    rng = np.random.default_rng(0)
    network = Network(inputs=300, units=(200, 100, 5), activations=("relu", "relu", "linear"))
    problem = Problem(
        name="wide",
        x=rng.normal(size=(64, 300)),
        y=rng.integers(0, 5, (64, 1)),
        network=network,
        loss="sparse_categorical_cross_entropy_with_logits",
        initial=starting_parameters(network, "he_normal:0"),
        optimizer=Optimizer(learning_rate=0.01),
        epochs=2,
        batch_size=16,
        dtype="float32",
    )
    steps, state = [], problem.initial
    for rows in batches(problem):
        right = next(iter(train(problem.changed(x=problem.x[rows], y=problem.y[rows], initial=state, epochs=1))))
        noise = rng.normal(size=(300, 200)).astype(np.float32) * np.float32(1e-2)
        gradients = {**right.gradients, "W1": right.gradients["W1"] + noise}
        state = {name: values - np.float32(0.01) * gradients[name] for name, values in state.items()}
        steps.append(Step(rows=rows, loss=right.loss, gradients=gradients, parameters=state))
    found = check(Trace.record(problem, steps, implementation="noisy"))
    assert found.verdict is Verdict.DISAGREES
    assert {one.mistakes for one in found.diagnoses} == {("unknown",)}
