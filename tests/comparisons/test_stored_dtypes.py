"""bfloat16 and float16: the bounds hold for the worst and the best evaluation, and see what is beyond rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from comparisons.arithmetic.exact import exact_step, step_distance
from comparisons.audit import audit
from comparisons.compare import judged_trace, silent
from comparisons.reference import expectations, quantities
from comparisons.structure import value_faults
from comparisons.verdict import Verdict
from comparisons.workers import train_all
from manual.network import loss_routes, train_step
from manual.train import train
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.dtypes import STORED, holder, largest, rounded
from problems.order import batches
from problems.problem import Network, Optimizer, Problem, ProblemError
from problems.step import Step
from problems.trace import Trace
from problems.trace_file import load_trace, save_trace
from tests.comparisons.arithmetic.storing import Storing

dtypes = pytest.mark.parametrize("dtype", STORED)
lessons = pytest.mark.parametrize("lesson", DESCRIPTIONS)
losses = pytest.mark.parametrize("loss", ["mean_squared_error", "huber", "categorical_cross_entropy_with_logits"])


def ordinary(dtype: str, loss: str = "mean_squared_error", **changes: Any) -> Problem:
    """Numbers of ordinary size through a hidden layer of three, in batches of four."""
    rng = np.random.default_rng(5)
    network = Network(inputs=2, units=(3, 2), activations=("tanh", "linear"))
    labels = np.eye(2)[rng.integers(0, 2, 8)]
    fields = {
        "name": "ordinary",
        "x": rng.uniform(-2, 2, (8, 2)),
        "y": labels if "categorical" in loss else rng.uniform(-2, 2, (8, 2)),
        "network": network,
        "loss": loss,
        "initial": {name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()},
        "optimizer": Optimizer(learning_rate=0.1),
        "epochs": 3,
        "batch_size": 4,
        "dtype": dtype,
    }
    return Problem(**{**fields, **changes})


def stored_training(problem: Problem, number: Callable[[Any], Any]) -> Trace:
    """By hand in the number system of `number`, what is reported rounded to the dtype; every step starts from there."""
    route, *_ = loss_routes(problem.network, problem.loss)
    state, steps = problem.initial, []
    for rows in batches(problem):
        held = {name: number(values) for name, values in state.items()}
        x, y = number(problem.x[rows]), number(problem.y[rows])
        step = train_step(problem.network, route, held, x, y, problem.optimizer.learning_rate, problem.l2)
        told = {name: rounded(values, problem.dtype) for name, values in quantities(step).items()}
        state = part(told, "parameter.")
        steps.append(Step(rows=rows, loss=told["loss"], gradients=part(told, "gradient."), parameters=state))
    return Trace.record(problem, steps, implementation="by hand")


def part(told: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name.removeprefix(kind): values for name, values in told.items() if name.startswith(kind)}


def worst_operations(problem: Problem) -> Trace:
    """Every operation and every partial sum rounded to the dtype."""
    return stored_training(problem, lambda values: Storing.of(values, problem.dtype))


def best_operations(problem: Problem) -> Trace:
    """All of it in float64, and only what is reported rounded."""
    return stored_training(problem, lambda values: values.astype(np.float64))


ways = pytest.mark.parametrize("way", [worst_operations, best_operations])


def worst_ratio(trace: Trace) -> float:
    return max(one.worst.ratio for one in audit(trace).quantities if one.worst)


@ways
@losses
@dtypes
def test_the_bound_holds_and_tells_nearly_every_element(way, loss, dtype):
    found = audit(way(ordinary(dtype, loss)))
    assert found.verdict is Verdict.AGREES
    assert (found.faults, found.carries) == ((), dtype)
    assert found.not_told <= 0.02 * found.compared


@losses
@dtypes
def test_the_bound_is_not_far_wider_than_rounding(loss, dtype):
    assert worst_ratio(worst_operations(ordinary(dtype, loss))) > 0.1


@ways
@losses
@dtypes
def test_the_bound_encloses_the_distance_from_the_exact_step(way, loss, dtype):
    """Against balls: the whole distance from the truth, the emulation's and the reference's own."""
    problem = ordinary(dtype, loss, epochs=1, batch_size=8)
    trace = way(problem)
    state, x, y = {name: values[None] for name, values in problem.initial.items()}, problem.x[None], problem.y[None]
    exact = exact_step(problem, state, x, y)
    away = step_distance(exact, trace.loss, trace.gradients, trace.parameters)
    expected = expectations(problem, state, x, y)
    for name, distances in away.items():
        assert (distances <= expected[name].bound).all(), name


def scaled(trace: Trace, name: str, index: tuple[int, ...], factor: float) -> Trace:
    """The same with one element of one gradient multiplied in every step."""
    wrong = np.array(trace.gradients[name])
    place = (slice(None), *index)
    wrong[place] = rounded(wrong[place].astype(np.float64) * factor, trace.problem.dtype)
    return replace(trace, gradients={**trace.gradients, name: wrong})


def elements(trace: Trace) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, index) for name, values in trace.initial.items() for index in np.ndindex(values.shape)]


@dtypes
def test_a_tenth_too_much_in_any_gradient_is_caught(dtype):
    rng, lesson = np.random.default_rng(3), named_problem("regression")
    initial = {name: rng.uniform(-1, 1, values.shape) for name, values in lesson.initial.items()}
    trace = best_operations(lesson.changed(dtype=dtype, initial=initial))
    missed = [place for place in elements(trace) if audit(scaled(trace, *place, 1.1)).verdict is Verdict.AGREES]
    assert len(elements(trace)) == 9
    assert missed == []


@losses
@dtypes
def test_twice_a_gradient_through_a_hidden_layer_is_caught_but_where_rows_cancel(loss, dtype):
    trace = best_operations(ordinary(dtype, loss))
    missed = [place for place in elements(trace) if audit(scaled(trace, *place, 2.0)).verdict is Verdict.AGREES]
    assert len(elements(trace)) == 17
    assert len(missed) <= 1


@dtypes
def test_a_rounding_of_float64_is_not_caught(dtype):
    trace = best_operations(ordinary(dtype))
    for place in elements(trace):
        assert audit(scaled(trace, *place, 1 + 2.0**-52)).verdict is Verdict.AGREES


@dtypes
def test_a_wrong_gradient_is_reported_with_its_diagnosis(dtype):
    trace = scaled(best_operations(ordinary(dtype)), "W2", (0, 0), -1.0)
    result = judged_trace(trace, version=None)
    assert result.verdict is Verdict.DISAGREES
    assert result.audit is not None
    assert result.audit.carries is None
    assert [(one.parameter, one.mistakes) for one in result.diagnoses] == [("W2", ("sign",))]


def test_float32_numbers_in_a_bfloat16_run_are_a_fault():
    trace = stored_training(ordinary("float32"), lambda values: values)
    claimed = replace(trace, problem=ordinary("bfloat16"), initial=ordinary("bfloat16").initial)
    faults = value_faults(claimed)
    assert f"loss has {float(trace.loss[0])!r} in a bfloat16 run, which bfloat16 does not hold" in faults
    assert audit(claimed).verdict is Verdict.DISAGREES


def test_another_array_than_the_holder_is_a_fault():
    trace = best_operations(ordinary("bfloat16"))
    wide = {name: values.astype(np.float64) for name, values in trace.gradients.items()}
    assert value_faults(replace(trace, gradients=wide))[0] == (
        "gradient.W1 is float64 in a bfloat16 run, whose numbers stand in float32 arrays"
    )
    assert value_faults(replace(trace, problem=ordinary("float16"), initial=ordinary("float16").initial))


@dtypes
def test_beyond_the_largest_number_a_training_diverges(dtype):
    problem = ordinary(dtype)
    far = problem.changed(y=np.full((8, 2), 0.99 * np.sqrt(largest(dtype)) * 2), epochs=1)  # its square is too large
    found = audit(stored_infinite(far))
    assert found.divergence is not None
    assert found.divergence.step == 1
    assert found.verdict is Verdict.BLIND


def stored_infinite(problem: Problem) -> Trace:
    with np.errstate(all="ignore"):
        return best_operations(problem)


@dtypes
def test_the_problem_holds_what_the_dtype_does(dtype):
    problem = ordinary(dtype)
    assert problem.x.dtype == problem.initial["W1"].dtype == holder(dtype)
    assert (problem.x == rounded(problem.x, dtype)).all()
    assert (problem.x != ordinary("float64").x).any()


@dtypes
def test_a_trace_file_keeps_the_dtype(dtype, tmp_path):
    trace = best_operations(ordinary(dtype))
    save_trace(trace, tmp_path / "trace.npz")
    read = load_trace(tmp_path / "trace.npz")
    assert read.problem.dtype == dtype
    assert (read.parameters["W1"] == trace.parameters["W1"]).all()
    assert audit(read).verdict is Verdict.AGREES


def test_a_class_number_that_the_dtype_would_change_is_refused():
    network = Network(inputs=1, units=(300,), activations=("linear",))
    fields = {"network": network, "loss": "sparse_categorical_cross_entropy_with_logits", "x": [[1.0]], "y": [[257.0]]}
    initial = {"W1": np.zeros((1, 300)), "b1": np.zeros((1, 300))}
    with pytest.raises(ProblemError, match=r"data row 1 is 257\.0, which bfloat16 does not hold; use float32"):
        ordinary("bfloat16", **fields, initial=initial)
    assert ordinary("float16", **fields, initial=initial).y[0, 0] == 257


def test_class_probabilities_may_sum_to_one_as_the_dtype_rounds_them():
    thirds = np.full((8, 3), 1 / 3)
    network = Network(inputs=2, units=(3,), activations=("linear",))
    initial = {"W1": np.zeros((2, 3)), "b1": np.zeros((1, 3))}
    loss = "categorical_cross_entropy_with_logits"
    assert ordinary("bfloat16", loss, y=thirds, network=network, initial=initial).y.sum(axis=1, dtype=float)[0] != 1
    with pytest.raises(ProblemError, match="sums to"):
        ordinary("bfloat16", loss, y=thirds * 1.02, network=network, initial=initial)


def test_an_unknown_format_is_refused_in_one_line():
    with pytest.raises(ProblemError, match="'float8' is not known; choose one of: float64, float32, bfloat16, float16"):
        ordinary("float8")


@dtypes
def test_by_hand_there_is_none(dtype):
    with pytest.raises(NotImplementedError, match=f"dtype '{dtype}' is not written here; by hand are"):
        next(train(ordinary(dtype)))


@lessons
@dtypes
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_the_lessons_agree_in_frameworks(name, dtype, lesson, require_or_skip):
    require_or_skip(name)
    outcome = train_all([name], [named_problem(lesson).changed(dtype=dtype)], timeout=120, progress=silent)[name][0]
    assert outcome.trace is not None
    result = judged_trace(outcome.trace, version=None)
    assert result.verdict is Verdict.AGREES
    assert result.audit is not None
    assert result.audit.not_told <= 0.1 * result.audit.compared
