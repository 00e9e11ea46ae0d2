"""Many trainings at once: each is the training alone, bit by bit, and the matrix form's within the bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import manual.nine_derivatives.train as scalar
import manual.recording.ensemble as ensembles
from comparisons.reference import expectations
from comparisons.tally import outside
from manual.activations import ACTIVATIONS
from manual.recording.ensemble import Ensemble, worthwhile
from manual.recording.running import on_scalars
from manual.recording.spelled import spelled_training
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.problem import Network, Optimizer, Problem

lessons = pytest.mark.parametrize("lesson", DESCRIPTIONS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
MEMBERS = 37
ROWS = np.array([[0], [3], [1], [1], [2]])


def starts(problem: Problem, rng: np.random.Generator, members: int = MEMBERS) -> dict[str, Any]:
    shapes = problem.network.parameter_shapes
    return {name: rng.normal(size=(members, *shape)).astype(problem.dtype) for name, shape in shapes.items()}


def rates_of(problem: Problem, members: int = MEMBERS) -> Any:
    return np.geomspace(1e-6, 1e-4, members).astype(problem.dtype)


@dtypes
@lessons
def test_every_member_is_the_lesson_alone_bit_by_bit(lesson, dtype, rng):
    problem = named_problem(lesson).changed(dtype=dtype)
    program = scalar.recorded_lesson(scalar.lesson(problem), problem)
    parameters, rates = starts(problem, rng), rates_of(problem)
    ensemble = Ensemble(problem, parameters, rates, program)
    kept = ensemble.train(ROWS, gradients=True)
    alone, table = on_scalars(spelled_training(program), dtype), np.concatenate([problem.x, problem.y], axis=1)
    for member in range(MEMBERS):
        own = np.concatenate([values[member].ravel() for values in parameters.values()])
        found = alone(table[ROWS[:, 0]], own, rates[member])
        assert np.array_equal(kept[:, :, member], found[:, :10])
        assert np.array_equal(ensemble.numbers[:, member], found[-1, 10:])


def problem_of(activation: str, loss: str, dtype: str, rng: np.random.Generator) -> Problem:
    """3-4-3 with a penalty, two rows a step."""
    outputs = 3
    last = "sigmoid" if loss == "binary_cross_entropy" else "softmax" if "categorical" in loss else "linear"
    network = Network(inputs=3, units=(4, outputs), activations=(activation, last))
    y = np.eye(outputs)[rng.integers(0, outputs, 6)] if last != "linear" else rng.normal(size=(6, outputs))
    return Problem(
        name="small",
        x=rng.normal(size=(6, 3)),
        y=y,
        network=network,
        loss=loss,
        initial={name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()},
        optimizer=Optimizer(learning_rate=0.01),
        epochs=1,
        batch_size=2,
        dtype=dtype,
        l2=0.01,
    )


LOSSES = ("mean_squared_error", "huber", "binary_cross_entropy", "categorical_cross_entropy")


@dtypes
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
def test_any_small_network_is_within_the_bound_of_the_formulas(activation, loss, dtype, rng):
    problem = problem_of(activation, loss, dtype, rng)
    members, rows = 9, np.array([[0, 4]])
    parameters = starts(problem, rng, members)
    ensemble = Ensemble(problem, parameters, np.full(members, 0.01))
    kept = ensemble.train(rows, gradients=True)
    x, y = (np.broadcast_to(table[rows[0]], (members, 2, table.shape[1])) for table in (problem.x, problem.y))
    expected = expectations(problem, parameters, x, y)
    assert kept.dtype == dtype
    assert not outside(kept[0, 0].astype(float), expected["loss"]).any()
    begin = 1
    for name, values in ensemble.parameters.items():
        size = values[0].size
        slopes = kept[0, begin : begin + size].T.reshape(values.shape)
        begin += size
        assert values.dtype == dtype
        assert not outside(slopes.astype(float), expected[f"gradient.{name}"]).any()
        assert not outside(values.astype(float), expected[f"parameter.{name}"]).any()


@lessons
def test_chunks_and_threads_change_nothing(lesson, rng, monkeypatch):
    problem = named_problem(lesson)
    parameters, rates = starts(problem, rng), rates_of(problem)
    whole = Ensemble(problem, parameters, rates)
    expected = whole.train(ROWS, gradients=True)
    monkeypatch.setattr(ensembles, "CHUNK", 5)
    monkeypatch.setattr(ensembles, "processors", lambda: 3)
    cut = Ensemble(problem, parameters, rates)
    assert len(list(cut._chunks(20))) == 9
    assert np.array_equal(cut.train(ROWS, gradients=True), expected)
    assert np.array_equal(cut.numbers, whole.numbers)


@lessons
def test_two_calls_go_on_where_the_first_stopped(lesson, rng):
    problem = named_problem(lesson)
    parameters, rates = starts(problem, rng), rates_of(problem)
    once, twice = Ensemble(problem, parameters, rates), Ensemble(problem, parameters, rates)
    losses = once.train(ROWS)
    assert np.array_equal(np.concatenate([twice.train(ROWS[:2]), twice.train(ROWS[2:])]), losses)
    assert losses.shape == (5, 1, MEMBERS)
    assert all(np.array_equal(values, once.parameters[name]) for name, values in twice.parameters.items())


def test_given_parameters_are_left_as_they_are(rng):
    problem = named_problem("regression")
    parameters = starts(problem, rng)
    before = {name: values.copy() for name, values in parameters.items()}
    Ensemble(problem, parameters, rates_of(problem)).train(ROWS)
    assert all(np.array_equal(values, before[name]) for name, values in parameters.items())


def test_a_member_that_diverges_disturbs_no_other(rng):
    problem = named_problem("regression")
    parameters, rates = starts(problem, rng), rates_of(problem)
    calm = Ensemble(problem, parameters, rates)
    calm.train(np.repeat(ROWS, 40, axis=0))
    rates[5] = 1e3
    wild = Ensemble(problem, parameters, rates)
    wild.train(np.repeat(ROWS, 40, axis=0))
    others = np.arange(MEMBERS) != 5
    assert not np.isfinite(wild.numbers[:, 5]).all()
    assert np.array_equal(wild.numbers[:, others], calm.numbers[:, others])


def test_worthwhile_where_the_network_is_small_and_updates_are_plain(rng):
    lesson = named_problem("regression")
    assert worthwhile(lesson, 2)
    assert not worthwhile(lesson.changed(batch_size=4), 13)
    assert worthwhile(lesson.changed(batch_size=4), 1000)
    assert worthwhile(lesson.changed(batch_size=400), 1000)
    assert not worthwhile(lesson.changed(optimizer=Optimizer(name="adam", learning_rate=0.1)), 1000)
    wide = Network(inputs=2, units=(100, 1), activations=("linear", "linear"))
    initial = {name: rng.normal(size=shape) for name, shape in wide.parameter_shapes.items()}
    assert not worthwhile(lesson.changed(network=wide, initial=initial), 10**6)
