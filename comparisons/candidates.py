"""Running somebody's `train_step`: along the problem and from random states, with what it returns made sure of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.messages import counted
from problems.dtypes import rounded
from problems.order import batches
from problems.problem import Array, Parameters, Problem, ProblemError
from problems.targets import SPARSE

TrainStep = Callable[..., Any]
ARGUMENTS = ("parameters", "x", "y", "learning_rate")
BYTES_PER_STATE = 6000  # what the Python objects of one state and of its answer take
MOST_BYTES = 2**31  # for all random states with what a candidate returns from them
as_array = np.array  # kept, since a candidate may put something else in its place


class CandidateFault(Exception):
    """What a candidate returned cannot be compared; one line: what, the value, what was expected."""


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Where one step starts: parameters, rows x (rows, n_in), targets y (rows, n_out), learning rate."""

    parameters: Parameters
    x: Array
    y: Array
    learning_rate: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Returned:
    """What a candidate made of a state; gradients is None where it tells none."""

    loss: Array
    parameters: Parameters
    gradients: Parameters | None


def random_states(problem: Problem, count: int, seed: int) -> list[State]:
    """`count` states in which every factor of every formula differs from its neighbours.

    Weights and biases from U(−1, 1), inputs from U(−3, 3), learning rates log-uniform from 0.001 to 1; targets from
    {0, 1} for cross-entropy, the classes for categorical, {−1, 1} for hinge, else from U(−3, 3). Equally many rows as
    in the problem's full batch; where its last batch is shorter, every fourth state has as few.
    Raises ProblemError for more states than memory holds.
    """
    require_room(problem, count)
    rng = np.random.default_rng(seed)
    full = min(problem.batch_size, len(problem.x))
    short = len(problem.x) % full or full
    return [_random_state(problem, short if number % 4 == 3 else full, rng) for number in range(count)]


