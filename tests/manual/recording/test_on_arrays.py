"""Where numbers of an ensemble are written: over what nothing needs any more, and over nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import manual.nine_derivatives.train as scalar
from manual.recording.on_arrays import Buffers, array_training
from manual.recording.program import Program
from manual.recording.running import function
from manual.recording.tape import Tape
from problems.catalogue import DESCRIPTIONS, named_problem


def run(program, parameters, gradients=False):
    """One step of a program without rows."""
    text, rows = array_training(program, gradients=gradients)
    kept, scratch = np.full((1, 1 + gradients * len(parameters), 4), np.nan), np.full((rows, 4), np.nan)
    function(text, **{**vars(np), "number": float})(np.zeros((1, 1)), parameters, np.full(4, 0.5), kept, scratch)
    return kept[0], rows


def program_of(tape, after, loss, gradients=()):
    return Program(
        lines=tuple(tape.lines), x=("x",), y=(), parameters=("a", "b"), loss=loss, gradients=gradients, after=after
    )


@pytest.fixture
def tape():
    tape = Tape()
    for name in ("x", "a", "b", "rate"):
        tape.input(name)
    return tape


def test_parameters_that_change_places_are_not_overwritten_too_early(tape):
    """a ← b + 1, b ← a + 1: whichever is written first, the other needs the old number."""
    one = tape.number(1)
    first, second = tape.operation("add", (2, one)), tape.operation("add", (1, one))
    parameters = np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]])
    kept, _ = run(program_of(tape, (first, second), tape.operation("multiply", (1, 2))), parameters)
    assert parameters.tolist() == [[11, 21, 31, 41], [2, 3, 4, 5]]
    assert kept.tolist() == [[10, 40, 90, 160]]


def test_what_is_kept_and_used_later_is_not_overwritten(tape):
    """The loss is a parameter's new number too, and the gradient of both."""
    total = tape.operation("add", (1, 2))
    parameters = np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]])
    kept, _ = run(program_of(tape, (total, tape.operation("exp", (1,))), total, (total, total)), parameters, True)
    assert kept.tolist() == [[11, 22, 33, 44]] * 3
    assert parameters[0].tolist() == [11, 22, 33, 44]
    assert parameters[1].tolist() == np.exp([1, 2, 3, 4]).tolist()


def test_a_choice_keeps_what_it_chooses_from(tape):
    positive = tape.operation("greater", (1, tape.number(2)))
    chosen = tape.operation("where", (positive, 1, 2))
    parameters = np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]])
    run(program_of(tape, (chosen, tape.operation("subtract", (2, chosen))), chosen), parameters)
    assert parameters.tolist() == [[10, 20, 3, 4], [0, 0, 27, 36]]


@pytest.mark.parametrize("lesson", DESCRIPTIONS)
def test_far_fewer_arrays_than_operations(lesson):
    problem = named_problem(lesson)
    program = scalar.recorded_lesson(scalar.lesson(problem), problem)
    buffers = Buffers(program, [program.loss])
    assert len(list(buffers.statements())) > 40
    assert buffers.count <= 10
