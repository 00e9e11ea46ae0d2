"""The words of a comparison: frozen records, no text for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module

from problems.problem import Array, Parameters, Problem
from problems.trace import Trace
from problems.training_ways import way_label


class Verdict(StrEnum):
    """What a comparison found of one implementation."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    BLIND = "blind"
    CRASHED = "crashed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One element of one step: agreement is |actual − expected| <= bound, that is ratio <= 1.

    step counts from 1; index is the element's position in the canonical layout, () for the loss;
    wrong of elements: how many elements of this tensor are outside the bound at this step.
    """

    quantity: str
    step: int
    index: tuple[int, ...]
    expected: float
    actual: float
    bound: float
    ratio: float
    wrong: int = 0
    elements: int = 1


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why one element is wrong: the mistakes by name (two where two are combined) and in words.

    of: what is wrong, the `gradient`, the `update` (of a right gradient, where one is told) or the `loss`;
    alternatives: the mistakes of other explanations that no state tells from this one;
    everywhere: whether states with other numbers of rows, of which some are known, are as it says too.
    """

    parameter: str
    index: tuple[int, ...]
    mistakes: tuple[str, ...]
    explanation: str
    of: str
    alternatives: tuple[tuple[str, ...], ...] = ()
    everywhere: bool = False


@dataclass(frozen=True, kw_only=True)
class QuantityAudit:
    """All steps of one quantity.

    compared + not_told is every element of every step; wrong counts those outside the bound; wide those compared whose
    bound is no smaller than the number itself, which is not 0: 0 would be within it;
    carries is the highest precision at which none is, or None.
    """

    name: str
    worst: Deviation | None
    carries: str | None
    compared: int
    not_told: int
    wrong: int
    wide: int = 0


@dataclass(frozen=True, kw_only=True)
class Untold:
    """The largest distance from the exact value among elements whose bound says nothing.

    enclosed: whether `exact` is that; of a step too large for ball arithmetic, and of an update that depends on steps
    which were not kept, it is the reference's own value.
    """

    quantity: str
    step: int
    index: tuple[int, ...]
    exact: float
    actual: float
    distance: float
    steps: int
    enclosed: bool = True


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Steps that cannot be compared: from the first on, right values are too large for the run's dtype.

    step, last: the first and the last of them, from 1; quantities: what is too large at the first;
    numbers: how many elements were not compared.
    """

    step: int
    last: int
    quantities: tuple[str, ...]
    dtype: str
    numbers: int

    def covers(self, positions: Array) -> Array:
        """Which of the steps at `positions` (from 0) are among them."""
        return (positions + 1 >= self.step) & (positions + 1 <= self.last)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the audit of one trace found, over all its steps.

    faults: what stops or spoils the comparison before any value is looked at, one line each;
    deviations: every tensor wrong in the first bad step; agreed: the quantities right in that step;
    divergence: the steps that were not compared because right values overflow there;
    left_out: how many of the steps were trained and not looked at.
    """

    verdict: Verdict
    carries: str | None
    steps: int
    faults: tuple[str, ...] = ()
    quantities: tuple[QuantityAudit, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    agreed: tuple[str, ...] = ()
    wrong_steps: int = 0
    untold: Untold | None = None
    divergence: Divergence | None = None
    left_out: int = 0

    @property
    def audited(self) -> int:
        """How many steps were looked at."""
        return self.steps - self.left_out

    @property
    def worst(self) -> Deviation | None:
        """The element nearest to its bound, or farthest outside."""
        found = [quantity.worst for quantity in self.quantities if quantity.worst is not None]
        return max(found, key=lambda deviation: deviation.ratio, default=None)

    @property
    def not_told(self) -> int:
        """How many elements had a bound that says nothing."""
        return sum(quantity.not_told for quantity in self.quantities)

    @property
    def not_compared(self) -> int:
        """How many elements could not be compared, since right values overflow there."""
        return self.divergence.numbers if self.divergence else 0

    def comparable(self, positions: Array) -> Array:
        """Those of the steps at `positions` (from 0) that were compared."""
        return positions if self.divergence is None else positions[~self.divergence.covers(positions)]

    @property
    def compared(self) -> int:
        """How many elements were held against a bound."""
        return sum(quantity.compared for quantity in self.quantities)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """One implementation on one problem; epochs: average loss per epoch; final: the last parameters.

    environment: what it ran on; trace: what was audited, for whoever shows more than the verdict; None where there is
    nothing to audit; streamed: the steps were audited as they came and not kept, so that there is no trace either;
    fast: whether it trained many steps in one call.
    """

    name: str
    verdict: Verdict
    version: str | None = None
    reason: str | None = None
    known_deviation: str | None = None
    audit: Audit | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    epochs: tuple[float, ...] = ()
    final: Parameters = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    trace: Trace | None = None
    streamed: bool = False
    fast: bool = False

    @property
    def label(self) -> str:
        """Its name where it is shown, such as `jax (fast)`."""
        return way_label(self.name, fast=self.fast)


@dataclass(frozen=True, kw_only=True)
class BlindSpots:
    """What an audit could not have noticed: the hidden mistakes in words, of how many, and why, in words."""

    hidden: tuple[str, ...]
    looked_at: int
    causes: tuple[str, ...]

    @property
    def total(self) -> bool:
        """Whether nothing compared could have failed."""
        return self.looked_at > 0 and len(self.hidden) == self.looked_at


@dataclass(frozen=True, kw_only=True, eq=False)
class Stop:
    """Where a training ends: `problem` with `epochs` as they came out, at most `cap`.

    converged: whether the last epoch is the first in which ‖learning_rate · ∇L‖₂ < tolerance at every step.
    """

    problem: Problem
    tolerance: float
    cap: int
    converged: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """All implementations on one problem; blind_spots where they were looked for.

    stop: why the training has the epochs it has, where it was to end by itself.
    """

    problem: Problem
    results: tuple[Result, ...]
    blind_spots: BlindSpots | None = None
    stop: Stop | None = None

    def _repr_html_(self) -> str:
        """What a notebook shows: the page of the report, in a frame of its own."""
        # By name, when it is asked for: records import nothing that shows them.
        return str(import_module("comparisons.report.notebook").framed(self))
