"""What every worker is doing, on a terminal; nothing at all elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from comparisons.workers import Progress


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A progress callback that keeps one line on standard error up to date while the block runs."""
    if not sys.stderr.isatty():
        yield lambda name, doing: None
        return
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False)
    doing: dict[str, str] = {}
    started = time.monotonic()
    with console.status("starting") as status:

        def progress(name: str, what: str) -> None:
            doing[name] = what
            states = ", ".join(f"{worker} {state}" for worker, state in doing.items())
            status.update(f"{time.monotonic() - started:.0f} s: {states}")

        yield progress
