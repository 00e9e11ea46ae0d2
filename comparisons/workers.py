"""One process for each framework: one a processor at a time, what they tell taken as it comes, all ended."""

from __future__ import annotations

import json
import os
import selectors
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from comparisons.block_file import block_path, load_block
from comparisons.devices import CPU
from comparisons.implementations import LONGEST_FIRST
from comparisons.problem_file import write_problem
from comparisons.streaming import Stream
from comparisons.worker_process import WorkerProcess, ended, ending, started
from problems.problem import Problem
from problems.trace import Trace, TraceError
from problems.trace_file import load_trace

PATIENCE = 30.0  # seconds after which a worker holds up no other any more: it may hang, or train for hours
NOTHING: Iterator[None] = iter(())
Progress = Callable[[str, str], None]  # implementation, what it is doing
News = tuple[str, str | None]  # implementation, how its process ended if it has


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One implementation on one problem: a trace, or why there is none.

    A training that was handed over as it ran has no trace either; environment: what such a one ran on.
    """

    trace: Trace | None = None
    skipped: str | None = None
    crashed: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


Arrival = tuple[str, int, Outcome]  # implementation, number of the problem, what came of it
Streams = Mapping[tuple[str, int], Stream]  # by implementation and number of the problem


def train_all(
    names: Sequence[str],
    problems: Sequence[Problem],
    *,
    timeout: float,
    progress: Progress,
    device: str = CPU,
    fast: bool = False,
    streams: Streams | None = None,
) -> dict[str, list[Outcome]]:
    """Train every problem with every framework named, each framework in a process of its own.

    timeout: seconds from its start, or from the last block that it handed over, after which a worker is killed. A
    worker that dies, hangs or prints rubbish costs its own outcomes and no other's. device: what those train on that
    can; fast: those that can train many steps in one call do. streams: the trainings that are handed over as they run.
    """
    with training(
        names, problems, timeout=timeout, progress=progress, device=device, fast=fast, streams=streams
    ) as arriving:
        found = {(name, number): outcome for name, number, outcome in arriving}
    return {name: [found[name, number] for number in range(len(problems))] for name in names}


@contextmanager
def training(
    names: Sequence[str],
    problems: Sequence[Problem],
    *,
    timeout: float,
    progress: Progress,
    device: str = CPU,
    fast: bool = False,
    streams: Streams | None = None,
    meanwhile: Iterator[None] = NOTHING,
) -> Iterator[Iterator[Arrival]]:
    """The same, started when the block begins, which takes each outcome as it arrives.

    meanwhile: the caller's own work, a piece for each item; done where nothing has arrived, and not to its end where
    everything has.
    """
    with tempfile.TemporaryDirectory(prefix="backproof-") as top:
        workers: dict[str, WorkerProcess] = {}
        waiting = deque(sorted(set(names), key=LONGEST_FIRST.index))  # what is started last is soon done

        def start_next() -> None:
            if waiting:
                name = waiting.popleft()
                workers[name] = _start(name, problems, Path(top) / name, device, fast, streams or {})
                progress(name, "importing")

        with ended(workers):
            for _ in range(at_once()):
                start_next()
            for name in waiting:
                progress(name, "waiting")
            yield _arriving(
                names, workers, start_next, news(workers, timeout, progress, meanwhile), len(problems), streams or {}
            )


def at_once() -> int:
    """How many frameworks are begun at once: one for each processor that this process may use, and two at least.

    More of them take each other's caches: all that there are took a tenth more of two processors' time.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(2, processors or 0)


def _start(
    name: str, problems: Sequence[Problem], folder: Path, device: str, fast: bool, streams: Streams
) -> WorkerProcess:
    folder.mkdir()
    for number, problem in enumerate(problems):
        write_problem(problem, number, folder)
        if (name, number) in streams:
            plan = json.dumps(asdict(streams[name, number].plan))
            (folder / f"plan-{number}.json").write_text(plan, encoding="utf-8")
    return started("comparisons.worker", name, folder, device, fast=fast)


def watch(workers: Mapping[str, WorkerProcess], timeout: float, progress: Progress) -> dict[str, str]:
    """Read events until every worker has ended or run out of time; how each ended."""
    return {name: end for name, end in news(workers, timeout, progress) if end is not None}


def news(
    workers: Mapping[str, WorkerProcess], timeout: float, progress: Progress, meanwhile: Iterator[None] = NOTHING
) -> Iterator[News]:
    """The name of a worker whenever it has told something, and once with how it ended or that its time ran out.

    Of one older than PATIENCE now and then without such a reason. Workers may be added between two news; where there
    are none, a piece of the caller's own work is done, as long as there is any.
    """
    known: set[str] = set()
    working = True
    with selectors.DefaultSelector() as selector:
        while True:
            for name in workers.keys() - known:
                selector.register(workers[name].pipe, selectors.EVENT_READ, name)
                known.add(name)
            watched = {key.data: key.fileobj for key in selector.get_map().values()}
            if not watched:
                return
            ready = {key.data for key, _ in selector.select(timeout=0 if working else 0.2)}
            if working and not ready:
                working = any(True for _ in islice(meanwhile, 1))
                ready = {key.data for key, _ in selector.select(timeout=0)}
            for name, pipe in watched.items():
                end = _read(name, workers[name], progress) if name in ready else None
                end = end or _overdue(name, workers[name], timeout, progress)
                if end is not None:
                    selector.unregister(pipe)
                if end is not None or name in ready or workers[name].age > PATIENCE:
                    yield name, end


