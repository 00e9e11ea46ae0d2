"""What every framework's `train` reports: names, shapes, dtypes, rows, and one step's relation to the next."""

from __future__ import annotations

import json

import numpy as np
import pytest

from problems.dtypes import COMPUTED
from problems.order import stacked_batches
from problems.problem import LOSSES
from problems.trace_file import load_trace
from tests.every_day import divided

NAMES = ("torch", "keras-tensorflow", "keras-torch", "keras-jax", "jax")
DEEP = {f"{loss}-{dtype}": (loss, dtype) for loss in LOSSES for dtype in COMPUTED}
# Every loss in one dtype every day, in the other with the long tests.
LATER, DEEP_EVERY_DAY = divided(DEEP, lambda case: case[0])
EVERY_DAY = [*COMPUTED, "float64-again", *DEEP_EVERY_DAY]
# Keras multiplies float64 matrices in float32 on its PyTorch backend, which is for the audit to say.
TOLERANCE = {"keras-torch": 1e-6}

FLOAT32_LOSS = {("keras-torch", "hinge")}  # keras.ops.maximum of a float64 tensor and a number


def cases(dtype=""):
    """Parameters of a test: what is trained, in one dtype or in all."""
    return [
        pytest.param(case, marks=pytest.mark.long if case in LATER else ())
        for case in [*EVERY_DAY, *LATER]
        if case.endswith(dtype)
    ]


each_name = pytest.mark.parametrize("name", NAMES)
each_case = pytest.mark.parametrize("case", cases())


@pytest.fixture
def folder(name, observed, pytestconfig):
    return observed(name, tuple(LATER) if pytestconfig.getoption("long") else EVERY_DAY)


@pytest.fixture
def trace(case, folder):
    return load_trace(folder / f"{case}.npz")


@pytest.fixture
def facts(folder):
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


@each_name
@each_case
def test_names_and_shapes_are_canonical(trace):
    expected = {name: (trace.problem.steps, *shape) for name, shape in trace.problem.network.parameter_shapes.items()}
    assert {name: values.shape for name, values in trace.gradients.items()} == expected
    assert {name: values.shape for name, values in trace.parameters.items()} == expected
    assert trace.loss.shape == (trace.problem.steps,)


@each_name
@each_case
def test_dtypes_are_the_problems(trace):
    tensors = (trace.loss, *trace.gradients.values(), *trace.parameters.values())
    assert {str(values.dtype) for values in tensors} == {trace.problem.dtype}


@each_name
@each_case
def test_rows_are_the_batches_of_the_problem(trace):
    np.testing.assert_array_equal(trace.rows, stacked_batches(trace.problem))


@each_name
@each_case
def test_gradient_times_learning_rate_is_the_change(trace):
    """From the exact initial numbers on: 0.1 rounded to float32 would be a million times outside."""
    unit = np.finfo(trace.problem.dtype).eps
    rate = np.dtype(trace.problem.dtype).type(trace.problem.optimizer.learning_rate)
    for name, after in trace.parameters.items():
        before, change = trace.before(name, np.arange(trace.steps)), rate * trace.gradients[name]
        assert np.all(np.abs(before - change - after) <= unit * (np.abs(change) + np.abs(after)))
        assert np.any(trace.gradients[name] != 0)


def mean_squared_error_and_gradient(x, y, W, b):
    """Of one linear layer, in float64: (y − x W − b)² averaged over rows and outputs."""
    error = x @ W + b - y
    return np.mean(error**2), x.T @ error * 2 / error.size


@each_name
@pytest.mark.parametrize("case", COMPUTED)
def test_loss_and_gradient_are_of_the_state_before_the_update(name, trace):
    tolerance = max(20 * np.finfo(trace.problem.dtype).eps, TOLERANCE.get(name, 0))
    before = {name: trace.before(name, np.arange(trace.steps)).astype(np.float64) for name in ("W1", "b1")}
    for step, padded in enumerate(trace.rows):
        rows = padded[padded >= 0]
        x, y = (table[rows].astype(np.float64) for table in (trace.problem.x, trace.problem.y))
        loss, gradient = mean_squared_error_and_gradient(x, y, before["W1"][step], before["b1"][step])
        np.testing.assert_allclose(trace.loss[step], loss, rtol=tolerance)
        np.testing.assert_allclose(trace.gradients["W1"][step], gradient, atol=tolerance * np.abs(gradient).max())


@each_name
@pytest.mark.parametrize("case", cases("float64"))
def test_float64_loss_is_not_a_float32_number(name, trace):
    if (name, trace.problem.loss) in FLOAT32_LOSS:
        pytest.skip("its library computes it in float32, which is for the audit to say")
    assert np.any(trace.loss != trace.loss.astype(np.float32))


@each_name
@pytest.mark.parametrize("case", ["float64-again"])
def test_training_in_float32_leaves_no_switch_behind(trace, folder):
    first = load_trace(folder / "float64.npz")
    np.testing.assert_array_equal(trace.loss, first.loss)
    for parameter, values in trace.parameters.items():
        np.testing.assert_array_equal(values, first.parameters[parameter])


@each_name
def test_later_steps_do_not_change_earlier_ones(facts):
    assert facts["copied"]


@each_name
def test_import_changes_no_process_wide_switch(facts):
    assert facts["before"] == facts["after"]


@each_name
def test_versions_are_of_what_runs(name, facts):
    assert set(facts["versions"]) == {*name.split("-"), *(["optax"] if name == "jax" else [])}
    assert all(version[0].isdigit() for version in facts["versions"].values())


@each_name
@pytest.mark.parametrize("what", ["activation", "loss", "optimizer", "dtype"])
def test_what_is_not_written_is_refused_in_one_line(name, what, facts):
    framework = name.split("-")[0]
    assert facts["refusals"][what] == f"{framework}: {what} 'unheard-of' is not written here"
