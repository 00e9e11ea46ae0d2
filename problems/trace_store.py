"""A trace in a folder: a Zarr group that is written block by block while a training runs, and read likewise.

`rows`, `loss`, `gradient.W1`, ..., `parameter.W1`, ... have a leading axis of steps, as long as the whole training;
`recorded` holds how many of them are there, and the nanoseconds that training them took. It is written last, and the
group's attributes tell the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from problems.block import Block, TraceError, joined
from problems.problem import Array, Parameters, Problem, ProblemError
from problems.store_checksums import Checksums
from problems.store_columns import Column, opened_columns, require_zarr
from problems.store_seal import Told, kept
from problems.store_tables import problem_from, taken_tables
from problems.trace import Trace, require_rows

RECORDED = "recorded"
CHECKSUMS = "checksums"  # a file in the folder of RECORDED: Zarr expects none beside its arrays
ELSE = "record a trace with: backproof record"
SUFFIX = ".zarr"
BLOCK_BYTES = 2**22  # of the numbers of one block, which is held in memory


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredTrace:
    """A trace in `folder`, of which `steps` are recorded; `complete` where the training ended.

    seconds: how long `import` and `train` took, the latter over all processes that trained.
    """

    folder: Path
    problem: Problem
    told: Told
    columns: Mapping[str, Column]
    recorded: Column
    steps: int
    nanoseconds: int

    @property
    def implementation(self) -> str:
        """What trained it."""
        return self.told.implementation

    @property
    def environment(self) -> Mapping[str, str]:
        """What that ran on."""
        return self.told.environment

    @property
    def seconds(self) -> dict[str, float]:
        """How long `import` and `train` took."""
        return {**(self.told.seconds or {}), "train": self.nanoseconds / 1e9}

    @property
    def complete(self) -> bool:
        """Whether the training ended."""
        return self.told.seconds is not None

    @property
    def bytes_per_step(self) -> int:
        """What a step takes."""
        return sum(_bytes_per_step(column) for column in self.columns.values())

    @property
    def nbytes(self) -> int:
        """What the recorded steps take in memory."""
        return self.steps * self.bytes_per_step

    def blocks(self, length: int | None = None) -> Iterator[Block]:
        """The recorded steps in blocks of at most `length`; about 4 MiB, and at least one step, are held at once.

        Raises TraceError, naming the file, for a part that is missing or was altered, or for rows that the problem
        does not have.
        """
        span = block_length(self.bytes_per_step)
        length = min(length or span, span)
        for begin in range(0, self.steps, span):
            held = self.block(begin, min(begin + span, self.steps))
            require_rows(held.rows, self.problem, before=begin)
            for first in range(0, held.steps, length):
                yield held.part(first, min(first + length, held.steps))

    def block(self, begin: int, end: int) -> Block:
        """Steps begin to end (from 0, end excluded), which must be recorded."""
        return as_block({name: column.read(begin, end) for name, column in self.columns.items()})

    def after(self, steps: int) -> Parameters:
        """The parameters after the first `steps`, which must be recorded."""
        return {name: values[0] for name, values in self.block(steps - 1, steps).parameters.items()}

    def load(self, most: float = math.inf) -> Trace:
        """All of it in memory; raises TraceError, naming the folder, where that takes more than `most` bytes."""
        if self.nbytes > most:
            raise TraceError(
                f"{self.folder}: its {self.steps} steps take {self.nbytes / 2**30:.1f} GiB, and at most "
                f"{most / 2**30:.1f} GiB are loaded here; judge it block by block with: backproof audit {self.folder}"
            )
        block = joined(list(self.blocks()) or [self.block(0, 0)])
        return Trace(
            problem=self.problem,
            implementation=self.implementation,
            initial=self.problem.initial,
            rows=block.rows,
            loss=block.loss,
            gradients=block.gradients,
            parameters=block.parameters,
            environment=self.environment,
            seconds=self.seconds,
        )


def open_trace(folder: str | Path) -> StoredTrace:
    """The trace stored in `folder`, as far as it is recorded now.

    Raises TraceError, one line naming the folder or a file in it, where that is missing, altered or no trace.
    """
    return opened(Path(folder), writing=False)


def opened(folder: Path, *, writing: bool) -> StoredTrace:
    """The same, to go on with where `writing`."""
    require_zarr()
    if not folder.is_dir():
        raise TraceError(f"{folder}: {'is no folder' if folder.exists() else 'does not exist'}; {ELSE}")
    told = kept(folder)
    checksums = Checksums(folder / RECORDED / CHECKSUMS) if told.placed else None
    columns = opened_columns(folder, told.arrays, checksums, writing=writing)
    recorded = columns.pop(RECORDED)
    steps, nanoseconds = map(int, recorded.read(0, 2))
    try:
        problem = problem_from(told.settings, taken_tables(columns))
    except ProblemError as error:
        raise TraceError(f"{folder}: {error}") from None
    return StoredTrace(
        folder=folder,
        problem=problem,
        told=told,
        columns=columns,
        recorded=recorded,
        steps=steps,
        nanoseconds=nanoseconds,
    )


def looks_stored(path: str | Path) -> bool:
    """Whether `path` names a trace in a folder and not in a file."""
    return Path(path).suffix == SUFFIX or Path(path).is_dir()


def block_length(bytes_per_step: int) -> int:
    """Steps in a block: a power of two, so that blocks of different lengths end together."""
    return 1 << max(0, (BLOCK_BYTES // max(1, bytes_per_step)).bit_length() - 1)


def as_columns(block: Block) -> dict[str, Array]:
    """The block's arrays by the name they are stored under."""
    groups = (("gradient", block.gradients), ("parameter", block.parameters))
    tensors = {f"{group}.{name}": values for group, tensors in groups for name, values in tensors.items()}
    return {"rows": block.rows, "loss": block.loss, **tensors}


def as_block(columns: Mapping[str, Array]) -> Block:
    """The same back."""
    return Block(
        rows=columns["rows"],
        loss=columns["loss"],
        gradients=_group(columns, "gradient."),
        parameters=_group(columns, "parameter."),
    )


def _group(columns: Mapping[str, Array], start: str) -> Parameters:
    return {name.removeprefix(start): values for name, values in columns.items() if name.startswith(start)}


def _bytes_per_step(column: Column) -> int:
    return int(column.array.dtype.itemsize * np.prod(column.array.shape[1:], dtype=int))
