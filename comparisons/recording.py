"""Recording into a folder: every step is kept as it comes, and a training that was killed goes on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.devices import CPU
from comparisons.fast import has_fast
from comparisons.implementations import IMPLEMENTATIONS, Trainer, load, unable
from comparisons.problem_file import write_problem
from comparisons.streaming import block_length
from comparisons.worker import one_line
from comparisons.worker_process import WorkerProcess, ended, started
from comparisons.workers import Progress, told, watch
from problems.block import TraceError, stacked
from problems.problem import Problem
from problems.trace_store import open_trace
from problems.trace_writer import TraceWriter

AT_ONCE = 64  # steps that are stacked before they are looked at, fewer of a large network
TOLD_EVERY = 0.5  # seconds
TARGET = "folder.txt"  # where a worker reads what folder to record into

Telling = Callable[[str], None]


class NotRecorded(Exception):
    """Why an implementation did not train to the end; the message is one line."""


def recorded(
    name: str, problem: Problem, folder: Path, *, timeout: float, progress: Progress, device: str, fast: bool = False
) -> int:
    """Train `problem` to its end with one implementation, its trace in `folder`; how many steps were there before.

    timeout: seconds for a framework's process; fast: many steps in one call where it can. Raises TraceError where the
    folder holds anything else or cannot be written, NotRecorded where the implementation fails; what it reported until
    then is kept.
    """
    with TraceWriter(folder, problem, name, fast=fast and has_fast(name)) as writer:
        before = writer.steps
    if IMPLEMENTATIONS[name].by_hand:
        record_here(name, problem, folder, progress)
    else:
        record_in_worker(name, problem, folder, timeout, progress, device, fast)
    return before


def record_here(name: str, problem: Problem, folder: Path, progress: Progress) -> None:
    """Train an implementation by hand in this process."""
    started = time.perf_counter()
    trainer = load(name)
    imported = time.perf_counter() - started
    environment = {"device": CPU, **trainer.versions(problem)}
    try:
        with TraceWriter(folder, problem, name, environment) as writer, np.errstate(all="ignore"):
            record(writer, trainer, imported, lambda doing: progress(name, doing))
    except (TraceError, OSError):
        raise
    except NotImplementedError as why:
        raise NotRecorded(unable(name, why)) from None
    except Exception as error:
        raise NotRecorded(one_line(f"{type(error).__name__}: {error}") + kept(folder)) from None


def record(writer: TraceWriter, trainer: Trainer, imported: float, tell: Telling) -> None:
    """Train what is left and write it; imported: seconds that importing took."""
    problem = writer.to_train()
    how_far = HowFar(problem.begin, problem.begin + problem.steps, tell)
    for block in stacked(trainer.train(problem), min(AT_ONCE, block_length(problem))):
        writer.append(block)
        how_far.done(writer.reported)
    writer.complete({"import": imported})


class HowFar:
    """How many of the steps are done, with an estimate of what is left, told now and then."""

    def __init__(self, begin: int, steps: int, tell: Telling) -> None:
        self.begin, self.steps, self.tell = begin, steps, tell
        self.started = self.told = time.monotonic()

    def done(self, steps: int) -> None:
        """Tell, unless that was just done."""
        now = time.monotonic()
        if now - self.told > TOLD_EVERY:
            self.told = now
            left = (self.steps - steps) * (now - self.started) / (steps - self.begin)
            self.tell(f"{steps:,} of {self.steps:,} steps, about {left:.0f} s left")


def record_in_worker(
    name: str, problem: Problem, folder: Path, timeout: float, progress: Progress, device: str, fast: bool
) -> None:
    """Train with a framework, in a process of its own that writes the trace itself."""
    with tempfile.TemporaryDirectory(prefix="backproof-") as top:
        write_problem(problem, 0, Path(top))
        (Path(top) / TARGET).write_text(str(folder), encoding="utf-8")
        worker = started("comparisons.recording_worker", name, Path(top), device, fast=fast)
        with ended({name: worker}):
            progress(name, "importing")
            end = watch({name: worker}, timeout, progress)[name]
        require_trained(worker, end, folder)


def require_trained(worker: WorkerProcess, end: str, folder: Path) -> None:
    """Raise TraceError where the worker refused the folder, NotRecorded where it did not train to the end."""
    refused = next((event for event in worker.events if event["event"] == "refused"), None)
    if refused is not None:
        raise TraceError(str(refused.get("reason")))
    event = told(worker.events, 0)
    if event is None or event["event"] != "trained":
        raise NotRecorded(f"{why(worker, event, end)}{kept(folder)}")


def why(worker: WorkerProcess, event: Mapping[str, Any] | None, end: str) -> str:
    """What a worker told, or how it ended, with its last words."""
    if event is not None and event["event"] == "skipped":
        return str(event["reason"])
    reason, tail = end if event is None else event["reason"], worker.tail()
    return f"{reason}; its last words: {tail}" if tail else reason


def kept(folder: Path) -> str:
    """What is left of a training that failed, in words."""
    try:
        steps = open_trace(folder).steps
    except TraceError:
        return ""
    return f"; {steps:,} steps are kept in {folder}, and the same command goes on from there"
