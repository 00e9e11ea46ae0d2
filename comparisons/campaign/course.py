"""How far a campaign is, and how long what is left of it will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from comparisons.campaign.rows import Row, row_label
from comparisons.campaign.tasks import Task


class Course:
    """Counts of tasks, and the seconds that each implementation's have taken: a framework's take a hundred times
    those by hand, so that what is left is estimated implementation by implementation."""

    def __init__(self, left: Sequence[Task], done: int) -> None:
        self.done = done
        self.total = done + len(left)
        self.left = Counter(task.label for task in left)
        self.rows: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.started = time.monotonic()

    def add(self, row: Row) -> None:
        """Count a row that came."""
        name = row_label(row)
        self.done += 1
        self.left[name] -= 1
        self.rows[name] += 1
        self.seconds[name] = self.seconds.get(name, 0.0) + row["seconds"]

    def estimate(self) -> str:
        """Seconds left, in words; `at least` where the tasks of an implementation have not begun."""
        begun = {name: count for name, count in self.left.items() if name in self.rows}
        work = sum(count * self.seconds[name] / self.rows[name] for name, count in begun.items())
        at_once = sum(self.seconds.values()) / max(time.monotonic() - self.started, 1e-3)
        unknown = [name for name, count in self.left.items() if count and name not in self.rows]
        seconds = span(work / max(at_once, 1e-3))
        return f"at least {seconds} left ({', '.join(unknown)} not begun)" if unknown else f"about {seconds} left"


def span(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
