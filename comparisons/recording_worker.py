"""The process in which a framework trains and records into a folder.

Run as `python -P -m comparisons.recording_worker NAME FOLDER`. FOLDER holds problem-0 and, in folder.txt,
the folder to record into. Events are those of comparisons.worker; `recorded` tells how far the training is, `refused`
why the folder cannot be recorded into.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TextIO

from comparisons.implementations import Trainer
from comparisons.problem_file import read_problem
from comparisons.recording import TARGET, record
from comparisons.worker import environment, exit_with_parent, failures_told, import_and_tell, private_events, tell
from problems.block import TraceError
from problems.trace_writer import TraceWriter


def main() -> None:
    """Train the problem and tell how that ended."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    events = private_events()
    exit_with_parent()
    trainer, imported = import_and_tell(events, name)
    with failures_told(events, 0, name):
        train_and_tell(events, name, trainer, imported, folder)
    tell(events, event="finished")
    events.flush()
    os._exit(0)  # see comparisons.worker


def train_and_tell(events: TextIO, name: str, trainer: Trainer, imported: float, folder: Path) -> None:
    """Train and record, telling about it; what the folder refuses is told, other failures are raised."""
    problem = read_problem(0, folder)
    target = Path((folder / TARGET).read_text(encoding="utf-8"))
    started = time.perf_counter()
    try:
        with TraceWriter(target, problem, name, environment(trainer, problem)) as writer:
            record(writer, trainer, imported, lambda doing: tell(events, event="recorded", doing=doing))
    except TraceError as refused:
        tell(events, event="refused", reason=str(refused))
    else:
        tell(events, event="trained", problem=0, seconds=time.perf_counter() - started)


if __name__ == "__main__":
    main()
