"""One matrix of parameters, judged in compiled passes where that is worth it: every number comes out as without."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.dots import Dot
from comparisons.arithmetic.one_number import Constants
from comparisons.arithmetic.precision import FLOAT64, PRECISIONS
from comparisons.arithmetic.products import factors, is_ordinary
from comparisons.arithmetic.stored_numbers import Stored
from comparisons.compiled_passes import Rows, Seen, Told, room, rows
from comparisons.reference import OTHERWISE, Given
from comparisons.tally import Counted, Element
from comparisons.tensors import BEST, EVERY, Piece, Tensor, slices
from problems.problem import Array, Parameters, Problem

WORTH = 10**8  # numbers in a training, from which on compiling takes less than it saves
LONG = 2**18  # numbers whose products are made at once


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
        self._best_is_asked = False

    def pieces(self) -> Iterator[Piece]:
        matrices = self._matrices()
        if matrices is None:
            yield from super().pieces()
            return
        rows, columns = matrices.theta.shape
        for at in slices(rows, LONG // columns):
            with np.errstate(all="ignore"):
                found = self._judged(matrices, at)
            slope = counted(matrices.reported, at, found.gradient)
            after = counted(matrices.after, at, found.update)
            yield Piece(name=f"gradient.{self.name}", at=at, found=slope)
            yield Piece(name=f"parameter.{self.name}", at=at, found=after)

    def _matrices(self) -> Matrices | None:
        """What is judged; None where the rules for one number are not made for it."""
        slope, theta, reported, after = self.slope, self.theta, self.reported, self.after
        if reported is None or after is None or len(reported) > 1 or not isinstance(theta, Stored):
            return None
        if not isinstance(slope, Dot) or slope.more or slope.terms < 2:
            return None
        return Matrices(slope, theta.numbers[0], reported[0], after[0])

    def _judged(self, matrices: Matrices, at: slice) -> Rows:
        """Rows `at`; around both routes where the errors around every one reach 0."""
        slope, *stored = matrices
        value, every = slope.value_of(at)[0].ravel(), self._bounding(slope, at, EVERY)
        arrays = [matrix[at].ravel() for matrix in stored]

        def judged(best: Bounding | None, asks: bool = False) -> Rows:
            product, constants = best or every
            bounding = every.product, product, *arrays, every.constants, constants
            return rows()(value, *bounding, best is not None, asks, room())

        if slope.b.error.ndim == slope.b.value.ndim:
            return judged(None)
        if not self._best_is_asked:
            found = judged(None, asks=True)
            if not found.reaching:
                return found
            self._best_is_asked = True
        return judged(self._bounding(slope, at, BEST))

    def _bounding(self, slope: Dot, at: slice, plane: int) -> Bounding:
        product, room = slope.product_of(at, plane)
        precision, rate = slope.precision, self.start.rate
        of_product, _, of_size, flushed = slope.constants(room)
        by_value, by_error = factors(rate, precision)
        constants = Constants(
            unit=precision.unit + FLOAT64.unit,
            tiny=precision.smallest_normal,
            of_product=of_product,
            of_size=of_size,
            flushed=flushed,
            otherwise=OTHERWISE,
            rate=float(rate.value),
            by_value=by_value,
            by_error=by_error,
        )
        return Bounding(product[0].ravel(), constants)


class Matrices(NamedTuple):
    """What a gradient must be, and the parameter before, the gradient and the parameter after that were reported."""

    slope: Dot
    theta: Array
    reported: Array
    after: Array


class Bounding(NamedTuple):
    """What bounds some rows of a gradient, and with which constants."""

    product: Array
    constants: Constants


def counted(actual: Array, at: slice, found: Seen) -> Counted:
    """Of rows `at` of a matrix, what was counted of them."""

    def element(one: Told) -> Element | None:
        if one.amount < 0:
            return None
        row, column = divmod(one.position, actual.shape[-1])
        index = (at.start + row, column)
        return Element(index=index, actual=float(actual[index]), expected=one.expected, bound=one.bound)

    return Counted(
        compared=(at.stop - at.start) * actual.shape[-1] - found.untold,
        not_told=found.untold,
        wrong=found.wrong,
        wide=found.wide,
        ratio=found.worst.amount,
        worst=element(found.worst),
        distance=found.farthest.amount,
        farthest=element(found.farthest),
    )
