"""A disagreement opened: the formula as it should be with the numbers in it, what was found, and which mistake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from comparisons.audit import observed_at
from comparisons.explain import derivative_lines, loss_lines
from comparisons.messages import place
from comparisons.reference import Expectation, expectations
from comparisons.tally import outside
from comparisons.told_mistakes import SHOWN_ELEMENTS, elements, together
from comparisons.trace_evidence import steps_at
from comparisons.verdict import Diagnosis, Result
from problems.problem import Problem
from problems.trace import Trace

LOOKED_AT = 200  # steps from the first bad one on, among which an element's first wrong one is sought
SHOWN_MISTAKES = 12


def mistakes(problem: Problem, result: Result) -> list[dict[str, Any]]:
    """One record per explanation, elements with the same one together."""
    shown = together(result.diagnoses)[:SHOWN_MISTAKES]
    seen = Seen(result) if shown and result.trace else None
    named = [elements(problem, group) for group in shown]
    return [
        {
            "elements": names[:SHOWN_ELEMENTS],
            "more": max(0, len(names) - SHOWN_ELEMENTS),
            "of": group[0].of,
            "mistakes": list(group[0].mistakes),
            "explanation": group[0].explanation,
            "formula": seen.formula(group) if seen else [],
        }
        for group, names in zip(shown, named, strict=True)
    ]


class Seen:
    """The steps of one trace from the first bad one on, as the audit expects them."""

    def __init__(self, result: Result) -> None:
        assert result.trace is not None
        assert result.audit is not None
        self.trace: Trace = result.trace
        first = result.audit.deviations[0].step - 1
        used = (self.trace.rows >= 0).sum(axis=1)
        alike = result.audit.comparable(np.flatnonzero(used == used[first]))
        self.positions = alike[alike >= first][:LOOKED_AT]
        self.observed = observed_at(self.trace, self.positions)
        with np.errstate(all="ignore"):
            self.expected: dict[str, Expectation] = expectations(
                self.trace.problem, self.observed.before, self.observed.x, self.observed.y
            )

    def formula(self, group: Sequence[Diagnosis]) -> list[str]:
        """The lines for the first element that is wrong in any of the steps looked at."""
        for one in group:
            quantity = {"loss": "loss", "gradient": f"gradient.{one.parameter}"}.get(
                one.of, f"parameter.{one.parameter}"
            )
            actual = self.observed.actual[quantity].astype(np.float64)
            key: Any = (slice(None), *one.index)
            bad = np.flatnonzero(outside(actual, self.expected[quantity])[key])
            if len(bad):
                return self._lines(one, quantity, int(bad[0]))
        return []

    def _lines(self, one: Diagnosis, quantity: str, at: int) -> list[str]:
        ((state, _),) = steps_at(self.trace, self.positions[[at]])
        key = (at, *one.index)
        due, found = float(self.expected[quantity].expected[key]), float(self.observed.actual[quantity][key])
        step, problem = int(self.positions[at]) + 1, self.trace.problem
        end = f"should be {due:.10g}; found {found:.10g}, at step {step}"
        with np.errstate(all="ignore"):
            if one.of == "loss":
                return [*loss_lines(problem, state), f"L {end}"]
            lines = derivative_lines(problem, state, one.parameter, one.index)
        element = place(one.parameter, one.index)
        if one.of == "gradient":
            return [*lines, f"∂L/∂{element} {end}"]
        before = float(state.parameters[one.parameter][one.index])
        if not problem.optimizer.plain:
            return [*lines, f"{element}, from {before:.10g}, after its update by {problem.optimizer.name} {end}"]
        moved = f"{element} - {state.learning_rate:.6g} · ∂L/∂{element}, from {before:.10g}:"
        return [*lines, f"{moved} {end}"]
