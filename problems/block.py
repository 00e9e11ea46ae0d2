"""Steps that follow each other, stacked along a leading axis: how a training is recorded, streamed and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from problems.problem import Array, Parameters
from problems.requirements import one_line
from problems.step import Step

TOGETHER = 256  # steps stacked at once: the arrays of few are still in a processor's cache


class TraceError(ValueError):
    """Steps that cannot be stacked, or a file that is no trace; the message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """What an implementation reported of some steps in a row, whether right or wrong.

    rows: (steps, batch) positions in the problem's data, short batches filled up with -1; loss: (steps,) before each
    update; gradients: name to (steps, *shape), before each update; parameters: the same names, after each update.
    """

    rows: Array
    loss: Array
    gradients: Parameters
    parameters: Parameters

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.loss)

    def part(self, begin: int, end: int) -> Block:
        """Steps begin to end (from 0, end excluded)."""
        return Block(
            rows=self.rows[begin:end],
            loss=self.loss[begin:end],
            gradients={name: values[begin:end] for name, values in self.gradients.items()},
            parameters={name: values[begin:end] for name, values in self.parameters.items()},
        )


def stacked(reported: Iterable[Step | Block], length: int) -> Iterator[Block]:
    """What was reported, in blocks of `length` steps; a Block is passed on as it is, after the steps before it.

    The block before a reported Block and the last one may be shorter. Raises TraceError where two steps report
    different names or shapes, or rows that are no whole numbers.
    """
    held: list[Step] = []
    ready: list[Block] = []
    first: Structure | None = None
    done = due = 0  # steps that are stacked, those among them that are not handed over yet
    for one in reported:
        if isinstance(one, Step):
            first = first or Structure.of(one)
            held.append(one)
        if first and held and (len(held) in (TOGETHER, length - due) or isinstance(one, Block)):
            ready.append(_block(held, first, done))
            done, due, held = done + len(held), due + len(held), []
        if ready and (due == length or isinstance(one, Block)):
            due = 0
            yield joined(_taken(ready))
        if isinstance(one, Block):
            yield one
            done += one.steps
        del one  # a step of a large network is not held while the next is made
    if first and held:
        ready.append(_block(held, first, done))
    if ready:
        yield joined(_taken(ready))


def _taken(blocks: list[Block]) -> list[Block]:
    """All of them, which `blocks` holds no longer: what is handed over is not kept."""
    taken = blocks.copy()
    blocks.clear()
    return taken


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What every step of a training has as the first one: the shapes of loss, gradients and parameters, by name."""

    loss: tuple[int, ...]
    gradients: Mapping[str, tuple[int, ...]]
    parameters: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, step: Step) -> Structure:
        """That of `step`."""
        return cls(loss=step.loss.shape, gradients=_shapes(step.gradients), parameters=_shapes(step.parameters))


def _shapes(tensors: Parameters) -> dict[str, tuple[int, ...]]:
    return {name: values.shape for name, values in tensors.items()}


def joined(blocks: Sequence[Block]) -> Block:
    """One block of all the steps of `blocks`, at least one, in their order; rows as wide as the widest.

    Raises TraceError where they have different names or shapes.
    """
    if len(blocks) == 1:
        return blocks[0]
    width = max(block.rows.shape[1] for block in blocks)
    begins = list(accumulate((block.steps for block in blocks), initial=1))[:-1]
    return Block(
        rows=np.concatenate([widened(block.rows, width) for block in blocks]),
        loss=np.concatenate([block.loss for block in blocks]),
        gradients=_joined("gradient", [block.gradients for block in blocks], begins),
        parameters=_joined("parameter", [block.parameters for block in blocks], begins),
    )


def _joined(what: str, several: list[Parameters], begins: list[int]) -> dict[str, Array]:
    joined = {}
    for name, arrays in _columns(what, several, several[0].keys(), begins).items():
        _require_shapes(f"{what}.{name}", [array.shape[1:] for array in arrays], arrays[0].shape[1:], begins)
        joined[name] = np.concatenate(arrays)
    return joined


def widened(rows: Array, width: int) -> Array:
    """Rows (steps, batch) filled up with -1 to `width`, which is no less."""
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=-1)


def _block(steps: list[Step], first: Structure, before: int) -> Block:
    """The block of `steps`, which come after `before` others; `first` is what step 1 has."""
    numbers = range(before + 1, before + 1 + len(steps))
    return Block(
        rows=_rows([step.rows for step in steps], numbers),
        loss=_stacked("loss", [step.loss for step in steps], first.loss, numbers),
        gradients=_stacked_by_name("gradient", [step.gradients for step in steps], first.gradients, numbers),
        parameters=_stacked_by_name("parameter", [step.parameters for step in steps], first.parameters, numbers),
    )


def _rows(several: list[Array], numbers: Sequence[int]) -> Array:
    """The rows of several steps, (steps, batch), short ones filled up with -1."""
    for rows, step in zip(several, numbers, strict=True):
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise TraceError(f"rows: step {step} reports {rows.dtype} of shape {rows.shape}, not (batch,)")
    width = max(map(len, several))
    if all(len(rows) == width for rows in several):
        return np.array(several).astype(np.int64, copy=False)
    filled = np.full((len(several), width), -1)
    for place, rows in enumerate(several):
        filled[place, : len(rows)] = rows
    return filled


def _stacked_by_name(
    what: str, several: list[Parameters], first: Mapping[str, tuple[int, ...]], numbers: Sequence[int]
) -> dict[str, Array]:
    return {
        name: _stacked(f"{what}.{name}", arrays, first[name], numbers)
        for name, arrays in _columns(what, several, first.keys(), numbers).items()
    }


def _stacked(what: str, arrays: list[Array], first: tuple[int, ...], numbers: Sequence[int]) -> Array:
    with suppress(ValueError):  # of shapes that differ
        together = np.array(arrays) if len(arrays) > 1 else arrays[0][None]
        if together.shape[1:] == first:
            return together
    _require_shapes(what, [array.shape for array in arrays], first, numbers)
    return np.array(arrays)


def _columns(what: str, several: list[Parameters], names: Set[str], numbers: Sequence[int]) -> dict[str, list[Array]]:
    """The tensors of each name; raises TraceError where the names of one step differ from those of step 1."""
    with suppress(KeyError):
        if set(map(len, several)) == {len(names)}:
            return {name: [tensors[name] for tensors in several] for name in names}
    tensors, step = next(pair for pair in zip(several, numbers, strict=True) if pair[0].keys() != names)
    raise TraceError(f"{what}: step {step} reports {sorted(tensors)}, step 1 reports {sorted(names)}")


def _require_shapes(what: str, shapes: list[tuple[int, ...]], first: tuple[int, ...], numbers: Sequence[int]) -> None:
    if set(shapes) <= {first}:
        return
    shape, step = next((shape, step) for shape, step in zip(shapes, numbers, strict=True) if shape != first)
    raise TraceError(f"{what}: shape {shape} at step {step}, {first} at step 1")
