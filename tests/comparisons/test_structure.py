"""What is wrong with a trace before any value is looked at is never agreement, and says what it is in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import manual.train
from comparisons.audit import audit
from comparisons.structure import structural_faults, value_faults
from comparisons.verdict import Verdict
from problems.catalogue import named_problem
from problems.trace import Trace


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Eight right steps of the classification, of 3, 1, 3, 1, ... rows."""
    problem = named_problem("classification").changed(epochs=4, batch_size=3)
    return Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")


def without(tensors: Any, name: str) -> dict[str, Any]:
    return {key: values for key, values in tensors.items() if key != name}


def with_rows(trace: Trace, step: int, rows: Any) -> Trace:
    changed = trace.rows.copy()
    changed[step - 1] = rows
    return replace(trace, rows=changed)


def started_elsewhere(trace: Trace, value: float) -> Trace:
    b1 = trace.initial["b1"].copy()
    b1[0, 1] = value
    return replace(trace, initial={**trace.initial, "b1": b1})


def as_kind(trace: Trace, kind: Any) -> Trace:
    return replace(trace, gradients={**trace.gradients, "W2": trace.gradients["W2"].astype(kind)})


def test_a_right_trace_has_no_fault(trace):
    assert structural_faults(trace) == []
    assert value_faults(trace) == []
    assert audit(trace).verdict is Verdict.AGREES


