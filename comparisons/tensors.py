"""One matrix of parameters, some rows of it at a time: what its gradient and its update must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.dots import Dot
from comparisons.arithmetic.precision import PRECISIONS
from comparisons.arithmetic.unions import plane
from comparisons.reference import Expectation, Given, held_to_own, reported, within
from comparisons.tally import Counted
from manual.optimizers import sgd
from manual.penalty import penalized
from problems.problem import Array, Parameters, Problem

PIECE = 2**16  # numbers judged at once
BEST, EVERY = 0, 1  # which of two errors side by side
GROUPS = ("gradient", "parameter")


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Rows `at` of one quantity, over all steps of a chunk: what they must be, or what was counted of them."""

    name: str
    at: slice
    found: Expectation | Counted


class Tensor:
    """One matrix of parameters, its gradient with both errors, and the gradient that was reported."""

    def __init__(self, problem: Problem, name: str, start: Given, slope: Bounded, actual: Parameters) -> None:
        """slope: ∂L/∂θ without its penalty; actual: quantity name to what was reported, from whose gradients an update
        that is not told follows all the same."""
        self.problem, self.name, self.start, self.slope = problem, name, start, slope
        self.reported, self.after = actual.get(f"gradient.{name}"), actual.get(f"parameter.{name}")
        self.theta = start.state[name]
        self.run = PRECISIONS[problem.dtype]
        self._held: tuple[slice, tuple[Bounded, Bounded]] | None = None

    def pieces(self) -> Iterator[Piece]:
        """Of the gradient and of the update, in turns."""
        rows, columns = self.theta.shape[-2:]
        for at in slices(rows, PIECE // columns):
            yield from self.pieces_at(at)

    def pieces_at(self, at: slice) -> Iterator[Piece]:
        """Of rows `at`."""
        every = self._results(at, EVERY)
        slope, after = (expectation_of(one, partial(self._best_errors, at, number)) for number, one in enumerate(every))
        if self.reported is not None and self.after is not None:
            gradient = self.reported[:, at]
            after = held_to_own(after, self._own(at, gradient), self.after[:, at], within(gradient, slope))
        for group, expectation in zip(GROUPS, (slope, after), strict=True):
            yield Piece(name=f"{group}.{self.name}", at=at, found=expectation)

    def _results(self, at: slice, number: int) -> tuple[Bounded, Bounded]:
        if isinstance(self.slope, Dot):
            slope = self.slope.rows(at, number)
        else:
            slope = of_plane(self.slope, number)[..., at, :]
        return self._formulas(self.theta[..., at, :], slope, self.start.rate)

    def _formulas(self, theta: Bounded, slope: Bounded, rate: Bounded) -> tuple[Bounded, Bounded]:
        """The gradient with its penalty, and the parameter after the update."""
        if self.problem.l2:
            slope = penalized({self.name: slope}, {self.name: theta}, self.problem.l2)[self.name]
        return slope, sgd({self.name: theta}, {self.name: slope}, rate)[self.name]

    def _best_errors(self, at: slice, number: int) -> Array:
        """The most accurate route's errors."""
        if self._held is None or self._held[0] != at:
            self._held = at, self._results(at, BEST)
        return self._held[1][number].error

    def _own(self, at: slice, gradient: Array) -> Expectation:
        """The update that follows from the gradient that was reported."""
        slope = reported(gradient, self.run, self.start.rate.precision)
        after = sgd({self.name: self.theta[..., at, :]}, {self.name: slope}, self.start.rate)[self.name]
        return expectation_of(after, lambda: after.error)


def slices(rows: int, length: int) -> Iterator[slice]:
    """All rows, at most `length` of them at a time, or one."""
    for begin in range(0, rows, max(1, length)):
        yield slice(begin, min(begin + max(1, length), rows))


def of_plane(values: Bounded, number: int) -> Bounded:
    """One of two errors side by side, where there are two."""
    return plane(values, number) if values.error.ndim > values.value.ndim else values


def expectation_of(every: Bounded, best: Callable[[], Array]) -> Expectation:
    """As in `reference`, where the best route's error is asked for only where it may matter."""
    size = np.abs(every.value)
    asked = every.error >= size
    told, sharp = np.array(np.isfinite(every.error)), every.error
    if asked.any() and (asked := asked & (size > 0)).any():
        errors = best()
        lost = asked & (errors < size)
        told, sharp = told & ~lost, np.where(lost, errors, sharp)
    return Expectation(expected=every.value, bound=every.error, told=told, sharp=sharp)
