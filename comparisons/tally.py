"""Bookkeeping of an audit: what is known of one quantity over the chunks seen so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from comparisons.arithmetic.precision import FLOAT32
from comparisons.reference import Expectation
from comparisons.verdict import Deviation, QuantityAudit
from problems.problem import Array


def outside(actual: Array, expectation: Expectation) -> Array:
    """Where an element is wrong: not within a finite bound, or not finite at all."""
    with np.errstate(invalid="ignore"):
        within = np.abs(actual - expectation.expected) <= expectation.bound
    return (np.isfinite(expectation.bound) & ~within) | ~np.isfinite(actual)


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


@dataclass(eq=False)
class Judged:
    """One quantity over one chunk: positions (steps,) of the steps, everything else (steps, ...).

    told: where it is known whether the element agrees; what is wrong is always known.
    begin, elements: of some rows of a tensor, the first of them and how many numbers the whole tensor has.
    """

    positions: Array
    actual: Array
    expectation: Expectation
    begin: int = 0
    elements: int | None = None

    def __post_init__(self) -> None:
        expectation = self.expectation
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = np.abs(self.actual - expectation.expected)
            if not (deviation <= expectation.bound).all() or not np.isfinite(expectation.bound).all():
                self.wrong = outside(self.actual, expectation)
                self.told = expectation.told | self.wrong
                self.ratio = np.where(self.told, ratios(self.actual, expectation), 0.0)
                return
            self.wrong, self.told = np.zeros(deviation.shape, bool), expectation.told
            self.ratio = deviation / expectation.bound
        if not (expectation.bound.all() and self.told.all()):
            self.ratio = np.where(self.told & (deviation > 0), self.ratio, 0.0)

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
    """One quantity over all chunks seen.

    first_bad: the first bad step of each chunk, with its worst element; wrong_below: how many elements are
    still wrong at float32's bound; untold: where the least certain element lies, as (distance, step, index), and
    untold_value what the reference has there; wrong_of_steps: of a tensor seen in pieces, how many are wrong in a step.
    """

    name: str
    dtype: str
    compared: int = 0
    not_told: int = 0
    wrong: int = 0
    wrong_below: int = 0
    worst: Deviation | None = None
    first_bad: dict[int, Deviation] = field(default_factory=dict)
    wrong_steps: set[int] = field(default_factory=set)
    untold_steps: set[int] = field(default_factory=set)
    wrong_of_steps: Counter[int] = field(default_factory=Counter)
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
        self._keep_worst(judged)
        if judged.wrong.any():
            self._keep_wrong(judged)
        if not told.all():
            self._keep_untold(judged)

    def add_below(self, judged: Judged, below: Expectation) -> None:
        """Count what stays wrong when float32 is allowed for."""
        self.wrong_below += int((judged.wrong & unexplained(judged.actual, below)).sum())

    def _keep_worst(self, judged: Judged) -> None:
        place = largest(judged.ratio if judged.told.all() else np.where(judged.told, judged.ratio, -1.0))
        if not judged.told[place]:
            return
        if self.worst is None or judged.ratio[place] > self.worst.ratio:
            self.worst = judged.deviation(self.name, place)

    def _keep_wrong(self, judged: Judged) -> None:
        self.wrong += int(judged.wrong.sum())
        bad = np.flatnonzero(judged.wrong.reshape(len(judged.positions), -1).any(axis=1))
        self.wrong_steps.update((judged.positions[bad] + 1).tolist())
        first = bad[0]
        place = largest(np.where(judged.wrong[first], judged.ratio[first], -1.0))
        found = judged.deviation(self.name, (first, *place))
        if judged.elements is not None:
            counts = judged.wrong.reshape(len(judged.positions), -1).sum(axis=1)
            self.wrong_of_steps.update(
                dict(zip((judged.positions[bad] + 1).tolist(), counts[bad].tolist(), strict=True))
            )
        if found.step in self.first_bad:  # other rows of the same tensor
            before = self.first_bad[found.step]
            found = replace(max(before, found, key=lambda one: one.ratio), wrong=before.wrong + found.wrong)
        self.first_bad[found.step] = found

    def _keep_untold(self, judged: Judged) -> None:
        untold = ~judged.told
        steps = np.flatnonzero(untold.reshape(len(judged.positions), -1).any(axis=1))
        self.untold_steps.update((judged.positions[steps] + 1).tolist())
        with np.errstate(invalid="ignore"):
            apart = np.where(untold, np.abs(judged.actual - judged.expectation.expected), -1.0)
        place = largest(np.nan_to_num(apart, nan=np.inf))
        if self.untold is None or apart[place] > self.untold[0]:
            self.untold = float(apart[place]), int(judged.positions[place[0]]) + 1, judged.index(place)
            self.untold_value = float(judged.expectation.expected[place])

    def concluded(self) -> QuantityAudit:
        """The frozen record of this quantity."""
        worst = self.worst
        if worst is not None and worst.step in self.wrong_of_steps:
            worst = replace(worst, wrong=self.wrong_of_steps[worst.step])
        return QuantityAudit(
            name=self.name,
            worst=worst,
            carries=self.carries,
            compared=self.compared,
            not_told=self.not_told,
            wrong=self.wrong,
        )
