"""The process in which one implementation trains: request in a file, traces in files, events on a private pipe.

Run as `python -P -m comparisons.worker NAME FOLDER`. FOLDER holds problem-0, problem-1, ...;
trace-0.npz, ... are written beside them. Events are JSON, one a line, on what was standard output;
standard output itself is turned into standard error, so whatever a framework prints cannot disturb them.

Where a plan-0.json stands beside a problem, its training is handed over as it runs: block-0-0, block-0-1, ..., each
told of once it is written. The parent removes a block when it is done with it, and says so by a line on standard input.
No more than MOST_WAITING blocks wait for that, so that neither memory nor disk grows with the training.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from comparisons.block_file import block_path, save_block
from comparisons.devices import CPU, VARIABLE
from comparisons.fast import told_fast
from comparisons.implementations import Trainer, load, unable
from comparisons.problem_file import read_problem
from comparisons.streaming import Plan, Recording, block_length
from problems.problem import Problem
from problems.trace import Trace
from problems.trace_file import save_trace
from problems.training_ways import FAST, TRAINING

MOST_WAITING = 2  # blocks: one is judged while the next is written


def main() -> None:
    """Train every problem in the folder, telling about each as it ends; one that fails does not stop the next."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    events = private_events()
    room = threading.Semaphore(MOST_WAITING)
    exit_with_parent(room)
    trainer, _ = import_and_tell(events, name)
    for number in range(len(list(folder.glob("problem-*")))):
        if (folder / f"plan-{number}.json").exists():
            stream_and_tell(events, name, trainer, number, folder, room)
        else:
            train_and_tell(events, name, trainer, number, folder)
    tell(events, event="finished")
    events.flush()
    os._exit(0)  # frameworks may hang or abort while they are torn down; everything is written


def import_and_tell(events: TextIO, name: str) -> tuple[Trainer, float]:
    """The implementation with everything that it imports, and the seconds that took, which are told.

    What is made meanwhile lasts as long as the process. To look through it for garbage takes a fifth of an import, and
    time again in every training: the collector is off until then, and leaves it out from then on.
    """
    started = time.perf_counter()
    gc.disable()
    trainer = load(name, fast=told_fast(os.environ))
    gc.freeze()
    gc.enable()
    seconds = time.perf_counter() - started
    tell(events, event="imported", seconds=seconds)
    return trainer, seconds


def train_and_tell(events: TextIO, name: str, trainer: Trainer, number: int, folder: Path) -> None:
    """Train problem `number` of the folder and tell how that ended; its failure is told, not raised."""
    with failures_told(events, number, name):
        seconds = train_one(name, trainer, number, folder)
        tell(events, event="trained", problem=number, seconds=seconds)


@contextmanager
def failures_told(events: TextIO, number: int, name: str) -> Iterator[None]:
    """Whatever ends the training of problem `number` with implementation `name` is told, not raised."""
    try:
        yield
    except NotImplementedError as why:
        tell(events, event="skipped", problem=number, reason=one_line(unable(name, why)))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        tell(events, event="failed", problem=number, reason=f"{type(error).__name__}: {one_line(str(error))}")


def train_one(name: str, trainer: Trainer, number: int, folder: Path) -> float:
    """Train one problem, save its trace, return the seconds that training took."""
    problem = read_problem(number, folder)
    recording = Recording(problem, Plan(length=block_length(problem)), trainer.train)
    trace = Trace.record(problem, recording.blocks(), implementation=name, environment=environment(trainer, problem))
    save_trace(trace, folder / f"trace-{number}.npz")
    return recording.seconds


def stream_and_tell(
    events: TextIO, name: str, trainer: Trainer, number: int, folder: Path, room: threading.Semaphore
) -> None:
    """The same, handing its steps over as its plan has it; `room` is what the parent makes."""
    with failures_told(events, number, name):
        plan = Plan(**json.loads((folder / f"plan-{number}.json").read_text(encoding="utf-8")))
        problem = read_problem(number, folder)
        recording = Recording(problem, plan, trainer.train)
        for block, steps in enumerate(recording):
            room.acquire()
            save_block(steps, block_path(folder, number, block))
            tell(events, event="block", problem=number, block=block)
        ran_on = environment(trainer, problem)
        tell(events, event="trained", problem=number, seconds=recording.seconds, environment=ran_on)


def environment(trainer: Trainer, problem: Problem) -> dict[str, str]:
    """Versions, platform, device and whether many steps were taken in one call, for the trace of `problem`."""
    import platform

    ran_on = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": os.environ.get(VARIABLE, CPU),
    }
    training = {TRAINING: FAST} if told_fast(os.environ) else {}
    return {**ran_on, **training, **trainer.versions(problem)}


def private_events() -> TextIO:
    """A stream to the parent that nothing else writes to; file descriptor 1 then leads to standard error."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "w", encoding="utf-8")


def tell(events: TextIO, **event: Any) -> None:
    """Send one event."""
    events.write(json.dumps(event) + "\n")
    events.flush()


def exit_with_parent(room: threading.Semaphore | None = None) -> None:
    """End this process and its children when the parent's end of standard input closes: none outlives its parent.

    room: what each line that arrives there until then makes.
    """

    def watch() -> None:
        while data := os.read(0, 4096):
            if room is not None and (lines := data.count(b"\n")):
                room.release(lines)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def one_line(text: str) -> str:
    """`text` with every run of white space made one space."""
    return " ".join(text.split())


if __name__ == "__main__":
    main()
