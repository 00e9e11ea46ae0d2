"""How far a campaign is, with an estimate of what is left: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from comparisons.campaign.campaign import Ticked
from comparisons.campaign.course import Course
from comparisons.campaign.rows import Row, row_label
from problems.requirements import number_of

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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[left]}"), console=Console(stderr=True, markup=False)) as bar:
        shown = bar.add_task("starting", total=None, left="")

        def ticked(row: Row | None, course: Course) -> None:
            doing = f"{row_label(row)} {row['verdict']}" if row else "starting"
            left = course.estimate() if row else ""
            bar.update(shown, description=doing, completed=course.done, total=course.total, left=left)

        yield ticked


class _Lines:
    """A line at the start and one now and then."""

    def __init__(self) -> None:
        self.told = time.monotonic()

    def ticked(self, row: Row | None, course: Course) -> None:
        now = time.monotonic()
        if row is None:
            print(
                f"backproof: {number_of(course.total, 'task')}, {course.done:,} of them in the table already",
                file=sys.stderr,
            )
        elif now - self.told > EVERY:
            self.told = now
            print(f"backproof: {course.done:,} of {course.total:,}, {course.estimate()}", file=sys.stderr)
