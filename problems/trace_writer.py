"""Writing a trace into a folder while it is recorded, so that a process that is killed loses next to nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from problems.block import Block, TraceError, joined
from problems.folder_lock import FolderLock
from problems.problem import Array, Problem
from problems.records import settings_to_json
from problems.store_checksums import Checksums
from problems.store_columns import Column, digest, made_column, made_group, require_zarr, write
from problems.store_seal import Told, keep
from problems.store_tables import keep_tables
from problems.stored_before import as_stored, require_repeated, stored_before
from problems.trace import require_rows
from problems.trace_store import BLOCK_BYTES, CHECKSUMS, RECORDED, as_columns, block_length
from problems.training_parts import continued, full_batch_before

EVERY = 2.0  # seconds after which what was recorded is written, be it ever so little
SMALL_CHUNK = 2**16  # bytes; a quantity whose steps are this small has chunks that span several blocks


class TraceWriter:
    """The trace of one training in `folder`, begun, or gone on with where one of the same training is there.

    What `append` was given stands in the folder at the latest 2 seconds and one call after, with the number of steps
    written last: a process that is killed leaves a trace that ends where that was told last.
    Raises TraceError, naming the folder, where it holds anything else or a training that ended, or is being recorded
    by another process; OSError where it cannot be made. steps: those recorded; reported: those appended since, with
    those before them. environment: None where it is not known yet, and not held
    against the one that is there; fast: whether it will tell of many steps in one call, where that is known before.
    """

    def __init__(
        self,
        folder: str | Path,
        problem: Problem,
        implementation: str,
        environment: Mapping[str, str] | None = None,
        *,
        fast: bool | None = None,
    ) -> None:
        require_zarr()
        self.folder, self.problem = Path(folder), problem
        self._told = Told(
            settings=settings_to_json(problem), implementation=implementation, environment=dict(environment or {})
        )
        self._lock = FolderLock(self.folder)
        try:
            self._before = stored_before(self.folder, problem, self._told, fast=fast)
            self._go_on()
        except BaseException:
            self._lock.release()
            raise

    def _go_on(self) -> None:
        """What is known of the steps that are there already."""
        before = self._before
        self._told = before.told if before else self._told
        self.steps = before.steps if before else 0
        self.reported = self._at = 0  # steps that were reported, and those of them that were looked at
        self._pending: list[Block] = []
        self._columns = dict(before.columns) if before else {}
        self._recorded = before.recorded if before else None
        self._checksums = before.recorded.checksums if before else None
        self._tails = {name: column.tail(self.steps) for name, column in self._columns.items()}
        self._nanoseconds = before.nanoseconds if before else 0
        self._flushed = self._left = time.monotonic()

    def to_train(self) -> Problem:
        """What must be trained for the rest of the trace: the rest, where plain descent goes on from its parameters.

        Other optimizers remember more than is recorded: it is all of the problem, and each step that is there already
        is held against the one that was recorded, bit for bit.
        """
        begin = full_batch_before(self.problem, self.steps)
        if self._before and begin:
            rest = continued(self.problem, self._before.after(begin), begin)
            if rest is not None:
                self.reported = self._at = begin
                return rest
        return self.problem

    def append(self, block: Block) -> None:
        """The steps that come next.

        Raises TraceError where they do not fit to those before, their rows are none of the problem's, they differ from
        what is recorded of the same steps, or they cannot be written.
        """
        if self.reported >= self.steps:
            self._nanoseconds += round((time.monotonic() - self._left) * 1e9)
        self._require_room(block)
        self._pending.append(block)
        self.reported += block.steps
        waits = time.monotonic() - self._flushed > EVERY
        if waits or self.reported - self._at >= self._length(block):
            self._flush(whole=not waits)
        self._left = time.monotonic()

    def complete(self, seconds: Mapping[str, float] | None = None) -> None:
        """The training ended; seconds: how long `import` took (how long `train` did is measured here)."""
        self._flush(whole=False)
        if self._at < self.steps or not self.steps:
            raise TraceError(
                f"{self.folder}: {self.steps:,} steps are recorded, and this run ended after {self._at:,}; "
                "it is not the run that was recorded"
            )
        self._told = replace(self._told, seconds=dict(seconds or {}))
        with self._writing():
            keep(self._told, self.folder)

    def _require_room(self, block: Block) -> None:
        require_rows(block.rows, self.problem, before=self.reported)
        most = self.problem.steps
        if self.reported + block.steps > most:
            raise TraceError(f"{self.reported + block.steps:,} steps were reported, the problem has {most:,}")

    def _length(self, block: Block) -> int:
        """Steps to write together."""
        return block_length(sum(values[0].nbytes for values in as_columns(block).values()) if block.steps else 0)

    def _flush(self, *, whole: bool) -> None:
        """Write what is pending; whole: only up to where blocks end."""
        if not self._pending:
            return
        block, length = joined(self._pending), self._length(self._pending[0])
        end = self._at + block.steps
        if whole:
            end = max(end // length * length, self._at + 1)
        taken = end - self._at
        known = min(max(self.steps - self._at, 0), taken)
        if self._before and known:
            require_repeated(self._before, self._at, block.part(0, known))
        if known < taken:
            self._write(block.part(known, taken))
        self._pending = [block.part(taken, block.steps)] if taken < block.steps else []
        self._at = end
        self._flushed = time.monotonic()

    def _write(self, block: Block) -> None:
        """The steps first, their number last, each safe on the disk before the next is begun."""
        with self._writing():
            if self._recorded is None:
                self._begin(block)
            write([self._extended(name, values) for name, values in as_columns(block).items()], self._checksums)
            self._count(self.steps + block.steps)
            self.steps += block.steps

    def _begin(self, block: Block) -> None:
        """Arrays for quantities like the block's; the group tells nothing until all of them are there."""
        made_group(self.folder)
        (self.folder / RECORDED).mkdir()
        self._checksums = checksums = Checksums.begun(self.folder / RECORDED / CHECKSUMS)
        steps, length = self.problem.steps, self._length(block)
        for name, values in as_columns(block).items():
            several = max(length, SMALL_CHUNK // values[0].nbytes)
            shape = (steps, *values.shape[1:])
            self._columns[name] = made_column(self.folder, name, shape, values.dtype, several, checksums)
            self._tails[name] = values[:0]
        self._recorded = made_column(self.folder, RECORDED, (2,), np.dtype(np.int64), 2, checksums)
        self._count(0)
        names = (*self._columns, RECORDED, *keep_tables(self.problem, self.folder, BLOCK_BYTES, checksums))
        digests = {name: digest(self.folder, name) for name in names}
        self._told = replace(self._told, arrays=digests)
        keep(self._told, self.folder)

    def _extended(self, name: str, values: Array) -> tuple[Column, int, Array]:
        """What is to be written of one quantity: its steps, with those before them in the same chunk."""
        column, tail = self._column(name), self._tails[name]
        values = as_stored(name, values, column)
        if len(tail):
            values = np.concatenate([tail, values])
        left = (self.steps - len(tail) + len(values)) % column.length
        self._tails[name] = values[len(values) - left :].copy()
        return column, self.steps - len(tail), values

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            raise TraceError(f"{name} is reported, and not from step 1 on")
        return self._columns[name]

    def _count(self, steps: int) -> None:
        assert self._recorded is not None
        write([(self._recorded, 0, np.array([steps, self._nanoseconds]))], self._checksums)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._pending = []  # how much of it was written is not known
            if not isinstance(error, OSError):
                raise
            raise TraceError(
                f"{self.folder}: cannot be written: {error.strerror or error}; {self.steps:,} steps are kept, "
                "and the same command goes on from there"
            ) from None

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write what is left, unless that is what failed, and let others in."""
        try:
            if not isinstance(error, TraceError):
                with suppress(*([TraceError] if kind else [])):
                    self._flush(whole=False)
        finally:
            self._lock.release()
