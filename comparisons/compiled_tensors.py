"""One matrix of parameters, judged in compiled passes where that is worth it: every number comes out as without."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.dots import Dot
from comparisons.arithmetic.one_number import Constants
from comparisons.arithmetic.precision import FLOAT64, PRECISIONS
from comparisons.arithmetic.products import factors, is_ordinary
from comparisons.arithmetic.stored_numbers import Stored
from comparisons.compiled_passes import passes
from comparisons.reference import OTHERWISE, Expectation, Given
from comparisons.tally import Found, outside
from comparisons.tensors import BEST, EVERY, Piece, Tensor
from problems.problem import Array, Parameters, Problem

WORTH = 10**8  # numbers in a training, from which on compiling takes less than it saves


def tensors(problem: Problem, start: Given) -> Callable[..., Tensor]:
    """What judges the matrices of a step that starts there."""
    numbers = problem.network.parameter_count
    plain = start.rate.precision is PRECISIONS[problem.dtype] and is_ordinary(start.rate) and not problem.l2
    worth_it = problem.steps * numbers >= WORTH and importlib.util.find_spec("numba")
    return CompiledTensor if plain and worth_it else Tensor


class CompiledTensor(Tensor):
    """A matrix whose gradient is one product, and whose update is θ − η g."""

    def __init__(self, problem: Problem, name: str, start: Given, slope: Bounded, actual: Parameters) -> None:
        super().__init__(problem, name, start, slope, actual)
        self._room: dict[str, Array] = {}

    def pieces_at(self, at: slice) -> Iterator[Piece]:
        with np.errstate(all="ignore"):
            found = self._pass(at)
        yield from super().pieces_at(at) if found is None else found

    def _pass(self, at: slice) -> tuple[Piece, ...] | None:
        """Both pieces; None where the rules for one number are not made for them."""
        slope, theta = self.slope, self.theta
        if self.reported is None or self.after is None or not isinstance(theta, Stored) or not isinstance(slope, Dot):
            return None
        if len(self.reported) > 1 or slope.more or slope.terms < 2:
            return None
        return self._judged(slope, at, theta.numbers[0, at])

    def _judged(self, slope: Dot, at: slice, theta: Array) -> tuple[Piece, ...]:
        value = slope.value_of(at)[0]
        gradient, parameter, after = (self._array(name, value.shape) for name in ("gradient", "parameter", "after"))
        c, asked = self._bounds(slope, at, EVERY, value, theta, gradient, parameter)
        passes().moved(value, theta, c, after)
        best = gradient, parameter  # where neither reaches 0, it does not matter by how little the best one does not
        if asked and slope.b.error.ndim > slope.b.value.ndim:
            best = self._array("best gradient", value.shape), self._array("best parameter", value.shape)
            self._bounds(slope, at, BEST, value, theta, *best)
        piece = self._piece("gradient", at, value, gradient, best[0])
        self._held_to_own(at, theta, c, (value, gradient), (after, parameter), best[1])
        return piece, self._piece("parameter", at, after, parameter, parameter)

    def _bounds(
        self, slope: Dot, at: slice, plane: int, value: Array, theta: Array, gradient: Array, parameter: Array
    ) -> tuple[Constants, int]:
        """Fill in both errors; how many of them reach 0."""
        product, room = slope.product_of(at, plane)
        c = self._constants(slope, room)
        return c, passes().bounds(value, product[0], theta, c, gradient, parameter)

    def _held_to_own(
        self, at: slice, theta: Array, c: Constants, slope: tuple[Array, Array], after: tuple[Array, Array], best: Array
    ) -> None:
        """Where the update is not told, or wrong for a right gradient that was reported, put what follows from that."""
        assert self.reported is not None
        assert self.after is not None
        own, doubt, right = (self._array(name, best.shape) for name in ("own", "own error", "right"))
        passes().own(self.reported[0, at], theta, c, own, doubt)
        passes().right(self.reported[0, at], *slope, right)
        passes().held_to_own(self.after[0, at], *after, best, own, doubt, right)

    def _piece(self, group: str, at: slice, expected: Array, bound: Array, best: Array) -> Piece:
        actual = self.reported if group == "gradient" else self.after
        assert actual is not None
        ratios = self._array(f"ratios of {group}", expected.shape)
        untold, wrongs = passes().judged(actual[0, at], expected, bound, best, ratios)
        told = ratios >= 0 if untold else np.ones(ratios.shape, bool)
        expectation = Expectation(expected=expected[None], bound=bound[None], told=told[None])
        wrong = outside(actual[:, at], expectation) if wrongs else np.zeros(told[None].shape, bool)
        found = Found(wrong, told[None], ratios[None])
        return Piece(name=f"{group}.{self.name}", at=at, expectation=expectation, found=found)

    def _constants(self, slope: Dot, room: float) -> Constants:
        precision, rate = slope.precision, self.start.rate
        flushed, added = slope.constants
        by_value, by_error = factors(rate, precision)
        return Constants(
            unit=precision.unit + FLOAT64.unit,
            tiny=precision.smallest_normal,
            room=float(room),
            flushed=flushed,
            added=added,
            otherwise=OTHERWISE,
            rate=float(rate.value),
            by_value=by_value,
            by_error=by_error,
        )

    def _array(self, name: str, shape: tuple[int, ...]) -> Array:
        """An array that is written over with the next rows."""
        if name not in self._room or self._room[name].shape != shape:
            self._room[name] = np.empty(shape)
        return self._room[name]
