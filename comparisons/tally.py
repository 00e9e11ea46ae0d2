"""Bookkeeping of an audit: what is known of one quantity over the chunks seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from comparisons.arithmetic.precision import FLOAT32
from comparisons.reference import Expectation, within
from comparisons.step_set import StepSet
from comparisons.verdict import Deviation, QuantityAudit
from problems.problem import Array


def outside(actual: Array, expectation: Expectation) -> Array:
    """Where an element is wrong: not within a finite bound, or not finite at all."""
    return (np.isfinite(expectation.bound) & ~within(actual, expectation)) | ~np.isfinite(actual)


def unexplained(actual: Array, expectation: Expectation) -> Array:
    """Where an element is wrong, or nothing can be told of it: not even by the most accurate route's bound."""
    told = expectation.told
    if expectation.sharp is not None:
        with np.errstate(invalid="ignore"):
            told = told | (np.abs(actual - expectation.expected) <= expectation.sharp)
    return outside(actual, expectation) | ~told


def ratios(actual: Array, expectation: Expectation) -> Array:
    """|actual − expected| / bound; infinite for NaN and infinity, 0 where the bound is infinite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.abs(actual - expectation.expected)
        ratio = np.where(deviation == 0, 0.0, deviation / expectation.bound)
    ratio = np.where(np.isfinite(expectation.bound), ratio, 0.0)
    return np.where(np.isfinite(actual), ratio, np.inf)


def found_of(actual: Array, expectation: Expectation) -> tuple[Array, Array, Array]:
    """Of each element whether it is wrong, whether it is known to agree or not, and its share of its bound, -1 where
    it is not known; what is wrong is always known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.abs(actual - expectation.expected)
        if not (deviation <= expectation.bound).all() or not np.isfinite(expectation.bound).all():
            wrong = outside(actual, expectation)
            told = expectation.told | wrong
            return wrong, told, np.where(told, ratios(actual, expectation), -1.0)
        wrong, told, ratio = np.zeros(deviation.shape, bool), expectation.told, deviation / expectation.bound
    if not expectation.bound.all():
        ratio = np.where(deviation > 0, ratio, 0.0)
    return wrong, told, ratio if told.all() else np.where(told, ratio, -1.0)


@dataclass(frozen=True, kw_only=True)
class Element:
    """One number: where in its tensor it is, what it is and what it must be."""

    index: tuple[int, ...]
    actual: float
    expected: float
    bound: float


class Counted(NamedTuple):
    """Rows of one tensor in one step, counted already: how many elements are told, are not, are wrong, and are `wide`,
    told by a bound no smaller than the number itself.

    worst: where the share `ratio` of its bound is largest, None where nothing is told; farthest: of what is not told
    where the distance from what is expected is largest, None where all is.
    """

    compared: int
    not_told: int
    wrong: int
    wide: int
    ratio: float
    worst: Element | None
    distance: float
    farthest: Element | None


@dataclass(eq=False)
class Judged:
    """One quantity over one chunk: positions (steps,) of the steps, everything else (steps, ...).

    begin, elements: of some rows of a tensor, the first of them and how many numbers the whole tensor has.
    """

    positions: Array
    actual: Array
    expectation: Expectation
    begin: int = 0
    elements: int | None = None

    def __post_init__(self) -> None:
        self.wrong, self.told, self.ratio = found_of(self.actual, self.expectation)

    @property
    def wide(self) -> int:
        """How many elements are told by a bound no smaller than the number itself, which is not 0."""
        size = np.abs(self.expectation.expected)
        reaching = self.expectation.bound >= size
        return int(np.count_nonzero(reaching & self.told & (size > 0))) if reaching.any() else 0

    @property
    def wrong_steps(self) -> Array:
        """Which steps of the chunk have anything wrong, from 0."""
        return np.flatnonzero(self.wrong.reshape(len(self.positions), -1).any(axis=1))

    @property
    def first_wrong(self) -> int | None:
        """The first of them, None where there is none."""
        return int(self.wrong_steps[0]) if self.wrong.any() else None

    def deviation(self, quantity: str, place: tuple[np.intp, ...]) -> Deviation:
        """The element at `place` (position in the chunk first), in full."""
        step = place[0]
        return Deviation(
            quantity=quantity,
            step=int(self.positions[step]) + 1,
            index=self.index(place),
            expected=float(self.expectation.expected[place]),
            actual=float(self.actual[place]),
            bound=float(self.expectation.bound[place]),
            ratio=float(self.ratio[place]),
            wrong=int(self.wrong[step].sum()),
            elements=self.elements or int(self.wrong[step].size),
        )

    def index(self, place: tuple[np.intp, ...]) -> tuple[int, ...]:
        """Where in the whole tensor the element at `place` (position in the chunk first) is."""
        first, *others = (*place[1:], 0)
        return (int(first) + self.begin, *(int(i) for i in others))[: len(place) - 1]


def largest(values: Array) -> tuple[np.intp, ...]:
    """The place of the largest value."""
    return np.unravel_index(int(np.argmax(values)), values.shape)


