"""One process per framework: started together, watched, and ended whatever happens."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from comparisons.block_file import block_path, load_block
from comparisons.devices import CPU, device_variables
from comparisons.fast import fast_variables
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.problem_file import write_problem
from comparisons.streaming import Stream
from problems.problem import Problem
from problems.trace import Trace, TraceError
from problems.trace_file import load_trace

TAIL_LINES, TAIL_COLUMNS = 5, 300
GRACE = 5.0  # seconds for a worker that has closed its pipe to end by itself
LONGEST_EVENT = 64 * 2**20  # bytes; a line longer than this is no event
WORKER_VARIABLES = {
    "OMP_NUM_THREADS": "1",  # networks this small only lose by threads, and workers share the processors
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "NVIDIA_TF32_OVERRIDE": "0",  # float32 means float32 on a GPU too
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",  # and on a CPU that multiplies in bfloat16
    "PYTHONUNBUFFERED": "1",
}

Progress = Callable[[str, str], None]  # implementation, what it is doing


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


class WorkerProcess:
    """A running worker: its pipe, its log and what it has told so far."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.events: list[dict[str, Any]] = []
        self.blocks: deque[dict[str, Any]] = deque()  # told of and not taken
        self.started = time.monotonic()
        self.stopped: str | None = None
        self._unread = b""
        self._status: int | None = None
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def pipe(self) -> Any:
        """Where its events arrive."""
        return self.process.stdout

    def read(self) -> list[dict[str, Any]] | None:
        """The events that have arrived, or None when the pipe is closed. Lines that are no events are dropped."""
        data = os.read(self.pipe.fileno(), 65536)
        if not data:
            return None
        *lines, rest = (self._unread + data).split(b"\n")
        self._unread = rest if len(rest) <= LONGEST_EVENT else b""
        arrived = [event for event in map(_event, lines) if event is not None]
        for event in arrived:
            (self.blocks if event["event"] == "block" else self.events).append(event)
        return arrived

    def taken(self) -> None:
        """Say that a block has been dealt with; its time runs anew from here."""
        self.started = time.monotonic()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            os.write(self.process.stdin.fileno(), b"\n")

    def end(self) -> int:
        """Kill it and its children, or what is left of them; its exit status."""
        if self._status is not None:
            return self._status
        self._kill_group()
        self._status = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return self._status

    def stop(self, reason: str) -> None:
        """Kill it for `reason`, which is how it ended then."""
        self.stopped = self.stopped or reason
        self.blocks.clear()
        self._kill_group()

    def kill_orphans(self) -> None:
        """Where it has ended, kill the children it left: they may hold its pipe open, which would never run dry."""
        if self.process.poll() is not None:
            self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def tail(self) -> str:
        """The last lines it wrote to standard error, in one line."""
        lines = [
            line.strip() for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
        ]
        cut = (line[:TAIL_COLUMNS] for line in lines[-TAIL_LINES:])
        printable = ("".join(c if c.isprintable() else "?" for c in line) for line in cut)
        return " | ".join(printable)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


@contextmanager
def ended(workers: Mapping[str, WorkerProcess]) -> Iterator[None]:
    """However the block is left, Ctrl-C included, no worker outlives it."""
    try:
        yield
    finally:
        for worker in workers.values():
            worker.end()


def python_command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules: this Python, with nothing of the current folder on its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def process_environment() -> dict[str, str]:
    """Variables for a worker, and a PYTHONPATH that leads to this very checkout where it is not installed."""
    root = str(Path(__file__).resolve().parent.parent)
    if root in sysconfig.get_paths().values():
        return dict(WORKER_VARIABLES)  # site-packages, which must not come before the standard library
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**WORKER_VARIABLES, "PYTHONPATH": path}


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
    """Train every problem with every framework named, each framework in a process of its own, all at once.

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
) -> Iterator[Iterator[Arrival]]:
    """The same, started when the block begins: it may do work of its own, and takes each outcome as it arrives."""
    with tempfile.TemporaryDirectory(prefix="backproof-") as top:
        workers: dict[str, WorkerProcess] = {}
        with ended(workers):
            for name in names:
                workers[name] = _start(name, problems, Path(top) / name, device, fast, streams or {})
                progress(name, "importing")
            yield _arriving(workers, len(problems), timeout, progress, streams or {})


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


def started(module: str, name: str, folder: Path, device: str = CPU, *, fast: bool = False) -> WorkerProcess:
    """A process of ours, running `module`, that trains with implementation `name`, on `device` where it can.

    fast: many steps in one call where it can.
    """
    one = IMPLEMENTATIONS[name]
    placed = device_variables(one.device_for(device), os.environ)
    environment = {**process_environment(), **placed, **fast_variables(name, fast), **one.environment}
    return WorkerProcess(python_command(module, name, str(folder)), folder, environment)


def watch(workers: Mapping[str, WorkerProcess], timeout: float, progress: Progress) -> dict[str, str]:
    """Read events until every worker has ended or run out of time; how each ended."""
    return {name: end for name, end in news(workers, timeout, progress) if end is not None}


def news(workers: Mapping[str, WorkerProcess], timeout: float, progress: Progress) -> Iterator[tuple[str, str | None]]:
    """The name of a worker whenever it has told something, and once with how it ended or that its time ran out."""
    with selectors.DefaultSelector() as selector:
        for name, worker in workers.items():
            selector.register(worker.pipe, selectors.EVENT_READ, name)
        while watched := {key.data: key.fileobj for key in selector.get_map().values()}:
            ready = {key.data for key, _ in selector.select(timeout=0.2)}
            for name, pipe in watched.items():
                end = _read(name, workers[name], progress) if name in ready else None
                end = end or _overdue(name, workers[name], timeout, progress)
                if end is not None:
                    selector.unregister(pipe)
                if end is not None or name in ready:
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


def ending(worker: WorkerProcess) -> str:
    """How a worker ended that closed its pipe."""
    try:
        worker.process.wait(GRACE)
    except subprocess.TimeoutExpired:
        worker.end()
        return "closed its pipe and did not end"
    status = worker.end()
    if worker.stopped:
        return worker.stopped
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def _arriving(
    workers: Mapping[str, WorkerProcess], count: int, timeout: float, progress: Progress, streams: Streams
) -> Iterator[Arrival]:
    """An outcome as soon as it is told; a problem nothing was told of was lost to the way its worker ended."""
    left = {name: dict.fromkeys(range(count)) for name in workers}
    for name, end in news(workers, timeout, progress):
        worker = workers[name]
        take_blocks(name, worker, streams)
        imported = next((_seconds(event) for event in worker.events if event["event"] == "imported"), None) or 0.0
        for number in list(left[name]):
            event = told(worker.events, number)
            if event is not None or end is not None:
                del left[name][number]
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
