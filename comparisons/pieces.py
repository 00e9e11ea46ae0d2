"""A large step, some rows of a matrix at a time: gradient and update are judged and dropped before the next ones.

The same formulas as `reference`, with the same bounds. What a processor's cache holds costs least, and a network of
millions of parameters needs no more memory than a few copies of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.dots import Dot
from comparisons.arithmetic.leaves import leaves
from comparisons.arithmetic.precision import PRECISIONS, Precision
from comparisons.arithmetic.unions import plane
from comparisons.reference import Expectation, Given, first_told, given, last_layer
from manual.network import backward, forward
from manual.optimizers import sgd
from manual.penalty import penalized, penalty
from problems.problem import Array, Parameters, Problem

LARGE = 2**17  # numbers in one matrix of parameters
PIECE = 2**16  # numbers judged at once
FEW = 2**10  # elements whose best bound is worked out one by one
BEST, EVERY = 0, 1  # which of two errors side by side


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Rows `at` of one quantity, over all steps of a chunk."""

    name: str
    at: slice
    expectation: Expectation


def in_pieces(problem: Problem) -> bool:
    """Whether a step has a matrix that is large enough, and an update that needs nothing but its own gradient."""
    sizes = (rows * columns for rows, columns in problem.network.parameter_shapes.values())
    return problem.optimizer.plain and max(sizes) >= LARGE


def pieces(
    problem: Problem,
    before: Parameters,
    x: Array,
    y: Array,
    gradients: Parameters,
    carried: Precision,
    learning_rate: Array | None = None,
) -> Iterator[Piece]:
    """What `expectations` gives, in pieces of the same order for every precision.

    gradients: those that the implementation reported, from which an update that is not told follows all the same.
    """
    start = given(problem, before, x, y, carried, learning_rate)
    _, cache = forward(problem.network, start.state, start.x)
    loss, delta = last_layer(problem, start.y, cache.z[-1])
    if problem.l2:
        loss = loss + penalty(start.state, problem.l2)
    found = backward(problem.network, start.state, cache, delta)
    yield Piece(
        name="loss", at=slice(None), expectation=_expectation(_of(loss, EVERY), lambda _: _of(loss, BEST).error)
    )
    for name in problem.network.parameter_shapes:
        yield from _Tensor(problem, name, start, found.pop(name), gradients.get(name)).pieces()


class _Tensor:
    """One matrix of parameters, its gradient with both errors, and the gradient that was reported."""

    def __init__(self, problem: Problem, name: str, start: Given, slope: Bounded, reported: Array | None) -> None:
        self.problem, self.name, self.start, self.slope, self.reported = problem, name, start, slope, reported
        self.theta = start.state[name]
        self.run = PRECISIONS[problem.dtype]
        self._held: tuple[slice, tuple[Bounded, Bounded]] | None = None

    def pieces(self) -> Iterator[Piece]:
        """Of the gradient and of the update, in turns."""
        rows, columns = self.theta.shape[-2:]
        length = max(1, PIECE // columns)
        for begin in range(0, rows, length):
            at = slice(begin, min(begin + length, rows))
            every = self._results(at, EVERY)
            for number, group in enumerate(("gradient", "parameter")):
                expectation = _expectation(every[number], self._best(at, number))
                if group == "parameter" and self.reported is not None and not expectation.told.all():
                    expectation = self._told_by_own(expectation, at, self.reported[:, at])
                yield Piece(name=f"{group}.{self.name}", at=at, expectation=expectation)

    def _results(self, at: slice, number: int) -> tuple[Bounded, Bounded]:
        if isinstance(self.slope, Dot):
            slope = self.slope.rows(at, number)
        else:
            slope = _of(self.slope, number)[..., at, :]
        return self._formulas(self.theta[..., at, :], slope, self.start.rate)

    def _formulas(self, theta: Bounded, slope: Bounded, rate: Bounded) -> tuple[Bounded, Bounded]:
        """The gradient with its penalty, and the parameter after the update."""
        if self.problem.l2:
            slope = penalized({self.name: slope}, {self.name: theta}, self.problem.l2)[self.name]
        return slope, sgd({self.name: theta}, {self.name: slope}, rate)[self.name]

    def _best(self, at: slice, number: int) -> Callable[[Array], Array]:
        """A function of the places asked about to the best route's errors, which are right there."""

        def errors(asked: Array) -> Array:
            if np.count_nonzero(asked) > FEW or not isinstance(self.slope, Dot):
                if self._held is None or self._held[0] != at:
                    self._held = at, self._results(at, BEST)
                return self._held[1][number].error
            step, row, column = places = np.nonzero(asked)
            a, b = self.slope.a[step, row + at.start], _of(self.slope.b, BEST)[step, :, column]
            theta = self.theta[step, row + at.start, column]
            slopes = a[:, None, :] @ b[:, :, None]
            return _placed(places, asked.shape, self._formulas(theta[:, None, None], slopes, self._rate(step))[number])

        return errors

    def _told_by_own(self, expectation: Expectation, at: slice, reported: Array) -> Expectation:
        """An update that is not told follows from the gradient that was reported."""
        untold = ~expectation.told
        if np.count_nonzero(untold) > FEW:
            return first_told(expectation, self._own(self.theta[..., at, :], reported, self.start.rate))
        step, row, column = places = np.nonzero(untold)
        theta = self.theta[step, row + at.start, column][:, None, None]
        own = self._own(theta, reported[places][:, None, None], self._rate(step))
        expected, bound, told = expectation.expected, expectation.bound, expectation.told
        for whole, part in ((expected, own.expected), (bound, own.bound), (told, own.told)):
            whole[places] = part.ravel()
        return Expectation(expected=expected, bound=bound, told=told)

    def _own(self, theta: Bounded, reported: Array, rate: Bounded) -> Expectation:
        slope = leaves(reported, self.run, rate.precision)
        after = sgd({self.name: theta}, {self.name: slope}, rate)[self.name]
        return _expectation(after, lambda _: after.error)

    def _rate(self, step: Array) -> Bounded:
        """The learning rate at each of `step`, where they differ."""
        rate = self.start.rate
        return rate if rate.ndim == 0 else rate[step]


def _placed(places: tuple[Array, ...], shape: tuple[int, ...], found: Bounded) -> Array:
    result = np.full(shape, np.inf)
    result[places] = found.error.ravel()
    return result


def _of(values: Bounded, number: int) -> Bounded:
    """One of two errors side by side, where there are two."""
    return plane(values, number) if values.error.ndim > values.value.ndim else values


def _expectation(every: Bounded, best: Callable[[Array], Array]) -> Expectation:
    """As in `reference`, where the best route's error is asked for only where it may matter."""
    size = np.abs(every.value)
    asked = every.error >= size
    told, sharp = np.array(np.isfinite(every.error)), every.error
    if asked.any() and (asked := asked & (size > 0)).any():
        errors = best(asked)
        lost = asked & (errors < size)
        told, sharp = told & ~lost, np.where(lost, errors, sharp)
    return Expectation(expected=every.value, bound=every.error, told=told, sharp=sharp)
