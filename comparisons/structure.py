"""What is looked at before any value: names, then shapes, then lengths, dtypes, rows and starting numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from problems.block import widened
from problems.dtypes import holder, holds
from problems.order import BatchRows, batch_width
from problems.problem import Array, Problem
from problems.trace import Trace

EMPTY = "the trace is empty: no step was recorded"


def structural_faults(trace: Trace) -> list[str]:
    """What makes the values incomparable, one line each: names, then shapes, then what is no number or no row."""
    return steps_faults(trace) or length_faults(trace.problem, trace.steps)


def steps_faults(trace: Trace, numbers: Array | None = None) -> list[str]:
    """The same of some steps of a training, whose numbers (from 0) are `numbers`; how many there are in all is left."""
    numbers = np.arange(trace.steps) if numbers is None else numbers
    for faults in (_name_faults(trace), _shape_faults(trace), _kind_faults(trace), _place_faults(trace, numbers)):
        if found := list(faults):
            return found
    return []


def length_faults(problem: Problem, steps: int) -> list[str]:
    """That a training has no step, or not as many as its problem."""
    if not steps:
        return [EMPTY]
    return [f"{steps:,} steps were recorded, the problem has {problem.steps:,}"] if steps != problem.steps else []


def value_faults(trace: Trace) -> list[str]:
    """What is wrong beside the values of single steps: dtypes, the rows used, the starting numbers."""
    found = ValueFaults(trace.problem)
    found.add(trace, np.arange(trace.steps))
    return found.lines()


class ValueFaults:
    """The same of a training whose steps are looked at part by part, in order."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.due, self.passed = BatchRows(problem), 0  # the rows of the steps passed have been drawn
        self.dtypes: dict[str, str | None] = {}
        self.initial: list[str] | None = None
        self.widest = 0
        self.row: str | None = None  # the first step that used others than are due

    def add(self, trace: Trace, numbers: Array) -> None:
        """Look at steps whose numbers (from 0), after all those before, are `numbers`."""
        for name, values in _quantities(trace):
            self.dtypes[name] = self.dtypes.get(name) or _dtype_fault(name, values, self.problem.dtype)
        if self.initial is None:
            self.initial = list(_initial_faults(trace))
        self.widest = max(self.widest, trace.rows.shape[1])
        due = self._due(numbers)
        if self.row is None and trace.rows.shape[1] <= due.shape[1]:
            self.row = _row_fault(self.problem, widened(trace.rows, due.shape[1]), due, numbers)

    def _due(self, numbers: Array) -> Array:
        """The rows that the order has for these steps; fewer where the problem has ended."""
        begin = self.passed
        self.passed = int(numbers[-1]) + 1 if len(numbers) else begin
        drawn = self.due.take(self.passed - begin)
        return drawn[numbers[numbers < begin + len(drawn)] - begin]

    def lines(self) -> list[str]:
        """One line each."""
        width = batch_width(self.problem)
        of_rows = self.row if self.widest == width else f"rows: {self.widest} a step, expected {width}"
        return [*filter(None, self.dtypes.values()), *filter(None, [of_rows]), *(self.initial or [])]


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
        yield EMPTY
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


def _place_faults(trace: Trace, numbers: Array) -> Iterator[str]:
    used = trace.rows >= 0
    gaps = used[:, 1:] & ~used[:, :-1]  # -1 fills short batches up at their end
    bad = (trace.rows < -1) | (trace.rows >= len(trace.problem.x))
    wrong = np.flatnonzero(bad.any(axis=1) | gaps.any(axis=1) | ~used.any(axis=1))
    if len(wrong):
        rows = trace.rows[wrong[0]].tolist()
        yield f"step {numbers[wrong[0]] + 1} used rows at {rows}, expected 0 to {len(trace.problem.x) - 1}"


def _dtype_fault(name: str, values: Array, dtype: str) -> str | None:
    if name == "loss" and values.dtype == np.float64 != holder(dtype):  # a Python float has no other
        lost = values[~holds(values, dtype)]
        return f"loss {float(lost[0])!r} is no {dtype} number in a {dtype} run" if len(lost) else None
    if values.dtype.newbyteorder("=") != holder(dtype):
        return f"{name} is {values.dtype} in a {dtype} run{_expected_holder(dtype)}"
    if dtype != str(holder(dtype)) and len(lost := values[~holds(values, dtype)]):
        return f"{name} has {float(lost[0])!r} in a {dtype} run, which {dtype} does not hold"
    return None


def _expected_holder(dtype: str) -> str:
    held = str(holder(dtype))
    return "" if held == dtype else f", whose numbers stand in {held} arrays"


def _row_fault(problem: Problem, rows: Array, due: Array, numbers: Array) -> str | None:
    """The first step whose rows are not those due; steps beyond the last one have none due."""
    wrong = np.flatnonzero((rows[: len(due)] != due).any(axis=1))
    if not len(wrong):
        return None
    used, expected = ([int(row) + 1 for row in rows if row >= 0] for rows in (rows[wrong[0]], due[wrong[0]]))
    return f"step {numbers[wrong[0]] + 1} used row {used} where the order {problem.order!r} has {expected}"


def _initial_faults(trace: Trace) -> Iterator[str]:
    for name, values in trace.problem.initial.items():
        given = trace.initial[name]
        differs = np.argwhere(given != values)  # NaN differs from everything
        if len(differs):
            index = tuple(int(i) for i in differs[0])
            found, due = float(given[index]), float(values[index])
            yield f"initial.{name}{list(index)} is {found!r}, the problem starts at {due!r}"
