"""How far a campaign is, with an estimate of what is left: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from comparisons.campaign.campaign import Ticked
from comparisons.campaign.rows import Row

EVERY = 30.0  # seconds between lines where there is no terminal


@contextmanager
def shown_progress() -> Iterator[Ticked]:
    """A callback that shows progress on standard error while the block runs."""
    if sys.stderr is not None and sys.stderr.isatty():
        with _bar() as ticked:
            yield ticked
    else:
        yield _Lines().ticked


@contextmanager
def _bar() -> Iterator[Ticked]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True, markup=False)) as bar:
        shown = bar.add_task("starting", total=None)

        def ticked(row: Row | None, done: int, total: int) -> None:
            doing = f"{row['implementation']} {row['verdict']}" if row else "starting"
            bar.update(shown, description=doing, completed=done, total=total)

        yield ticked


class _Lines:
    """Lines with the estimate from the rows that came since the start."""

    def __init__(self) -> None:
        self.started = self.told = time.monotonic()
        self.before = 0

    def ticked(self, row: Row | None, done: int, total: int) -> None:
        now = time.monotonic()
        if row is None:
            self.before = done
            print(f"backproof: {total} tasks, {done} of them in the table already", file=sys.stderr)
        elif now - self.told > EVERY:
            self.told = now
            left = (total - done) * (now - self.started) / max(done - self.before, 1)
            print(f"backproof: {done} of {total}, about {left:.0f} s left", file=sys.stderr)
