"""A float32 run that is right but for its matrix products, whose operands were rounded to a shorter format.

Such a format is not allowed for, which would let any mistake of a part in a thousand through: it is computed. Operands
are rounded as the format has it, and every number must lie within float32's rounding of what follows. Where one does
not, be it right or wrong by the formulas, the format is not what the run carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from comparisons.arithmetic.operands import FORMATS, WORDS, Operands
from comparisons.arithmetic.precision import FLOAT32
from comparisons.expected import expected_of, from_reported
from comparisons.observed import Observed
from comparisons.pieces import in_pieces
from comparisons.reference import Expectation
from comparisons.tally import outside, unexplained
from comparisons.verdict import Audit, Deviation, Diagnosis
from problems.problem import Array, Problem

PROBED = 16  # steps


def computed_so(operands: Operands, observed: Observed) -> dict[str, Expectation]:
    """What every number of these steps must be where products are of such operands, and none is in an update."""
    return expected_of(observed, replace(FLOAT32, operands=operands), None)


def _explains(observed: Observed, lower: Mapping[str, Expectation]) -> bool:
    """Whether every number is as it must be so."""
    return not any(
        unexplained(values.astype(np.float64), lower[name]).any() for name, values in observed.actual.items()
    )


def _shows(observed: Observed, lower: Mapping[str, Expectation], right: Mapping[str, Expectation]) -> bool:
    """Whether any wrong number must be so and cannot be right: bounds that hold both tell nothing of the format."""

    def shows(name: str, values: Array) -> bool:
        apart = np.abs(lower[name].expected - right[name].expected) > lower[name].bound + right[name].bound
        return bool((apart & outside(values.astype(np.float64), right[name])).any())

    return any(shows(name, values) for name, values in observed.actual.items())


def _follows(observed: Observed) -> bool:
    """Whether every update is what follows from the gradient that was reported: no format of products excuses it."""
    own = from_reported(observed, FLOAT32)
    return not any(outside(observed.actual[name], one).any() for name, one in own.items() if name in observed.actual)


class ProductFormats:
    """The formats of operands that steps are right for, which become fewer; none but in a float32 run.

    A run in which nothing is wrong is not asked: its first steps are kept, and looked at with all from the first chunk
    on that has anything wrong in it. Of a network that is judged in pieces none are kept, which would be large. Where
    the optimizer remembers, what it remembers in each format follows from all steps: those are looked at as they come.
    """

    def __init__(self, problem: Problem) -> None:
        self.left = list(FORMATS) if problem.dtype == FLOAT32.name else []
        self.shown: set[str] = set()  # formats that a wrong number has shown to be at work
        self.looking = not problem.optimizer.plain
        self.keeping = not in_pieces(problem)
        self.first: Observed | None = None

    def narrow(self, observed: Observed, wrong: bool) -> None:
        """Go by these steps too."""
        if wrong and not self.looking:
            self.looking = True
            if self.first is not None:
                self._narrow(self.first)
        if self.looking:
            self._narrow(observed)
        elif self.left and self.keeping and self.first is None:
            self.first = observed.part(slice(PROBED)).copied()

    def _narrow(self, observed: Observed) -> None:
        """A few of them first: at small cost they rule out what cannot be."""
        few = observed.part(slice(PROBED))
        if self.left and not _follows(few):
            self.left = []
        for steps in (few, observed) if len(observed.positions) > PROBED else (observed,):
            if self.left:
                self.left = list(self._explaining(steps, expected_of(steps, FLOAT32, None)))

    def _explaining(self, steps: Observed, right: Mapping[str, Expectation]) -> Iterator[Operands]:
        for operands in self.left:
            lower = computed_so(operands, steps)
            if _explains(steps, lower):
                self.shown |= {operands.name} if _shows(steps, lower, right) else set()
                yield operands

    def explain(self, audit: Audit) -> Audit:
        """`audit`, carrying the format that is left and shown where anything in it is wrong."""
        found = [operands for operands in self.left if operands.name in self.shown]
        return carrying(audit, found[0]) if found and audit.deviations and not audit.faults else audit


def carrying(audit: Audit, operands: Operands) -> Audit:
    """`audit` with what is wrong in it said to be right for such operands."""
    quantities = (replace(one, carries=operands.name) if one.wrong else one for one in audit.quantities)
    return replace(audit, carries=operands.name, quantities=tuple(quantities))


def products_diagnosed(audit: Audit) -> tuple[Diagnosis, ...]:
    """Why the first bad step is wrong, tensor by tensor, where its products' operands were rounded."""
    return tuple(_diagnosis(deviation, WORDS[audit.carries]) for deviation in audit.deviations if audit.carries)


def _diagnosis(deviation: Deviation, words: str) -> Diagnosis:
    group, _, name = deviation.quantity.partition(".")
    return Diagnosis(
        parameter=name or group,
        index=deviation.index,
        mistakes=("precision",),
        explanation=f"matches the formula in {words}, at every step",
        of={"parameter": "update"}.get(group, group),
    )
