"""What is made sure of in an answer, and the random states that it is asked from."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.candidates import CandidateFault, along, call, number, random_states, tensors, understood


@pytest.fixture
def problem(problem_called):
    return problem_called("tanh")


def untouched(parameters, x, y, learning_rate):
    return 0.0, parameters


def test_random_states_come_again_with_their_seed(problem):
    one, again, other = (random_states(problem, 3, seed) for seed in (4, 4, 5))
    assert [state.x.tolist() for state in one] == [state.x.tolist() for state in again]
    assert one[0].x.tolist() != other[0].x.tolist()


def test_more_random_states_begin_with_the_same(problem):
    few, more = (random_states(problem, count, seed=0) for count in (2, 5))
    assert [state.learning_rate for state in few] == [state.learning_rate for state in more[:2]]


@pytest.mark.parametrize("name", ["regression", "classification", "tanh", "relu", "logits"])
def test_random_states_reach_both_sides(name, problem_called):
    problem = problem_called(name)
    states = random_states(problem, 64, seed=0)
    for values in (
        *(np.stack([s.parameters[n] for s in states]) for n in problem.network.parameter_shapes),
        np.stack([s.x for s in states]),
    ):
        assert (values > 0).any(axis=0).all()
        assert (values < 0).any(axis=0).all()
    assert all(len(state.x) == min(problem.batch_size, len(problem.x)) for state in states)


def test_random_states_have_the_problems_dtype(problem_called):
    (state,) = random_states(problem_called("regression").changed(dtype="float32"), 1, seed=0)
    assert {values.dtype.name for values in (*state.parameters.values(), state.x, state.y)} == {"float32"}


def test_a_candidate_gets_copies(problem):
    def spoiling(parameters, x, y, learning_rate):
        for values in (*parameters.values(), x, y):
            values[...] = np.nan
        return 0.0, {name: np.zeros(shape) for name, shape in problem.network.parameter_shapes.items()}

    (state,) = random_states(problem, 1, seed=0)
    call(spoiling, problem, state)
    assert np.isfinite([*state.x.ravel(), *state.y.ravel(), *state.parameters["W1"].ravel()]).all()


def test_each_step_starts_where_the_last_one_ended(problem):
    def counting(parameters, x, y, learning_rate):
        return 0.0, {name: values + 1 for name, values in parameters.items()}

    starts = [float(state.parameters["W1"][0, 0]) for state, _ in along(problem, counting)]
    assert np.diff(starts).round(9).tolist() == [1.0] * (problem.steps - 1)


def test_what_was_returned_is_a_copy(problem):
    kept = {name: np.zeros(shape) for name, shape in problem.network.parameter_shapes.items()}
    returned = understood((0.0, kept), problem)
    kept["W1"][0, 0] = 5
    assert returned.parameters["W1"][0, 0] == 0


@pytest.mark.parametrize("value", [1, 1.5, np.float32(2), [3.0], np.array([[4]])], ids=repr)
def test_one_number_is_one_number(value):
    assert number("loss", value).shape == ()


@pytest.mark.parametrize("value", [None, "1", 1j, True, [1, 2], [], {}, [[1], [2, 3]]], ids=repr)
def test_what_is_not_one_number_is_a_fault(value):
    with pytest.raises(CandidateFault, match="loss"):
        number("loss", value)


def test_a_longer_double_is_held_in_float64(problem):
    named = {name: np.ones(shape, np.longdouble) for name, shape in problem.network.parameter_shapes.items()}
    assert {values.dtype.name for values in tensors("parameter", named, problem).values()} == {"float64"}


def test_names_may_stand_in_any_order(problem):
    named = {name: np.zeros(shape) for name, shape in reversed(problem.network.parameter_shapes.items())}
    assert list(tensors("parameter", named, problem)) == list(problem.network.parameter_shapes)
