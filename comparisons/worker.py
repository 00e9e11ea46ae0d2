"""The process in which one implementation trains: request in a file, traces in files, events on a private pipe.

Run as `python -P -m comparisons.worker NAME FOLDER`. FOLDER holds problem-0.json, problem-1.json, ...;
trace-0.npz, ... are written beside them. Events are JSON, one a line, on what was standard output;
standard output itself is turned into standard error, so whatever a framework prints cannot disturb them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from comparisons.devices import CPU, VARIABLE
from comparisons.fast import FAST, TRAINING, told_fast
from comparisons.implementations import Trainer, load
from problems.records import problem_from_json
from problems.trace import Trace
from problems.trace_file import save_trace


def main() -> None:
    """Train every problem in the folder, telling about each as it ends; one that fails does not stop the next."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    events = private_events()
    exit_with_parent()
    started = time.perf_counter()
    trainer = load(name, fast=told_fast(os.environ))
    imported = time.perf_counter() - started
    tell(events, event="imported", seconds=imported, versions=trainer.versions())
    for number in range(len(list(folder.glob("problem-*.json")))):
        train_and_tell(events, name, trainer, number, folder)
    tell(events, event="finished")
    events.flush()
    os._exit(0)  # frameworks may hang or abort while they are torn down; everything is written


def train_and_tell(events: TextIO, name: str, trainer: Trainer, number: int, folder: Path) -> None:
    """Train problem-`number`.json of the folder and tell how that ended; its failure is told, not raised."""
    try:
        seconds = train_one(name, trainer, folder / f"problem-{number}.json", folder / f"trace-{number}.npz")
    except NotImplementedError as unable:
        tell(events, event="skipped", problem=number, reason=one_line(str(unable)))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        tell(events, event="failed", problem=number, reason=f"{type(error).__name__}: {one_line(str(error))}")
    else:
        tell(events, event="trained", problem=number, seconds=seconds)


def train_one(name: str, trainer: Trainer, problem_file: Path, trace_file: Path) -> float:
    """Train one problem, save its trace, return the seconds that training took."""
    problem = problem_from_json(json.loads(problem_file.read_text(encoding="utf-8")))
    started = time.perf_counter()
    steps = list(trainer.train(problem))
    seconds = time.perf_counter() - started
    trace = Trace.record(problem, steps, implementation=name, environment=environment(trainer))
    save_trace(trace, trace_file)
    return seconds


def environment(trainer: Trainer) -> dict[str, str]:
    """Versions, platform, device and whether many steps were taken in one call, for the trace."""
    import platform

    ran_on = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": os.environ.get(VARIABLE, CPU),
    }
    training = {TRAINING: FAST} if told_fast(os.environ) else {}
    return {**ran_on, **training, **trainer.versions()}


def private_events() -> TextIO:
    """A stream to the parent that nothing else writes to; file descriptor 1 then leads to standard error."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "w", encoding="utf-8")


def tell(events: TextIO, **event: Any) -> None:
    """Send one event."""
    events.write(json.dumps(event) + "\n")
    events.flush()


def exit_with_parent() -> None:
    """End this process and its children when the parent's end of standard input closes: none outlives its parent."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def one_line(text: str) -> str:
    """`text` with every run of white space made one space."""
    return " ".join(text.split())


if __name__ == "__main__":
    main()