FAULTS = {
    "missing-gradient": (lambda t: replace(t, gradients=without(t.gradients, "W2")), "gradient.W2 is missing"),
    "missing-parameter": (lambda t: replace(t, parameters=without(t.parameters, "b1")), "parameter.b1 is missing"),
    "missing-initial": (lambda t: replace(t, initial=without(t.initial, "W1")), "initial.W1 is missing"),
    "no-gradient-at-all": (lambda t: replace(t, gradients={}), "gradient.b2 is missing"),
    "foreign-tensor": (
        lambda t: replace(t, gradients={**t.gradients, "W3": t.gradients["W2"]}),
        "gradient.W3 is not one of this network's parameters (W1, b1, W2, b2)",
    ),
    "transposed-shape": (
        lambda t: replace(t, gradients={**t.gradients, "W2": t.gradients["W2"].mT}),
        "gradient.W2: shape (8, 1, 2), expected (8, 2, 1)",
    ),
    "flat-bias": (
        lambda t: replace(t, parameters={**t.parameters, "b1": t.parameters["b1"][:, 0]}),
        "parameter.b1: shape (8, 2), expected (8, 1, 2)",
    ),
    "one-number-for-all": (
        lambda t: replace(t, parameters={**t.parameters, "b1": t.parameters["b1"][:, :, :1]}),
        "parameter.b1: shape (8, 1, 1), expected (8, 1, 2)",
    ),
    "flat-initial": (
        lambda t: replace(t, initial={**t.initial, "b1": t.initial["b1"][0]}),
        "initial.b1: shape (2,), expected (1, 2)",
    ),
    "a-loss-per-row": (
        lambda t: replace(t, loss=np.stack([t.loss, t.loss], axis=1)),
        "loss: shape (2,) in each step, expected one number",
    ),
    "loss-of-another-length": (
        lambda t: replace(t, loss=t.loss[1:]),
        "gradient.W1: shape (8, 2, 2), expected (7, 2, 2)",
    ),
    "gradients-of-another-length": (
        lambda t: replace(t, gradients={n: v[1:] for n, v in t.gradients.items()}),
        "gradient.b2: shape (7, 1, 1), expected (8, 1, 1)",
    ),
    "flat-rows": (lambda t: replace(t, rows=t.rows[:, 0]), "rows: shape (8,), expected (8, batch)"),
    "rows-of-another-length": (lambda t: replace(t, rows=t.rows[1:]), "rows: shape (7, 3), expected (8, batch)"),
    "text-for-numbers": (lambda t: as_kind(t, str), "gradient.W2 holds <U32, expected numbers"),
    "complex-numbers": (lambda t: as_kind(t, complex), "gradient.W2 holds complex128, expected numbers"),
    "truth-values": (lambda t: as_kind(t, bool), "gradient.W2 holds bool, expected numbers"),
    "objects": (lambda t: as_kind(t, object), "gradient.W2 holds object, expected numbers"),
    "rows-as-floats": (
        lambda t: replace(t, rows=t.rows.astype(float)),
        "rows holds float64, expected positions in the data",
    ),
    "row-that-is-not-there": (lambda t: with_rows(t, 3, [0, 1, 4]), "step 3 used rows at [0, 1, 4], expected 0 to 3"),
    "negative-row": (lambda t: with_rows(t, 3, [0, 1, -2]), "step 3 used rows at [0, 1, -2], expected 0 to 3"),
    "no-row": (lambda t: with_rows(t, 2, [-1, -1, -1]), "step 2 used rows at [-1, -1, -1], expected 0 to 3"),
    "gap-in-a-batch": (lambda t: with_rows(t, 1, [0, -1, 1]), "step 1 used rows at [0, -1, 1], expected 0 to 3"),
    "too-short": (lambda t: t.part(0, 7), "7 steps were recorded, the problem has 8"),
    "too-long": (
        lambda t: replace(t, problem=t.problem.changed(epochs=3)),
        "8 steps were recorded, the problem has 6",
    ),
    "far-too-long": (
        lambda t: replace(t, problem=t.problem.changed(epochs=3000)),
        "8 steps were recorded, the problem has 6,000",
    ),
    "empty": (lambda t: t.part(0, 0), "the trace is empty: no step was recorded"),
    "never-recorded": (
        lambda t: Trace.record(t.problem, [], implementation="nobody"),
        "the trace is empty: no step was recorded",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FAULTS.values(), ids=FAULTS)
def test_structural_fault_is_named_and_nothing_is_compared(spoil, message, trace):
    found = audit(spoil(trace))
    assert found.verdict is Verdict.DISAGREES
    assert message in found.faults
    assert (found.compared, found.carries, found.quantities) == (0, None, ())


VALUE_FAULTS = {
    "float32-gradient": (lambda t: as_kind(t, np.float32), "gradient.W2 is float32 in a float64 run"),
    "whole-number-gradient": (lambda t: as_kind(t, int), "gradient.W2 is int64 in a float64 run"),
    "float32-loss": (lambda t: replace(t, loss=t.loss.astype(np.float32)), "loss is float32 in a float64 run"),
    "float32-start": (
        lambda t: replace(t, initial={n: v.astype(np.float32) for n, v in t.initial.items()}),
        "initial.W1 is float32 in a float64 run",
    ),
    "another-row": (
        lambda t: with_rows(t, 4, [0, -1, -1]),
        "step 4 used row [1] where the order 'sequential' has [4]",
    ),
    "rows-in-another-order": (
        lambda t: with_rows(t, 1, [0, 2, 1]),
        "step 1 used row [1, 3, 2] where the order 'sequential' has [1, 2, 3]",
    ),
    "a-row-too-many": (
        lambda t: replace(t, rows=np.pad(t.rows, ((0, 0), (0, 1)), constant_values=-1)),
        "rows: 4 a step, expected 3",
    ),
    "another-start": (lambda t: started_elsewhere(t, 1e-300), "initial.b1[0, 1] is 1e-300, the problem starts at 0.0"),
    "a-start-that-is-nan": (
        lambda t: started_elsewhere(t, np.nan),
        "initial.b1[0, 1] is nan, the problem starts at 0.0",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), VALUE_FAULTS.values(), ids=VALUE_FAULTS)
def test_fault_beside_the_values_is_never_agreement(spoil, message, trace):
    found = audit(spoil(trace))
    assert found.verdict is Verdict.DISAGREES
    assert message in found.faults


def test_faults_beside_the_values_do_not_stop_the_comparison(trace):
    found = audit(started_elsewhere(trace, 0.5))
    assert found.compared == 8 * 19
    assert found.deviations[0].step == 1


def test_numbers_of_another_byte_order_are_the_same_numbers(trace):
    swapped = replace(trace, loss=trace.loss.astype(trace.loss.dtype.newbyteorder()))
    assert audit(swapped).verdict is Verdict.AGREES


def test_the_order_in_which_names_are_reported_does_not_matter(trace):
    assert audit(replace(trace, gradients=dict(reversed(trace.gradients.items())))).verdict is Verdict.AGREES


def test_a_loss_that_is_a_python_float_is_the_number_that_it_is():
    problem = named_problem("classification").changed(dtype="float32")
    steps = [replace(step, loss=float(step.loss)) for step in manual.train.train(problem)]
    told = Trace.record(problem, steps, implementation="mine")
    assert told.loss.dtype == np.float64
    assert audit(told).verdict is Verdict.AGREES
    off = float(steps[1].loss) + 1e-12
    steps[1] = replace(steps[1], loss=off)
    spoiled = Trace.record(problem, steps, implementation="mine")
    assert audit(spoiled).faults == (f"loss {off!r} is no float32 number in a float32 run",)
