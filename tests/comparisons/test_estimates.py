"""Mistakes with a constant of their own: decay, penalties, clipping, and what the number of rows brings."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons import check
from comparisons.checking import evidence_of
from comparisons.diagnosis import diagnose
from comparisons.planted import candidate_with
from comparisons.verdict import Verdict

WEIGHTS = ("W1", "W2")
CUT = "matches the formula cut off at"


def added(term):
    return lambda gradients, parameters, loss: ({n: g + term(n, parameters[n]) for n, g in gradients.items()}, loss)


def penalized(share):
    def change(gradients, parameters, loss):
        loss = loss + share / 2 * sum((parameters[name] ** 2).sum() for name in WEIGHTS)
        return {n: g + share * parameters[n] * (n in WEIGHTS) for n, g in gradients.items()}, loss

    return change


def by_norm(limit, epsilon=0.0, together=True):
    def change(gradients, parameters, loss):
        norms = {name: np.sqrt((g**2).sum()) for name, g in gradients.items()}
        whole = np.sqrt(sum(norm**2 for norm in norms.values()))
        of = {name: whole if together else norm for name, norm in norms.items()}
        return {n: g * min(1.0, limit / (of[n] + epsilon)) for n, g in gradients.items()}, loss

    return change


CHANGES = {
    "decay of all": (added(lambda n, p: 0.01 * p), "wrong-loss", "with 0.01 times the parameter itself", 9),
    "decay of weights": (added(lambda n, p: 0.3 * p * (n in WEIGHTS)), "wrong-loss", "with 0.3 times", 6),
    "decay the wrong way": (added(lambda n, p: -0.02 * p), "wrong-loss", "with -0.02 times", 9),
    "L1": (added(lambda n, p: 0.05 * np.sign(p)), "wrong-loss", "with 0.05 times the parameter's sign", 9),
    "a penalty": (penalized(0.01), "wrong-loss", "with 0.01 times the parameter itself", 7),
    "by value": (
        lambda g, p, loss: ({n: np.clip(v, -0.08, 0.08) for n, v in g.items()}, loss),
        "factor",
        "cut off at ±0.08",
        9,
    ),
    "by norm": (by_norm(0.5), "factor", "scaled down to the norm 0.5 where the norm of all gradients is larger", 9),
    "by norm as torch": (by_norm(0.5, 1e-6), "factor", "scaled down to the norm 0.5 where the norm of all", 9),
    "each by its norm": (by_norm(0.1, together=False), "factor", "the norm of W1's gradient", 9),
}


@pytest.fixture
def lesson(problem_called):
    return problem_called("classification")


@pytest.mark.parametrize("told", [True, False], ids=["gradients", "update"])
@pytest.mark.parametrize(("change", "mistake", "text", "count"), CHANGES.values(), ids=CHANGES)
def test_a_measured_constant_is_named(change, mistake, text, count, told, by_hand, lesson):
    found = check(by_hand(forward=("sigmoid", "sigmoid"), change=change, told=told), lesson).diagnoses
    assert {one.mistakes for one in found} == {(mistake,)}
    assert len(found) == count
    assert any(text in one.explanation for one in found)


def test_the_penalty_in_the_loss_is_told_with_its_constant(by_hand, lesson):
    loss, *_ = check(by_hand(forward=("sigmoid", "sigmoid"), change=penalized(0.01)), lesson).diagnoses
    assert (loss.parameter, loss.mistakes) == ("loss", ("wrong-loss",))
    assert "with 0.005 · Σ W² added: an L2 term" in loss.explanation


@pytest.mark.parametrize("share", [0.01, 0.003])
def test_one_constant_is_told_in_the_same_words_of_every_element(share, by_hand, lesson):
    """In float32 every element measures it a little otherwise."""
    step = by_hand(forward=("sigmoid", "sigmoid"), change=added(lambda n, p: np.float32(share) * p), told=False)
    found = check(step, lesson.changed(dtype="float32")).diagnoses
    assert len({one.explanation for one in found}) == 1
    assert f"with {share} times the parameter itself" in found[0].explanation


def by_value(limit):
    return lambda g, p, loss: ({n: np.clip(v, -limit, limit) for n, v in g.items()}, loss)


def test_a_limit_that_is_seldom_reached_is_known_from_other_elements_and_row_counts(by_hand, lesson):
    problem = lesson.changed(x=lesson.x[:3], y=lesson.y[:3], batch_size=2)
    found = check(by_hand(forward=("sigmoid", "sigmoid"), change=by_value(0.15)), problem).diagnoses
    assert {one.explanation for one in found} == {f"{CUT} ±0.15 (the gradient is clipped by value)"}


def test_a_single_ratio_is_no_range(by_hand, lesson):
    steps = iter(range(10**6))

    def once(gradients, parameters, loss):
        share = 1 + 0.25 * (next(steps) == lesson.steps + 5)
        return {n: g * share for n, g in gradients.items()}, loss

    found = check(by_hand(forward=("sigmoid", "sigmoid"), change=once), lesson)
    evidence = evidence_of(lesson, found.steps[found.along :])
    assert all("; found / expected is 1.25 where it is wrong" in one.explanation for one in diagnose(evidence))


def test_decay_beside_the_learning_rate_is_named(lesson):
    right = candidate_with(lesson, [])

    def train_step(parameters, x, y, learning_rate):
        loss, after = right(parameters, x, y, learning_rate)
        return loss, {name: after[name] - 1e-4 * parameters[name] for name in after}

    assert {one.mistakes for one in check(train_step, lesson).diagnoses} == {("wrong-loss",)}
    assert "whatever the learning rate" in check(train_step, lesson).diagnoses[0].explanation


NO_CONSTANT = {
    "another in each state": added(lambda n, p: 0.01 * p * (1 + p[0, 0])),
    "a decay of the square": added(lambda n, p: 0.01 * p**2),
    "a soft limit": lambda g, p, loss: ({n: 0.2 * np.tanh(v / 0.2) for n, v in g.items()}, loss),
    "a limit above only": lambda g, p, loss: ({n: np.minimum(v, 0.01) for n, v in g.items()}, loss),
}


@pytest.mark.parametrize("change", NO_CONSTANT.values(), ids=NO_CONSTANT)
def test_what_has_no_constant_stays_unknown(change, by_hand, lesson):
    found = check(by_hand(forward=("sigmoid", "sigmoid"), change=change), lesson).diagnoses
    assert {one.mistakes for one in found} == {("unknown",)}
    assert all("found / expected lies between" in one.explanation for one in found)


def test_a_decay_that_is_no_number_once_stays_unknown(by_hand, lesson):
    steps = iter(range(10**6))

    def change(gradients, parameters, loss):
        once = np.nan if next(steps) == lesson.steps + 5 else 1.0
        return {n: g + 0.01 * parameters[n] * once for n, g in gradients.items()}, loss

    found = check(by_hand(forward=("sigmoid", "sigmoid"), change=change), lesson)
    evidence = evidence_of(lesson, found.steps[found.along :])
    assert {one.mistakes for one in diagnose(evidence)} == {("unknown",)}


def test_a_gradient_of_nothing_is_told(by_hand, lesson):
    def nothing(gradients, parameters, loss):
        return {**gradients, "b1": 0 * gradients["b1"]}, loss

    found = check(by_hand(forward=("sigmoid", "sigmoid"), change=nothing), lesson).diagnoses
    assert {(one.parameter, one.mistakes) for one in found} == {("b1", ("missing-term",))}
    assert "0 in every state: nothing comes back" in found[0].explanation


def in_batches(problem, size):
    """Five rows in batches of `size`: the last batch is shorter."""
    return problem.changed(x=problem.x[:5], y=problem.y[:5], batch_size=size)


@pytest.fixture
def uneven(problem_called):
    return in_batches(problem_called("tanh"), 3)


def scaled(problem, factor, names=("b1", "b2"), told=True):
    """The right step with the gradients called `names` times `factor(rows)`."""
    right = candidate_with(problem, [], gradients=True)

    def train_step(parameters, x, y, learning_rate):
        loss, _, gradients = right({n: v.copy() for n, v in parameters.items()}, x, y, learning_rate)
        gradients = {n: g * (factor(len(x)) if n in names else 1) for n, g in gradients.items()}
        after = {n: parameters[n] - learning_rate * gradients[n] for n in gradients}
        return (loss, after, gradients) if told else (loss, after)

    return train_step


ROWS = {
    "a mean for a sum": (lambda rows: 1 / rows, "once too often"),
    "a sum for a mean": (lambda rows: rows, "summed over the rows where the mean belongs"),
    "divided by the batch size": (lambda rows: rows / 3, "divided by 3, the batch size, where this batch has fewer"),
}


@pytest.mark.parametrize("told", [True, False], ids=["gradients", "update"])
@pytest.mark.parametrize(("factor", "text"), ROWS.values(), ids=ROWS)
def test_a_reduction_is_named_from_several_row_counts(factor, text, told, uneven):
    found = check(scaled(uneven, factor, told=told), uneven)
    assert found.verdict is Verdict.DISAGREES
    assert {(one.parameter, one.mistakes) for one in found.diagnoses} == {
        (name, ("reduction",)) for name in ("b1", "b2")
    }
    assert all(text in one.explanation for one in found.diagnoses)


def test_two_outputs_average_a_bias_by_the_rows(problem_called):
    problem = problem_called("half").changed(loss="mean_squared_error", batch_size=3)
    found = check(scaled(problem, lambda rows: 1 / rows), problem).diagnoses
    assert {one.mistakes for one in found} == {("reduction",)}


def test_what_is_wrong_in_short_batches_only_says_so(uneven):
    found = check(scaled(uneven, lambda rows: 1 if rows == 3 else 1.7), uneven).diagnoses
    assert {one.mistakes for one in found} == {("factor",)}
    assert all(one.explanation.endswith("(in batches of 2 rows)") for one in found)


def test_each_row_count_may_have_a_mistake_of_its_own(uneven):
    found = check(scaled(uneven, lambda rows: -1 if rows == 3 else 1.7), uneven).diagnoses
    assert {one.mistakes for one in found} == {("sign", "factor")}
    assert all("(in batches of 3 rows)" in one.explanation for one in found)
