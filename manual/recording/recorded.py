"""Arrays of numbers that write down what is done to them, for use in the manual formulas."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

import numpy as np

from manual.recording.tape import Tape


class Recording:
    """One number: a place on a tape."""

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape, self.place = tape, place

    def __add__(self, other: Any) -> Recording:
        return written("add", self, other)

    def __radd__(self, other: Any) -> Recording:
        return written("add", other, self)

    def __mul__(self, other: Any) -> Recording:
        return written("multiply", self, other)

    def __rmul__(self, other: Any) -> Recording:
        return written("multiply", other, self)


def written(name: str, *operands: Any) -> Recording:
    """What the ufunc `name` makes of recordings and plain numbers, at least one of them a recording."""
    tape = next(operand.tape for operand in operands if isinstance(operand, Recording))
    places = (one.place if isinstance(one, Recording) else tape.number(one) for one in operands)
    return Recording(tape, tape.operation(name, tuple(places)))


class Recorded(np.ndarray):
    """An object array of recordings, also where it holds a single one.

    A sum is written down from left to right.
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        function: Any = ufunc
        if method == "__call__" and ufunc.signature is None:  # not a product of matrices, which adds and multiplies
            function = np.frompyfunc(partial(written, ufunc.__name__), ufunc.nin, 1)
        return as_recorded(getattr(function, method)(*map(_plain, inputs), **options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.where or kwargs:
            return super().__array_function__(function, types, args, kwargs)
        return as_recorded(np.frompyfunc(partial(written, "where"), 3, 1)(*map(_plain, args)))

    def shift(self) -> Recorded:
        """The maximum of each row."""
        columns = np.split(self, self.shape[-1], axis=-1)
        return as_recorded(reduce(np.maximum, columns))


def _plain(values: Any) -> Any:
    return values.view(np.ndarray) if isinstance(values, Recorded) else values


def as_recorded(values: Any) -> Recorded:
    """Recordings, one or an array of them, as Recorded."""
    array = np.empty(np.shape(values), dtype=object)
    array[...] = values
    return array.view(Recorded)


def inputs(tape: Tape, name: str, shape: tuple[int, ...] = ()) -> Recorded:
    """Numbers that are given, named `name`, or `name` with their subscripts, counted from 1."""
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        subscripts = "".join(f"_{k + 1}" for k in index)
        array[index] = Recording(tape, tape.input(f"{name}{subscripts}"))
    return as_recorded(array)


def places(values: Recorded) -> list[int]:
    """The places of all recordings, in C order."""
    return [one.place for one in values.view(np.ndarray).flat]


def as_lists(values: Recorded) -> list[list[Recorded]]:
    """A table as nested lists of single recordings, as the nine derivatives take their parameters."""
    return [[as_recorded(value) for value in row] for row in values.view(np.ndarray)]


def from_lists(table: list[list[Recorded]]) -> Recorded:
    """Such nested lists as one array again."""
    return as_recorded([[one.item() for one in row] for row in table])
