"""What is looked at before any value: names, then shapes, then lengths, dtypes, rows and starting numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from problems.dtypes import holder, holds
from problems.order import stacked_batches
from problems.problem import Array
from problems.trace import Trace


def structural_faults(trace: Trace) -> list[str]:
    """What makes the values incomparable, one line each: names, then shapes, then what is no number or no row."""
    for faults in (_name_faults, _shape_faults, _kind_faults, _place_faults, _length_faults):
        if found := list(faults(trace)):
            return found
    return []


def value_faults(trace: Trace) -> list[str]:
    """What is wrong beside the values of single steps: dtypes, the rows used, the starting numbers."""
    return [*_dtype_faults(trace), *_row_faults(trace), *_initial_faults(trace)]


def _groups(trace: Trace) -> Iterator[tuple[str, Mapping[str, Array]]]:
    yield "initial", trace.initial
    yield "gradient", trace.gradients
    yield "parameter", trace.parameters


def _quantities(trace: Trace) -> Iterator[tuple[str, Array]]:
    yield "loss", trace.loss
    for group, tensors in _groups(trace):
        for name, values in tensors.items():
            yield f"{group}.{name}", values


def _name_faults(trace: Trace) -> Iterator[str]:
    if trace.steps == 0:
        yield "the trace is empty: no step was recorded"
        return
    expected = trace.problem.network.parameter_shapes
    for group, tensors in _groups(trace):
        for name in expected:
            if name not in tensors:
                yield f"{group}.{name} is missing"
        for name in tensors:
            if name not in expected:
                yield f"{group}.{name} is not one of this network's parameters ({', '.join(expected)})"


def _shape_faults(trace: Trace) -> Iterator[str]:
    if trace.loss.ndim != 1:
        yield f"loss: shape {trace.loss.shape[1:]} in each step, expected one number"
    if trace.rows.ndim != 2 or len(trace.rows) != trace.steps:
        yield f"rows: shape {trace.rows.shape}, expected ({trace.steps}, batch)"
    for group, tensors in _groups(trace):
        for name, shape in trace.problem.network.parameter_shapes.items():
            wanted = shape if group == "initial" else (trace.steps, *shape)
            if tensors[name].shape != wanted:
                yield f"{group}.{name}: shape {tensors[name].shape}, expected {wanted}"


def _kind_faults(trace: Trace) -> Iterator[str]:
    for name, values in _quantities(trace):
        if values.dtype.kind not in "fiu":
            yield f"{name} holds {values.dtype}, expected numbers"
    if trace.rows.dtype.kind not in "iu":
        yield f"rows holds {trace.rows.dtype}, expected positions in the data"


def _place_faults(trace: Trace) -> Iterator[str]:
    used = trace.rows >= 0
    gaps = used[:, 1:] & ~used[:, :-1]  # -1 fills short batches up at their end
    bad = (trace.rows < -1) | (trace.rows >= len(trace.problem.x))
    wrong = np.flatnonzero(bad.any(axis=1) | gaps.any(axis=1) | ~used.any(axis=1))
    if len(wrong):
        step = int(wrong[0])
        yield f"step {step + 1} used rows at {trace.rows[step].tolist()}, expected 0 to {len(trace.problem.x) - 1}"


def _length_faults(trace: Trace) -> Iterator[str]:
    if trace.steps != trace.problem.steps:
        yield f"{trace.steps} steps were recorded, the problem has {trace.problem.steps}"


def _dtype_faults(trace: Trace) -> Iterator[str]:
    dtype = trace.problem.dtype
    for name, values in _quantities(trace):
        if values.dtype.newbyteorder("=") != holder(dtype):
            yield f"{name} is {values.dtype} in a {dtype} run{_expected_holder(dtype)}"
        elif dtype != str(holder(dtype)) and len(lost := values[~holds(values, dtype)]):
            yield f"{name} has {float(lost[0])!r} in a {dtype} run, which {dtype} does not hold"


def _expected_holder(dtype: str) -> str:
    held = str(holder(dtype))
    return "" if held == dtype else f", whose numbers stand in {held} arrays"


def _row_faults(trace: Trace) -> Iterator[str]:
    expected = stacked_batches(trace.problem)
    if trace.rows.shape != expected.shape:
        yield f"rows: {trace.rows.shape[1]} a step, expected {expected.shape[1]}"
        return
    wrong = np.flatnonzero((trace.rows != expected).any(axis=1))
    if len(wrong):
        step = int(wrong[0])
        used, due = ([int(row) + 1 for row in rows[step] if row >= 0] for rows in (trace.rows, expected))
        yield f"step {step + 1} used row {used} where the order {trace.problem.order!r} has {due}"


def _initial_faults(trace: Trace) -> Iterator[str]:
    for name, values in trace.problem.initial.items():
        given = trace.initial[name]
        differs = np.argwhere(given != values)  # NaN differs from everything
        if len(differs):
            index = tuple(int(i) for i in differs[0])
            found, due = float(given[index]), float(values[index])
            yield f"initial.{name}{list(index)} is {found!r}, the problem starts at {due!r}"
