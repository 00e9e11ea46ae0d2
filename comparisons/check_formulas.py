"""One wrong element in formulas: what it should be with this step's numbers, and what was found instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from comparisons.candidates import Returned, State
from comparisons.checking import Check, actual, by_rows, evidence_of
from comparisons.evidence import Evidence
from comparisons.explain import derivative_lines, loss_lines
from comparisons.messages import place
from comparisons.reference import Expectation, expectations
from comparisons.tally import outside
from comparisons.verdict import Diagnosis

OF_THE_UPDATE = {"wrong-base", "not-updated", "learning-rate"}  # the derivative itself is right


def step_name(check: Check, step: int) -> str:
    """`step 3`, or `random state 7` after the steps along the problem."""
    return f"step {step}" if step <= check.along else f"random state {step - check.along}"


def formula_lines(check: Check, diagnosis: Diagnosis, as_found: str | None) -> Iterator[str]:
    """The formula as it should be where the element is first wrong, and below it what was found.

    as_found: the wrong formula in a few words, where it is known.
    """
    step = first_wrong_step(check, diagnosis)
    if step is None:
        return
    (state, returned), where = check.steps[step], f"at {step_name(check, step + 1)}"
    words = f"{as_found} = " if as_found else ""
    if diagnosis.parameter == "loss":
        yield from loss_lines(check.problem, state)
        yield f"found: {words}{float(returned.loss):.10g}, {where}"
        return
    name, index = diagnosis.parameter, diagnosis.index
    yield from derivative_lines(check.problem, state, name, index)
    if diagnosis.of == "gradient" and returned.gradients is not None:
        yield f"found: {words}{float(returned.gradients[name][index]):.10g}, {where}"
        return
    if as_found and not OF_THE_UPDATE & set(diagnosis.mistakes):
        yield f"found: {words}{_implied(state, returned, name, index):.6g}, {where}"
        where = "there"
    yield f"{_move(check, step, name, index)}, {where}"


def _implied(state: State, returned: Returned, name: str, index: tuple[int, ...]) -> float:
    """The derivative that the update as it was found has subtracted."""
    moved = np.float64(state.parameters[name][index]) - np.float64(returned.parameters[name][index])
    return float(moved / state.learning_rate)


def _move(check: Check, step: int, name: str, index: tuple[int, ...]) -> str:
    """Where the element should go, and where it went."""
    state, returned = check.steps[step]
    before, found = float(state.parameters[name][index]), float(returned.parameters[name][index])
    element, due = place(name, index), _expected(check, step, f"parameter.{name}", index)
    return (
        f"{element} should go from {before:.10g} to {before:.10g} - {state.learning_rate:.6g} · ∂L/∂{element} = "
        f"{due:.10g}; found {found:.10g}"
    )


def _expected(check: Check, step: int, quantity: str, index: tuple[int, ...]) -> float:
    return float(_expectations(evidence_of(check.problem, [check.steps[step]]))[quantity].expected[(0, *index)])


def _expectations(evidence: Evidence) -> dict[str, Expectation]:
    return expectations(evidence.problem, evidence.before, evidence.x, evidence.y, learning_rate=evidence.learning_rate)


def first_wrong_step(check: Check, diagnosis: Diagnosis) -> int | None:
    """The position of the first step whose element is outside its bound."""
    group = {"loss": "loss", "gradient": f"gradient.{diagnosis.parameter}"}.get(
        diagnosis.of, f"parameter.{diagnosis.parameter}"
    )
    wrong: list[int] = []
    for every in by_rows(check.steps):
        positions = check.audit.comparable(every) if check.audit else every
        if not len(positions):
            continue
        evidence = evidence_of(check.problem, [check.steps[position] for position in positions])
        bad = outside(actual(evidence)[group], _expectations(evidence)[group])
        at: Any = (slice(None), *diagnosis.index)
        wrong += positions[bad[at]].tolist()
    return min(wrong, default=None)