@dataclass(eq=False)
class Tally:
    """One quantity over all chunks seen; what is kept does not depend on how the steps were cut into chunks.

    first_bad: the first bad step, with its worst element; wrong_below: how many elements are still wrong at float32's
    bound; untold: where the least certain element lies, as (distance, step, index), and untold_value what the reference
    has there; wrong_of_steps: of a tensor seen in pieces, how many are wrong in each step whose pieces still come.
    Of equals the earliest is kept.
    """

    name: str
    dtype: str
    compared: int = 0
    not_told: int = 0
    wrong: int = 0
    wide: int = 0
    wrong_below: int = 0
    worst: Deviation | None = None
    first_bad: Deviation | None = None
    wrong_steps: StepSet = field(default_factory=StepSet)
    untold_steps: StepSet = field(default_factory=StepSet)
    wrong_of_steps: dict[int, int] = field(default_factory=dict)
    untold: tuple[float, int, tuple[int, ...]] | None = None
    untold_value: float = np.nan

    @property
    def carries(self) -> str | None:
        """The highest precision at which nothing is wrong."""
        if not self.wrong:
            return self.dtype
        return FLOAT32.name if self.dtype == "float64" and not self.wrong_below else None

    def add(self, judged: Judged) -> None:
        """Count one chunk in."""
        told = judged.told
        compared = int(np.count_nonzero(told))
        self.compared += compared
        self.not_told += told.size - compared
        self.wide += judged.wide
        if judged.elements is not None:
            self._count_pieces(judged)
        self._keep_worst(judged)
        if judged.wrong.any():
            self._keep_wrong(judged)
        if not told.all():
            self._keep_untold(judged)

    def add_counted(self, position: int, elements: int, counted: Counted) -> None:
        """Count in some rows of a tensor of so many elements, of the step at `position` from 0."""
        step = position + 1
        self.compared += counted.compared
        self.not_told += counted.not_told
        self.wide += counted.wide
        self._begin_pieces([step])
        if counted.worst:
            found = Deviation(
                quantity=self.name,
                step=step,
                ratio=counted.ratio,
                wrong=counted.wrong,
                elements=elements,
                **vars(counted.worst),
            )
            self._keep_if_worse(found)
            if counted.wrong:
                self.wrong += counted.wrong
                self.wrong_steps.add(np.array([step]))
                self.wrong_of_steps[step] += counted.wrong
                self._keep_first_bad(found)
        if counted.farthest:
            self.untold_steps.add(np.array([step]))
            self._keep_if_farther(counted.distance, step, counted.farthest.index, counted.farthest.expected)

    def add_below(self, judged: Judged, below: Expectation) -> None:
        """Count what stays wrong when float32 is allowed for."""
        self.wrong_below += int((judged.wrong & unexplained(judged.actual, below)).sum())

    def _keep_worst(self, judged: Judged) -> None:
        place = largest(judged.ratio)
        if judged.told[place]:
            self._keep_if_worse(judged.deviation(self.name, place))

    def _keep_if_worse(self, found: Deviation) -> None:
        if self.worst is None or (found.ratio, -found.step) > (self.worst.ratio, -self.worst.step):
            self.worst = found

    def _begin_pieces(self, steps: list[int]) -> None:
        """Of a tensor seen in pieces, begin to count what is wrong in these steps, if this is their first piece."""
        if steps[0] not in self.wrong_of_steps:
            self.worst = self._with_all_pieces(self.worst)
            self.wrong_of_steps = dict.fromkeys(steps, 0)

    def _count_pieces(self, judged: Judged) -> None:
        """How many elements of a tensor are wrong in a step, as long as pieces of it come."""
        steps = (judged.positions + 1).tolist()
        self._begin_pieces(steps)
        if judged.wrong.any():
            counts = np.count_nonzero(judged.wrong.reshape(len(steps), -1), axis=1)
            for step, count in zip(steps, counts.tolist(), strict=True):
                self.wrong_of_steps[step] += count

    def _with_all_pieces(self, worst: Deviation | None) -> Deviation | None:
        if worst is None or worst.step not in self.wrong_of_steps:
            return worst
        return replace(worst, wrong=self.wrong_of_steps[worst.step])

    def _keep_wrong(self, judged: Judged) -> None:
        self.wrong += int(judged.wrong.sum())
        bad = judged.wrong_steps
        self.wrong_steps.add(judged.positions[bad] + 1)
        first = bad[0]
        if self.first_bad is None or judged.positions[first] + 1 <= self.first_bad.step:
            place = largest(np.where(judged.wrong[first], judged.ratio[first], -1.0))
            self._keep_first_bad(judged.deviation(self.name, (first, *place)))

    def _keep_first_bad(self, found: Deviation) -> None:
        before = self.first_bad
        if before is not None and found.step > before.step:
            return
        if before is not None and found.step == before.step:  # other rows of the same tensor
            found = replace(max(before, found, key=lambda one: one.ratio), wrong=before.wrong + found.wrong)
        self.first_bad = found

    def _keep_untold(self, judged: Judged) -> None:
        untold = ~judged.told
        steps = np.flatnonzero(untold.reshape(len(judged.positions), -1).any(axis=1))
        self.untold_steps.add(judged.positions[steps] + 1)
        with np.errstate(invalid="ignore"):
            apart = np.abs(judged.actual - judged.expectation.expected)
        apart[judged.told] = -1.0
        apart[np.isnan(apart)] = np.inf
        place = largest(apart)
        step, expected = int(judged.positions[place[0]]) + 1, float(judged.expectation.expected[place])
        self._keep_if_farther(float(apart[place]), step, judged.index(place), expected)

    def _keep_if_farther(self, distance: float, step: int, index: tuple[int, ...], expected: float) -> None:
        if self.untold is None or (distance, -step) > (self.untold[0], -self.untold[1]):
            self.untold, self.untold_value = (distance, step, index), expected

    def concluded(self) -> QuantityAudit:
        """The frozen record of this quantity."""
        return QuantityAudit(
            name=self.name,
            worst=self._with_all_pieces(self.worst),
            carries=self.carries,
            compared=self.compared,
            not_told=self.not_told,
            wrong=self.wrong,
            wide=self.wide,
        )
