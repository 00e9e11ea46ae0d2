"""Steps are copied, stacked and taken apart again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from problems import Step, Trace, TraceError


def step(**changes):
    fields = {"rows": [0], "loss": 1.0, "gradients": {"W1": np.ones((2, 2))}, "parameters": {"W1": np.zeros((2, 2))}}
    return Step(**(fields | changes))


@pytest.fixture
def record(problem):
    """A function that records steps of the small problem."""

    def make(steps):
        return Trace.record(problem(), steps, implementation="nobody")

    return make


def test_step_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        step().loss = np.array(2.0)


def test_step_holds_copies():
    rows, loss, weights = np.array([0]), np.array(1.0), np.ones((2, 2))
    held = step(rows=rows, loss=loss, gradients={"W1": weights}, parameters={"W1": weights})
    rows[:], loss[...], weights[:] = 3, 3, 3
    assert held.rows.tolist() == [0]
    assert held.loss == 1
    assert (held.gradients["W1"] == 1).all()
    assert (held.parameters["W1"] == 1).all()


@pytest.mark.parametrize("pick", [lambda s: s.rows, lambda s: s.gradients["W1"], lambda s: s.parameters["W1"]])
def test_arrays_of_a_step_are_read_only(pick):
    with pytest.raises(ValueError, match="read-only"):
        pick(step())[...] = 5


def test_parameters_changed_in_place_between_steps_are_told_apart(record):
    weights = np.zeros((2, 2))

    def training():
        for number in range(3):
            weights[:] = number
            yield step(parameters={"W1": weights})

    assert record(training()).parameters["W1"][:, 0, 0].tolist() == [0, 1, 2]


def test_trace_starts_at_the_problems_numbers(trace):
    held = trace()
    assert held.initial is held.problem.initial
    assert held.steps == 3


def test_tensors_get_a_leading_axis_of_steps(trace):
    held = trace()
    assert {name: values.shape for name, values in held.parameters.items()} == {
        name: (3, *values.shape) for name, values in held.initial.items()
    }
    assert held.gradients.keys() == held.parameters.keys()
    assert held.loss.shape == (3,)


def test_dtype_of_what_was_reported_is_kept(trace):
    held = trace(dtype="float32")
    assert {held.loss.dtype, held.gradients["b1"].dtype, held.parameters["W2"].dtype} == {np.dtype("float32")}


def test_short_batches_are_filled_up(trace):
    assert trace(rows=[[0, 1, 2], [3, 4], [4]]).rows.tolist() == [[0, 1, 2], [3, 4, -1], [4, -1, -1]]


def test_trace_of_no_steps(record):
    held = record([])
    assert held.steps == 0
    assert held.rows.shape == (0, 1)


@pytest.mark.parametrize("rows", [[5], [-1], [0, -2], [], 0, [[0]], [0.5], [True]])
def test_rows_that_the_problem_does_not_have(record, refused, rows):
    assert "step 2" in refused(TraceError, "rows: ", record, [step(), step(rows=rows)])


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"loss": [1.0]}, "loss: shape (1,) at step 2, () at step 1"),
        ({"gradients": {"W1": np.ones((2, 1))}}, "gradient.W1: shape (2, 1) at step 2, (2, 2) at step 1"),
        ({"parameters": {"W1": 0.0}}, "parameter.W1: shape () at step 2, (2, 2) at step 1"),
        ({"gradients": {"b1": np.ones((2, 2))}}, "gradient: step 2 reports ['b1'], step 1 reports ['W1']"),
        ({"parameters": {}}, "parameter: step 2 reports [], step 1 reports ['W1']"),
    ],
    ids=["loss-shape", "gradient-shape", "parameter-shape", "gradient-name", "parameter-missing"],
)
def test_steps_that_do_not_stack(record, refused, changes, begins):
    refused(TraceError, begins, record, [step(), step(**changes), step()])


def test_names_may_come_in_another_order(record):
    one, other = {"W1": np.zeros((2, 2)), "b1": np.ones((1, 2))}, {"b1": np.ones((1, 2)), "W1": np.zeros((2, 2))}
    held = record([step(gradients=one), step(gradients=other)])
    assert (held.gradients["b1"] == 1).all()


@pytest.mark.parametrize("name", ["W1", "b2"])
def test_state_before_a_step_is_the_one_after_the_last(trace, name):
    held = trace()
    before = held.before(name, np.array([2, 0, 1]))
    expected = [held.parameters[name][1], held.initial[name], held.parameters[name][0]]
    assert np.array_equal(before, np.stack(expected))


@pytest.mark.parametrize(("begin", "end"), [(0, 3), (0, 1), (1, 3), (2, 3), (1, 1)])
def test_part_starts_at_its_own_state(trace, begin, end):
    held = trace()
    part = held.part(begin, end)
    assert part.steps == end - begin
    positions = np.arange(begin, end)
    assert np.array_equal(part.before("W1", positions - begin), held.before("W1", positions))
    assert np.array_equal(part.rows, held.rows[begin:end])
    assert np.array_equal(part.gradients["W2"], held.gradients["W2"][begin:end])
