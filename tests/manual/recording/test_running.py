"""Straight-line code against the formulas that it was written down from: every bit of every number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import manual.nine_derivatives.train as scalar
from manual.nine_derivatives import classification
from manual.recording.running import compiled, function, on_floats, on_scalars, running
from manual.recording.spelled import spelled_training
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.initializers import starting_parameters
from problems.order import batches
from problems.problem import Optimizer, Problem

lessons = pytest.mark.parametrize("lesson", DESCRIPTIONS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
STEPS = 2000


def problem_of(lesson: str, dtype: str, **changes: Any) -> Problem:
    problem = named_problem(lesson)
    initial = starting_parameters(problem.network, "random:5")
    fields = {"initial": initial, "epochs": STEPS // 4, "order": "random", "dtype": dtype}
    return problem.changed(**(fields | changes))


def text_of(problem: Problem) -> str:
    return spelled_training(scalar.recorded_lesson(scalar.lesson(problem), problem))


def given(problem: Problem) -> tuple[Any, Any, Any]:
    """rows, parameters and rate, as straight-line code is given them."""
    rows = np.concatenate([problem.x, problem.y], axis=1)[np.concatenate(list(batches(problem)))]
    numbers = np.concatenate([values.ravel() for values in problem.initial.values()])
    return rows, numbers, rows.dtype.type(problem.optimizer.learning_rate)


def directly(problem: Problem) -> Any:
    """What the lesson's formulas give when they are run on arrays of one number each, (steps, 19).

    Of scalars, a ** 2 is the C library's power, which is not always the number nearest to a².
    """
    hand, rate = scalar.lesson(problem), np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
    parameters: Any = {name: values[..., None] for name, values in problem.initial.items()}
    parameters = {name: [list(row) for row in values] for name, values in parameters.items()}
    found = []
    for rows in batches(problem):
        x, y = list(problem.x[rows[0]][:, None]), problem.y[rows[0]]
        with np.errstate(all="ignore"):
            y_hat, hidden = hand.forward_propagation(x, parameters)
            loss = hand.loss(y, scalar.inside(y_hat, problem.dtype) if hand is classification else y_hat)
            parameters, gradients = hand.update_parameters(parameters, x, y, y_hat, hidden, rate)
        found.append([loss, *numbers(gradients), *numbers(parameters)])
    return np.array(found)[..., 0]


def numbers(tensors: Any) -> list[Any]:
    return [value for table in tensors.values() for row in table for value in row]


def same(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@dtypes
@lessons
def test_scalars_give_what_the_formulas_give_bit_by_bit(lesson, dtype):
    problem = problem_of(lesson, dtype)
    assert same(on_scalars(text_of(problem), dtype)(*given(problem)), directly(problem))


def test_floats_give_what_the_formulas_give_bit_by_bit():
    problem = problem_of("regression", "float64")
    assert same(on_floats(text_of(problem))(*given(problem)), directly(problem))


@lessons
def test_compiled_code_gives_what_floats_give_bit_by_bit(lesson):
    pytest.importorskip("numba")
    problem = problem_of(lesson, "float64")
    text = text_of(problem)
    assert same(compiled(text, "float64")(*given(problem)), on_floats(text)(*given(problem)))


@lessons
def test_compiled_code_rounds_every_operation_to_float32(lesson):
    """The same functions on NumPy's scalars, which round so."""
    numba = pytest.importorskip("numba")
    exp, log = compiled_functions(numba)
    problem = problem_of(lesson, "float32")
    rows, parameters, rate = given(problem)
    found = np.empty((STEPS, 19), "float32")
    steps = function(text_of(problem), number=np.float32, exp=exp, log=log)
    steps([list(row) for row in rows], list(parameters), rate, found)
    assert same(compiled(text_of(problem), "float32")(rows, parameters, rate), found)


def compiled_functions(numba: Any) -> tuple[Any, Any]:
    """e^z and log z of the library that compiled code calls, to float32."""
    exp, log = (numba.njit(lambda z, f=f: f(z)) for f in (math.exp, math.log))
    return (lambda z: np.float32(exp(z))), (lambda z: np.float32(log(z)))


@pytest.mark.parametrize("rate", [1e3, 1e200])
@lessons
def test_floats_that_refuse_hand_over_to_scalars(lesson, rate):
    """e^1000 raises in Python and is infinite in NumPy."""
    optimizer = Optimizer(learning_rate=rate)
    problem = problem_of(lesson, "float64", epochs=50, optimizer=optimizer)
    text = text_of(problem)
    with np.errstate(all="raise"):
        found = on_floats(text)(*given(problem))
    expected = on_scalars(text, "float64")(*given(problem))
    assert np.array_equal(np.isfinite(found), np.isfinite(expected))
    assert np.allclose(found, expected, rtol=1e-9, atol=0, equal_nan=True)


def test_a_mistake_in_a_formula_is_in_its_straight_line_code(monkeypatch):
    """The text is written from the formulas and from nothing else."""
    right = text_of(problem_of("classification", "float64"))
    monkeypatch.setattr(classification, "loss", lambda y, y_hat: y * y_hat)
    assert text_of(problem_of("classification", "float64")) != right


def test_common_parts_are_computed_once():
    text = text_of(problem_of("classification", "float64"))
    assert text.count("exp(") == 3
    assert text.count("log(") == 2
    assert text.count("(y_1_1 - t") == 1  # y − ŷ
    assert text.count(" * x_1_1)") == 2


@dtypes
def test_long_trainings_are_compiled_and_short_ones_are_not(dtype, monkeypatch):
    pytest.importorskip("numba")
    problem = problem_of("regression", dtype)
    program, asked = scalar.recorded_lesson(scalar.lesson(problem), problem), []
    monkeypatch.setattr(
        "manual.recording.running.compiled", lambda text, dtype: asked.append(dtype) or on_scalars(text, dtype)
    )
    running(program, dtype, long=False)
    assert asked == []
    running(program, dtype, long=True)
    assert asked == [dtype]


@dtypes
def test_without_numba_a_long_training_runs_uncompiled(dtype, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    problem = problem_of("regression", dtype)
    program = scalar.recorded_lesson(scalar.lesson(problem), problem)
    assert same(running(program, dtype, long=True)(*given(problem)), directly(problem))