def _read(name: str, worker: WorkerProcess, progress: Progress) -> str | None:
    """Take in what it has told; how it ended, where that was all."""
    events = worker.read()
    if events is None:
        progress(name, "ended")
        return ending(worker)
    for event in events:
        progress(name, _doing(event))
    return None


def _overdue(name: str, worker: WorkerProcess, timeout: float, progress: Progress) -> str | None:
    """That its time ran out, where it did; one that has ended by itself is left to tell how."""
    if worker.process.poll() is not None:
        worker.kill_orphans()
    elif worker.blocks:
        return None  # it waits for us
    elif time.monotonic() - worker.started > timeout:
        worker.end()
        progress(name, "timed out")
        return f"still running after {timeout:g} s (--timeout)"
    return None


def _doing(event: Mapping[str, Any]) -> str:
    if event["event"] == "recorded":
        return str(event.get("doing"))
    return {"imported": "training", "trained": "trained", "finished": "done"}.get(event["event"], event["event"])


def _arriving(
    names: Sequence[str],
    workers: Mapping[str, WorkerProcess],
    start_next: Callable[[], None],
    told_of: Iterator[News],
    count: int,
    streams: Streams,
) -> Iterator[Arrival]:
    """An outcome as soon as it is told; a problem nothing was told of was lost to the way its worker ended.

    start_next: starts another one, which is then among `workers`; called once of each that has told of every problem,
    or takes longer than PATIENCE.
    """
    left = {name: set(range(count)) for name in names}
    waited_for = set(names)
    for name, end in told_of:
        worker = workers[name]
        take_blocks(name, worker, streams)
        imported = next((_seconds(event) for event in worker.events if event["event"] == "imported"), None) or 0.0
        events = {number: told(worker.events, number) for number in sorted(left[name])}
        arrived = {number: event for number, event in events.items() if event is not None or end is not None}
        left[name] -= arrived.keys()
        if name in waited_for and (not left[name] or worker.age > PATIENCE):
            waited_for.remove(name)
            start_next()
        for number, event in arrived.items():
            streamed = (name, number) in streams
            yield name, number, outcome(worker, event, number, imported, end or "", streamed=streamed)
        if not any(left.values()):
            return  # how long they take to end is nobody's time


def take_blocks(name: str, worker: WorkerProcess, streams: Streams) -> None:
    """Hand every block that a worker has told of to whoever takes it; one that cannot be read ends the worker."""
    while worker.blocks:
        event = worker.blocks.popleft()
        number, block = (event.get(key) for key in ("problem", "block"))
        if type(number) is not int or type(block) is not int or (name, number) not in streams:
            continue
        path = block_path(worker.folder, number, block)
        try:
            steps = load_block(path)
        except TraceError as error:
            worker.stop(str(error))
            return
        streams[name, number].taker.add(steps)
        path.unlink()
        worker.taken()


def told(events: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any] | None:
    """What was told of a problem first; whatever lacks the fields of its kind was not told by our worker."""
    for event in events:
        told = {"trained": _seconds(event) is not None}.get(event["event"], isinstance(event.get("reason"), str))
        if event["event"] in ("trained", "skipped", "failed") and event.get("problem") == number and told:
            return event
    return None


def _seconds(event: Mapping[str, Any]) -> float | None:
    seconds = event.get("seconds")
    return seconds if isinstance(seconds, float) else None


def outcome(
    worker: WorkerProcess,
    event: Mapping[str, Any] | None,
    number: int,
    imported: float,
    end: str,
    *,
    streamed: bool = False,
) -> Outcome:
    """What came of problem `number`, of which `event` tells; `end` is how the worker ended where nothing does."""
    if event is not None and event["event"] == "skipped":
        return Outcome(skipped=event["reason"])
    if event is None or event["event"] == "failed":
        tail = worker.tail()
        reason = end if event is None else event["reason"]
        return Outcome(crashed=f"{reason}; its last words: {tail}" if tail else reason)
    seconds = {"import": imported, "train": event["seconds"]}
    if streamed:
        return Outcome(seconds=seconds, environment=event.get("environment", {}))
    try:
        trace = load_trace(worker.folder / f"trace-{number}.npz")
    except TraceError as error:
        return Outcome(crashed=f"its trace cannot be read: {error}")
    return Outcome(trace=trace, seconds=seconds)
