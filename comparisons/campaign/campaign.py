"""A campaign: the tasks that are not in the table yet are run, and their rows added as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comparisons.campaign.cluster import reached
from comparisons.campaign.course import Course
from comparisons.campaign.executor import rows
from comparisons.campaign.rows import Row
from comparisons.campaign.summary import markdown
from comparisons.campaign.table import Table, alone_in
from comparisons.campaign.tasks import Task
from problems.writing import write_text

Ticked = Callable[[Row | None, Course], None]  # the row that came, and how far it is


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The rows of a campaign's tasks, and how many the folder holds: those of other tasks stay beside them."""

    rows: pd.DataFrame
    held: int


def unticked(row: Row | None, course: Course) -> None:
    """Progress that nobody looks at."""


def run(
    tasks: Sequence[Task],
    folder: Path,
    *,
    jobs: int,
    timeout: float,
    cluster: str | None = None,
    ticked: Ticked = unticked,
) -> Found:
    """The rows of all `tasks`, those found in `folder` included; summary.md is written beside them.

    Raises ProblemError, and has written nothing, where the cluster cannot be used or `folder` belongs to another.
    """
    with reached(cluster, {task.device for task in tasks}) as client, alone_in(folder):
        table = Table(folder)
        left = [task for task in tasks if task.key not in table.keys]
        course = Course(left, done=len(tasks) - len(left))
        ticked(None, course)
        with table.flushed():
            for row in rows(left, jobs=jobs, timeout=timeout, client=client):
                if table.add(row):
                    course.add(row)
                    ticked(row, course)
        table.merge()
        every = table.read()
        asked = every[every["key"].isin({task.key for task in tasks})]
        write_text(folder / "summary.md", markdown(asked))
    return Found(rows=asked, held=len(every))
