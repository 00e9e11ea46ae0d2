"""What any implementation reports of one training step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from problems.problem import Array, Parameters

LARGE = 2**16  # numbers in a matrix
TILE = 32  # rows and columns, which a processor's cache holds twice


class Looks:
    """Which steps of a training are looked at: the first of every `every`, and the last, `last`. Counted from 1."""

    def __init__(self, every: int, last: int) -> None:
        self.every, self.last = every, last
        self.made = 0  # steps that have been made while these looks held

    def at(self, step: int) -> bool:
        """Whether this step is looked at."""
        return (step - 1) % self.every == 0 or step == self.last

    def starts(self, step: int) -> bool:
        """Whether the parameters after this step are looked at: as its own, or as those that the next starts from."""
        return self.at(step) or self.at(step + 1)


_LOOKS: ContextVar[Looks | None] = ContextVar("looks", default=None)


@contextmanager
def looking(looks: Looks) -> Iterator[None]:
    """While the block runs, one training's steps are made, and those not looked at are not copied.

    Such a step has its loss alone, and no gradients; parameters where the step after it is looked at.
    """
    token = _LOOKS.set(looks)
    try:
        yield
    finally:
        _LOOKS.reset(token)


def _copied(values: object) -> Array:
    """In rows, as everything afterwards goes through it: some frameworks have the transposes of their weights."""
    if isinstance(values, np.ndarray) and values.size >= LARGE:
        copy = _in_rows(np.asarray(values))
    else:
        copy = values.copy() if type(values) is np.ndarray else np.array(values)
    copy.setflags(False)  # type: ignore[call-arg]  # by keyword it takes as long as the copy; NumPy's types forbid it
    return copy


def _in_rows(array: Array) -> Array:
    """A copy; of a matrix that lies in columns tile by tile: at once it takes four times as long."""
    if array.ndim != 2 or not array.flags.fnc:
        return np.array(array, order="C")
    copy: Array = np.empty(array.shape, array.dtype)
    rows, columns = array.shape
    for i in range(0, rows, TILE):
        for j in range(0, columns, TILE):
            copy[i : i + TILE, j : j + TILE] = array[i : i + TILE, j : j + TILE]
    return copy


@dataclass(frozen=True, kw_only=True, eq=False, init=False)
class Step:
    """One update, with everything copied and read-only; see `looking` for steps that nobody looks at.

    rows: (batch,) positions in the problem's data; loss: () before the update;
    gradients: canonical name to array, before the update; parameters: the same names, after the update.
    """

    rows: Array
    loss: Array
    gradients: Parameters
    parameters: Parameters

    def __init__(
        self, *, rows: object, loss: object, gradients: Mapping[str, object], parameters: Mapping[str, object]
    ) -> None:
        looks = _LOOKS.get()
        whole, start = True, True
        if looks is not None:
            looks.made += 1
            whole, start = looks.at(looks.made), looks.starts(looks.made)
        self.__dict__.update(  # at once; attribute by attribute it takes a fifth longer
            rows=_copied(rows),
            loss=_copied(loss),
            gradients=_copied_all(gradients) if whole else {},
            parameters=_copied_all(parameters) if start else {},
        )


def _copied_all(tensors: Mapping[str, object]) -> Parameters:
    return {name: _copied(values) for name, values in tensors.items()}
