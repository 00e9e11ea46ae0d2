"""Training with the nine derivatives: the implementation `manual-scalar`.

The lesson's formulas are run once, on numbers that write down what is done to them. What they wrote is then run for
every step: the same operations in the same order, each of them once, without a list, a call or an array in between.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from itertools import accumulate
from types import ModuleType

import numpy as np

from manual.nine_derivatives import classification, regression
from manual.number import Number
from manual.recording.program import Program, start
from manual.recording.recorded import as_lists, from_lists
from manual.recording.running import compiling, running
from manual.train import require_computed
from problems.block import Block
from problems.order import BatchRows
from problems.problem import Array, Problem

BLOCK = 4096  # steps that are reported at once
LONG = 1_000_000  # steps that take about as long uncompiled as compiling them does

LESSONS = {
    ((2, 2, 1), ("linear", "linear"), "mean_squared_error"): regression,
    ((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy"): classification,
}


def versions(problem: Problem) -> dict[str, str]:
    """What training `problem` runs on: Numba too where it is compiled, whose last bits may be others."""
    compiled = {"numba": importlib.metadata.version("numba")} if compiling(long=long(problem)) else {}
    return {"numpy": np.__version__, **compiled}


def long(problem: Problem) -> bool:
    """Whether training is worth compiling; what is left of a long training goes on as it began."""
    return problem.begin + problem.steps >= LONG


def lesson(problem: Problem) -> ModuleType:
    """The lesson that trains `problem`; raises NotImplementedError where neither of the two does."""
    require_computed(problem)
    network = problem.network
    key = (network.sizes, network.activations, problem.loss)
    if not problem.optimizer.plain or problem.l2:
        raise NotImplementedError("the nine derivatives are written for plain gradient descent without a penalty")
    if key not in LESSONS or problem.batch_size != 1:
        raise NotImplementedError(
            "the nine derivatives are written for one row at a time and a 2-2-1 network, "
            "linear with mean_squared_error or sigmoid with binary_cross_entropy"
        )
    return LESSONS[key]


def inside(probability: Number, dtype: str) -> Number:
    """The nearest number strictly between 0 and 1, where log 0 would make the loss infinite or NaN."""
    limits = np.finfo(dtype)
    return np.minimum(np.maximum(probability, limits.tiny), 1 - limits.epsneg)


def recorded_lesson(hand: ModuleType, problem: Problem) -> Program:
    """One step of the lesson, written down."""
    given = start(problem, 1)
    parameters = {name: as_lists(values) for name, values in given.parameters.items()}
    (x,), ((y,),) = as_lists(given.x), as_lists(given.y)
    y_hat, hidden = hand.forward_propagation(x, parameters)
    loss = hand.loss(y, inside(y_hat, problem.dtype) if hand is classification else y_hat)
    after, gradients = hand.update_parameters(parameters, x, y, y_hat, hidden, given.rate)
    return given.program(
        loss,
        {name: from_lists(values) for name, values in gradients.items()},
        {name: from_lists(values) for name, values in after.items()},
    )


def rows_in_blocks(problem: Problem) -> Iterator[Array]:
    """The row of every step, in order, (steps,), at most BLOCK at a time."""
    due = BatchRows(problem)
    while len(rows := due.take(BLOCK)):
        yield rows[:, 0]


def as_tensors(problem: Problem, numbers: Array) -> dict[str, Array]:
    """Numbers (steps, n) in canonical order as one tensor for each parameter, (steps, n_in, n_out)."""
    shapes = problem.network.parameter_shapes
    ends = list(accumulate(n_in * n_out for n_in, n_out in shapes.values()))[:-1]
    split = np.split(numbers, ends, axis=1)
    return {name: part.reshape(-1, *shape) for part, (name, shape) in zip(split, shapes.items(), strict=True)}


def train(problem: Problem) -> Iterator[Block]:
    """Every step of training `problem`, one row at a time, in its dtype."""
    program = recorded_lesson(lesson(problem), problem)
    steps = running(program, problem.dtype, long=long(problem))
    learning_rate = np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
    table = np.concatenate([problem.x, problem.y], axis=1)
    parameters = np.concatenate([values.ravel() for values in problem.initial.values()])
    for rows in rows_in_blocks(problem):
        found = steps(table[rows], parameters, learning_rate)
        gradients, after = np.split(found[:, 1:], 2, axis=1)
        yield Block(
            rows=rows[:, None],
            loss=found[:, 0],
            gradients=as_tensors(problem, gradients),
            parameters=as_tensors(problem, after),
        )
        parameters = after[-1]