def require_room(problem: Problem, count: int) -> None:
    """Raise ProblemError where `count` states, and what a candidate makes of them, would not fit into memory."""
    parameters = problem.network.parameter_count
    row = problem.network.inputs + problem.network.units[-1]
    each = BYTES_PER_STATE + 8 * (
        3 * parameters + min(problem.batch_size, len(problem.x)) * row
    )  # before, after and gradients
    most = max(3, MOST_BYTES // each)
    if count > most:
        raise ProblemError(
            f"--states: {count:,} random states need about {count * each / 2**30:,.0f} GiB; "
            f"at most {most:,} of this network are tried"
        )


def _random_state(problem: Problem, rows: int, rng: np.random.Generator) -> State:
    dtype = problem.dtype
    shape = (rows, problem.network.units[-1])
    targets = _random_targets(problem.loss, shape, rng)
    return State(
        parameters={
            name: rounded(rng.uniform(-1, 1, size), dtype) for name, size in problem.network.parameter_shapes.items()
        },
        x=rounded(rng.uniform(-3, 3, (rows, problem.network.inputs)), dtype),
        y=rounded(targets, dtype),
        learning_rate=float(10 ** rng.uniform(-3, 0)),
    )


def _random_targets(loss: str, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    rows, outputs = shape
    if loss.startswith("binary_cross_entropy"):
        return rng.integers(0, 2, shape)
    if loss in SPARSE:
        return rng.integers(0, outputs, (rows, 1))
    if "categorical" in loss:
        return np.eye(outputs)[rng.integers(0, outputs, rows)]
    return rng.choice([-1, 1], shape) if loss == "hinge" else rng.uniform(-3, 3, shape)


def along(problem: Problem, train_step: TrainStep) -> Iterator[tuple[State, Returned]]:
    """The candidate's own training of `problem`: each step starts where its last one ended."""
    __tracebackhide__ = True
    callable_as_asked(train_step)
    parameters = problem.initial
    for rows in batches(problem):
        state = State(
            parameters=parameters,
            x=problem.x[rows],
            y=problem.y[rows],
            learning_rate=problem.optimizer.learning_rate,
        )
        returned = call(train_step, problem, state)
        yield state, returned
        parameters = returned.parameters


def callable_as_asked(train_step: TrainStep) -> None:
    """Raise CandidateFault where `train_step` takes other arguments than it is given."""
    fault = argument_fault(train_step)
    if fault:
        raise CandidateFault(fault)


def from_states(problem: Problem, train_step: TrainStep, states: list[State]) -> Iterator[tuple[State, Returned]]:
    """The candidate's step from each of `states`, none depending on another."""
    __tracebackhide__ = True
    callable_as_asked(train_step)
    for state in states:
        yield state, call(train_step, problem, state)


def call(train_step: TrainStep, problem: Problem, state: State) -> Returned:
    """One step, on copies that the candidate may change.

    Raises CandidateFault where what it returns has the wrong form; whatever the candidate raises passes through.
    """
    __tracebackhide__ = True
    parameters = {name: as_array(values) for name, values in state.parameters.items()}
    answer = train_step(parameters, as_array(state.x), as_array(state.y), state.learning_rate)
    return understood(answer, problem)


def understood(answer: Any, problem: Problem) -> Returned:
    """(loss, parameters) or (loss, parameters, gradients), each number and array made sure of."""
    if not isinstance(answer, (tuple, list)) or len(answer) not in (2, 3):
        got = counted(len(answer), "value") if isinstance(answer, (tuple, list)) else type(answer).__name__
        got = "nothing (None)" if answer is None else got
        raise CandidateFault(f"train_step returned {got}; expected (loss, parameters) or (loss, parameters, gradients)")
    loss, parameters, *gradients = answer
    if isinstance(loss, Mapping) and not isinstance(parameters, Mapping):
        raise CandidateFault("train_step returned (parameters, loss): the order is (loss, parameters)")
    return Returned(
        loss=number("loss", loss),
        parameters=tensors("parameter", parameters, problem),
        gradients=tensors("gradient", gradients[0], problem) if gradients and gradients[0] is not None else None,
    )


def number(what: str, value: Any) -> Array:
    """`value` as one number; an array with a single element is one too."""
    array = numeric(what, value)
    if array.size != 1:
        raise CandidateFault(f"{what} has shape {array.shape}; expected one number")
    return array.reshape(())


def numeric(what: str, value: Any) -> Array:
    """`value` as an array of real numbers, copied."""
    if getattr(value, "requires_grad", False) is True:
        how = "loss.item()" if what == "loss" else f"{what.partition('.')[2]}.detach().numpy()"
        raise CandidateFault(f"{what} is a {type(value).__module__} tensor that requires grad: return {how}")
    try:
        array = as_array(value)
    except Exception as error:  # an object's own conversion may raise anything, and may say what to do
        why = " ".join(str(error).split())
        raise CandidateFault(f"{what} is of type {type(value).__name__} and no array of numbers: {why}") from None
    if array.dtype.kind not in "fiu":
        raise CandidateFault(f"{what} is {type(value).__name__} of {array.dtype}; expected real numbers")
    return array.astype(np.float64) if array.dtype.itemsize > 8 else array


def tensors(group: str, named: Any, problem: Problem) -> dict[str, Array]:
    """Every parameter's array by name, in canonical layout."""
    shapes = problem.network.parameter_shapes
    if not isinstance(named, Mapping):
        raise CandidateFault(f"{group}s are a {type(named).__name__}; expected a dict with {', '.join(shapes)}")
    missing = [name for name in shapes if name not in named]
    if missing:
        raise CandidateFault(f"{group}.{missing[0]} is missing; expected {', '.join(shapes)}")
    unknown = [name for name in named if name not in shapes]
    if unknown:
        raise CandidateFault(f"{group}.{unknown[0]} is not a parameter of this network; expected {', '.join(shapes)}")
    result = {}
    for name, shape in shapes.items():
        array = numeric(f"{group}.{name}", named[name])
        if array.shape != shape:
            raise CandidateFault(f"{group}.{name} has shape {array.shape}, expected {shape}{reshaped(array, shape)}")
        result[name] = array
    return result


def reshaped(array: Array, shape: tuple[int, ...]) -> str:
    """How an array of another shape comes to `shape`, where that can be told."""
    if shape[0] == 1 and array.shape == shape[1:]:
        return ": keep the row axis, e.g. sum(axis=0, keepdims=True)"
    if array.shape == shape[::-1]:
        return ": it is transposed"
    return ""


def argument_fault(train_step: TrainStep) -> str | None:
    """Why `train_step` cannot be called with (parameters, x, y, learning_rate); None where it can, or nobody knows."""
    try:
        signature = inspect.signature(train_step)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*ARGUMENTS)
    except TypeError:
        required = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
        shown = " ".join(str(signature.replace(return_annotation=signature.empty)).split())
        return f"train_step takes {counted(len(required), 'argument')} {shown}; expected ({', '.join(ARGUMENTS)})"
    return None
