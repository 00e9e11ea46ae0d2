"""What a check could not have seen, and why."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

import comparisons.sampled_states as sampled_states
from comparisons.blind_spots import blind_spots
from comparisons.mutants import UPDATE_SITES, catalogue, elements, single_mutants
from comparisons.planted_training import planted_steps, right_step, windows
from comparisons.sensitivity import Tolerance, sensitivity
from comparisons.sensitivity_report import as_json, matrix_text
from comparisons.wrong_updates import wrong_updates
from problems.block import stacked
from problems.initializers import starting_parameters
from problems.problem import Optimizer

TOLERANCES = [Tolerance(rtol=rtol, atol=rtol) for rtol in (1e-3, 1e-5, 1e-9)]


def started(problem, start):
    return problem.changed(initial=starting_parameters(problem.network, start), start=start)


@pytest.fixture
def lesson(problem_called):
    return problem_called("classification")


def killed(found):
    return {(one.mutant.quantity, one.mutant.text, one.index) for one in found.planted if one.killed}


def test_every_mistake_is_planted_once(lesson):
    found = sensitivity(lesson, steps=1)
    assert [(p.mutant.text, p.index) for p in found.planted] == [(m.text, index) for m, index in catalogue(lesson)]


def test_the_lessons_start_hides_mistakes_that_a_random_one_shows(lesson):
    assert len(sensitivity(lesson).survivors) > 0
    assert sensitivity(started(lesson, "random:1")).survivors == []


def test_a_tighter_tolerance_sees_all_that_a_looser_one_sees(lesson):
    seen = [killed(sensitivity(lesson, tolerance=tolerance)) for tolerance in TOLERANCES]
    assert seen[0] < seen[1] < seen[2]


def test_more_steps_see_no_less(lesson):
    few, more = (killed(sensitivity(lesson, steps=steps)) for steps in (1, 8))
    assert few <= more


@pytest.mark.parametrize("changes", [{}, {"batch_size": 3, "order": "shuffled", "dtype": "float32"}], ids=["", "short"])
@pytest.mark.parametrize("name", ["regression", "classification"])
def test_steps_held_against_the_bound_at_once_are_judged_as_one_by_one(name, changes, problem_called, monkeypatch):
    problem = problem_called(name).changed(**changes, epochs=4)
    together = killed(sensitivity(problem))
    monkeypatch.setattr("comparisons.sensitivity.MOST_NUMBERS", 1)
    assert killed(sensitivity(problem)) == together


def test_windows_grow_and_hold_steps_of_as_many_rows():
    steps = [(number, np.zeros((rows, 1))) for number, rows in enumerate([2] * 9 + [1] + [2] * 5)]
    lengths = [[number for number, _ in window] for window in windows(iter(steps), 4)]
    assert lengths == [[0], [1, 2], [3, 4, 5, 6], [7, 8], [9], [10, 11, 12, 13], [14]]
    assert [len(window) for window in windows(iter(steps[:9]), 0)] == [1] * 9


def test_a_mistake_is_fed_back_along_the_training(lesson):
    mutant = next(m for m in single_mutants(lesson, "W1") if m.mistakes == ("sign",))
    indices = elements(lesson.network, "W1")
    steps = list(planted_steps(lesson, mutant, indices, 3))
    for (_, _, _, found), (before, *_) in pairwise(steps):
        assert all((found.parameters[name] == before[name]).all() for name in before)
    before, x, y, found = steps[2]
    right = right_step(lesson, before, x, y)
    wrong = np.argwhere(found.parameters["W1"] != right.parameters["W1"])
    assert [tuple(place[1:]) for place in wrong] == indices


def test_the_matrix_sums_to_what_was_planted(lesson):
    found = sensitivity(lesson, steps=2)
    cells = [cell for line in matrix_text(found, None).splitlines() for cell in line.split() if cell.count("/") == 1]
    counted = [tuple(map(int, cell.split("/"))) for cell in cells if cell.replace("/", "").isdigit()]
    assert sum(planted for _, planted in counted) == len(found.planted)
    assert sum(noticed for noticed, _ in counted) == len(found.planted) - len(found.survivors)


def test_the_json_tells_every_fate(lesson):
    found = sensitivity(lesson, steps=2, tolerance=TOLERANCES[0])
    document = json.loads(as_json(found))
    assert [one["killed"] for one in document["mutants"]] == [one.killed for one in found.planted]
    assert document["tolerance"] == {"rtol": 1e-3, "atol": 1e-3}


CAUSES = {
    "alike": ("classification", {}, "nodes 1 and 2 of layer 1 are equal in every step"),
    "zeros": ("classification", {"x": 0.0}, "all inputs are 0"),
    "dead": ("relu", {"b1": -100.0}, "passes nothing back in any step"),
    "one row": ("classification", {"x": 2.0}, "every step uses the same row of inputs"),
}


def spoiled(problem, change):
    if "x" in change:
        problem = problem.changed(x=np.full_like(problem.x, change["x"]))
    initial = {
        name: np.full_like(values, change[name]) if name in change else values
        for name, values in problem.initial.items()
    }
    return problem.changed(initial=initial)


@pytest.mark.parametrize(("name", "change", "cause"), CAUSES.values(), ids=CAUSES)
def test_the_cause_of_blindness_is_named(name, change, cause, problem_called):
    spots = blind_spots(spoiled(problem_called(name), change))
    assert spots.hidden
    assert any(cause in one for one in spots.causes)


def test_nothing_is_hidden_from_a_random_start(lesson):
    spots = blind_spots(started(lesson, "random:1"))
    assert (spots.hidden, spots.causes) == ((), ())


def test_blind_spots_are_what_the_sensitivity_finds(lesson):
    assert len(blind_spots(lesson).hidden) == len(sensitivity(lesson).survivors)


def test_what_was_noticed_once_stays_noticed(lesson):
    x = lesson.x.copy()
    x[0, 1] = x[1:] = 0  # the first row shows W1[0] alone, the others nothing of W1
    shown_once = lesson.changed(x=x)
    first, all_steps = (killed(sensitivity(shown_once, steps=steps)) for steps in (1, 4))
    assert first <= all_steps
    assert ("W1", "times one half: a 2 is missing", (0, 0)) in first


@pytest.fixture
def by_adam(lesson):
    return started(lesson, "random:1").changed(optimizer=Optimizer(name="adam", learning_rate=0.1))


def test_wrong_updates_of_an_optimizer_that_remembers_are_planted(by_adam):
    found = sensitivity(by_adam, steps=6)
    updates = [one for one in found.planted if one.mutant.quantity == "update"]
    assert [one.mutant.text for one in updates] == [one.text for one in wrong_updates(by_adam.optimizer)]
    assert all(one.killed for one in updates)
    assert not any(one.mutant.sites & UPDATE_SITES for one in found.planted if one not in updates)
    assert "factor" in matrix_text(found, None).partition("update")[2]


def test_one_step_cannot_tell_a_momentum_from_none(lesson):
    problem = lesson.changed(optimizer=Optimizer(name="momentum", learning_rate=0.1))
    unseen, seen = (
        {one.mutant.text: one.killed for one in sensitivity(problem, steps=steps).planted if one.index == ()}
        for steps in (1, 4)
    )
    assert not unseen["without the momentum"]
    assert seen["without the momentum"]


def test_a_tolerance_misses_wrong_updates_that_the_bound_sees(by_adam, problem_called):
    problem = started(problem_called("regression"), "random:1").changed(optimizer=by_adam.optimizer)
    assert all(one.killed for one in sensitivity(problem, steps=6).planted if one.mutant.quantity == "update")
    loose = sensitivity(problem, steps=6, tolerance=Tolerance(rtol=1e-5, atol=1e-5))
    missed = [one.mutant.text for one in loose.survivors if one.mutant.quantity == "update"]
    assert "without epsilon" in missed


def test_a_gradient_mutant_goes_through_the_optimizer(by_adam):
    mutant = next(m for m in single_mutants(by_adam, "W1") if m.mistakes == ("sign",))
    (_, _, _, found), *_ = planted_steps(by_adam, mutant, [(0, 0)], 1)
    moved = found.parameters["W1"][0, 0, 0] - by_adam.initial["W1"][0, 0]
    assert abs(abs(moved) - 0.1) < 1e-6  # the first step of Adam has the size of the rate, uphill here
    assert np.sign(moved) == np.sign(found.gradients["W1"][0, 0, 0]) * -1


def test_blind_spots_of_a_long_training_are_those_of_its_first_steps(problem_called, monkeypatch):
    """However long it is, no more steps are trained by hand than the epochs that WALKED steps take."""
    trained = []

    def counted(problem, real=sampled_states._trained):
        for block in stacked(real(problem), 4):
            trained.append(block.steps)
            yield block

    monkeypatch.setattr(sampled_states, "WALKED", 12)
    monkeypatch.setattr(sampled_states, "_trained", counted)
    problem = problem_called("regression").changed(epochs=10**6)
    before, x, _ = sampled_states.sampled_states(problem)
    assert len(x) == len(before["W1"]) == sum(trained) == 12


def test_what_takes_long_is_said_once(lesson, monkeypatch, capsys):
    from comparisons.commands import sensitivity as command

    sensitivity(lesson, steps=4, looked=command.told_once(4))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(command, "MANY_ROWS", 100)
    sensitivity(lesson, steps=4, looked=command.told_once(4))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("backproof: a mistake is trained until it is noticed, one that is not for all 4 steps, ")
