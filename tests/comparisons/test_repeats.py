"""A step that remembers earlier calls is told so, once; a right one may be as uneven as rounding is."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons import check
from comparisons.candidate_process import check_file
from comparisons.check_text import check_text
from comparisons.planted import candidate_with
from comparisons.repeats import ASKED_AGAIN, places_again
from comparisons.verdict import Verdict

LINE = "train_step gives another answer when it is called again with the same numbers"


def changing(problem, change):
    """The right step with its update, gradients and loss changed by `change(calls, loss, after, gradients, given)`."""
    right, calls = candidate_with(problem, [], gradients=True), []

    def train_step(parameters, x, y, learning_rate):
        calls.append(1)
        loss, after, gradients = right({k: v.copy() for k, v in parameters.items()}, x, y, learning_rate)
        return change(len(calls), loss, after, gradients, (parameters, learning_rate))

    return train_step


def momentum(share):
    velocity = {}

    def change(calls, loss, after, gradients, given):
        parameters, rate = given
        for name, values in gradients.items():
            velocity[name] = share * velocity.get(name, 0) + values
        return loss, {name: parameters[name] - rate * velocity[name] for name in parameters}

    return change


def adam():
    first, second = {}, {}

    def change(calls, loss, after, gradients, given):
        parameters, rate = given
        for name, g in gradients.items():
            first[name] = 0.9 * first.get(name, 0) + 0.1 * g
            second[name] = 0.999 * second.get(name, 0) + 0.001 * g * g
        moved = {name: first[name] / (1 - 0.9**calls) for name in first}
        size = {name: np.sqrt(second[name] / (1 - 0.999**calls)) + 1e-8 for name in second}
        return loss, {name: parameters[name] - rate * moved[name] / size[name] for name in parameters}

    return change


def accumulated():
    total = {}

    def change(calls, loss, after, gradients, given):
        parameters, rate = given
        for name, values in gradients.items():
            total[name] = total.get(name, 0) + values
        return loss, {name: parameters[name] - rate * total[name] for name in parameters}, dict(total)

    return change


def every(number):
    def change(calls, loss, after, gradients, given):
        return loss, after if calls % number == 0 else given[0]

    return change


def own_parameters(problem):
    """A step that goes on from its own last parameters whatever it is given."""
    right, kept = candidate_with(problem, []), dict(problem.initial)

    def train_step(parameters, x, y, learning_rate):
        loss, after = right(kept, x, y, learning_rate)
        kept.update(after)
        return loss, dict(after)

    return train_step


def noisy():
    rng = np.random.default_rng(0)
    return lambda calls, loss, after, gradients, given: (loss * (1 + 0.1 * rng.standard_normal()), after)


REMEMBERING = {
    "momentum": (lambda: momentum(0.9), "the loss is the same, the update differs"),
    "Adam": (adam, "the loss is the same, the update differs"),
    "accumulated gradients": (accumulated, "the loss is the same, the gradients differ"),
    **{f"every {k} calls": (lambda k=k: every(k), "the loss is the same, the update differs") for k in (2, 3, 4, 5)},
    "a random number": (noisy, "its loss differs already"),
}


@pytest.mark.parametrize("problem_name", ["regression", "classification"])
@pytest.mark.parametrize(("change", "which"), REMEMBERING.values(), ids=REMEMBERING)
def test_what_is_kept_between_calls_is_told_once(change, which, problem_name, problem_called):
    problem = problem_called(problem_name)
    found = check(changing(problem, change()), problem)
    assert (found.verdict, found.diagnoses) == (Verdict.DISAGREES, ())
    assert LINE in found.reason
    assert which in found.reason
    assert check_text(found).count(LINE) == 1
    assert "unknown" not in check_text(found)


def test_a_step_that_goes_on_from_its_own_parameters_is_told_so(problem_called):
    problem = problem_called("classification")
    found = check(own_parameters(problem), problem)
    assert (found.diagnoses, found.remembered[0]) == ((), "loss")


def test_what_is_remembered_only_after_every_first_answer_disagrees(problem_called):
    problem = problem_called("classification")
    states = 8
    first_answers = problem.steps + states

    def change(calls, loss, after, gradients, given):
        return (loss, after) if calls <= first_answers else (loss, given[0])

    found = check(changing(problem, change), problem, states=states)
    assert found.verdict is Verdict.DISAGREES
    assert found.remembered == tuple(f"parameter.{name}" for name in problem.initial)


@pytest.mark.parametrize("states", [3, 8, 64])
def test_each_number_is_counted_once(states, problem_called):
    problem = problem_called("regression")
    found = check(candidate_with(problem, []), problem, states=states)
    assert (found.verdict, found.remembered) == (Verdict.AGREES, ())
    assert found.audit.compared == (problem.steps + states) * 10  # the loss and nine parameters


def test_unevenness_within_the_bound_is_no_memory(problem_called):
    problem = problem_called("classification")
    rng = np.random.default_rng(1)

    def change(calls, loss, after, gradients, given):
        return np.nextafter(loss, rng.choice([-np.inf, np.inf])), after

    assert check(changing(problem, change), problem).verdict is Verdict.AGREES


def test_a_mistake_beside_unevenness_is_still_named(problem_called):
    problem = problem_called("classification")
    rng = np.random.default_rng(1)

    def change(calls, loss, after, gradients, given):
        parameters, rate = given
        uphill = parameters["W1"] + rate * gradients["W1"]
        return np.nextafter(loss, rng.choice([-np.inf, np.inf])), {**after, "W1": uphill}

    assert {one.mistakes for one in check(changing(problem, change), problem).diagnoses} == {("sign",)}


def test_not_a_number_twice_is_the_same(problem_called):
    problem = problem_called("regression")
    found = check(changing(problem, lambda calls, loss, after, gradients, given: (np.nan, after)), problem, states=3)
    assert found.remembered == ()


@pytest.mark.parametrize("count", [1, 3, 5, 8, 64, 1000])
def test_the_last_state_is_asked_again_first(count):
    places = places_again(count)
    assert places[0] == count - 1
    assert len(set(places)) == len(places) == min(count, ASKED_AGAIN)


def test_a_file_that_remembers_is_told_so(tmp_path, problem_called):
    file = tmp_path / "momentum.py"
    file.write_text(
        "velocity = {}\n"
        "def train_step(p, x, y, rate):\n"
        "    error = x @ p['W1'] @ p['W2'] - y\n"
        "    for k in p: velocity[k] = 0.9 * velocity.get(k, 0) + error.sum() * p[k]\n"
        "    return (error**2).mean(), {k: p[k] - rate * velocity[k] for k in p}\n",
        encoding="utf-8",
    )
    found = check_file(file, problem_called("regression"), states=8, seed=0)
    assert (found.verdict, found.diagnoses) == (Verdict.DISAGREES, ())
    assert found.reason.startswith(LINE)
