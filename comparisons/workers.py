"""One process per framework: started together, watched, and ended whatever happens."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparisons.implementations import IMPLEMENTATIONS
from problems.problem import Problem
from problems.records import problem_to_json
from problems.trace import Trace, TraceError
from problems.trace_file import load_trace

TAIL_LINES = 5
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",  # networks this small only lose by threads, and workers share the processors
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "PYTHONUNBUFFERED": "1",
}

Progress = Callable[[str, str], None]  # implementation, what it is doing


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """One implementation on one problem: a trace, or why there is none."""

    trace: Trace | None = None
    skipped: str | None = None
    crashed: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


class WorkerProcess:
    """A running worker: its pipe, its log and what it has told so far."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.events: list[dict[str, Any]] = []
        self.started = time.monotonic()
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
        *lines, self._unread = (self._unread + data).split(b"\n")
        arrived = [event for event in map(_event, lines) if event is not None]
        self.events += arrived
        return arrived

    def end(self, grace: float = 0.0) -> int:
        """Wait `grace` seconds for it to end by itself, kill what is left of it and its children; exit status."""
        if self._status is not None:
            return self._status
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._status = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return self._status

    def tail(self) -> str:
        """The last lines it wrote to standard error, in one line."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        printable = ("".join(c if c.isprintable() else "?" for c in line) for line in lines[-TAIL_LINES:])
        return " | ".join(printable)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


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
    """Variables for a worker: one thread, and a PYTHONPATH that leads to this very checkout or installation."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**SINGLE_THREAD, "PYTHONPATH": path}


def train_all(
    names: Sequence[str], problems: Sequence[Problem], *, timeout: float, progress: Progress
) -> dict[str, list[Outcome]]:
    """Train every problem with every framework named, each framework in a process of its own, all at once.

    timeout: seconds from its start after which a worker is killed. A worker that dies, hangs or prints rubbish
    costs its own outcomes and no other's.
    """
    with tempfile.TemporaryDirectory(prefix="backproof-") as top:
        workers: dict[str, WorkerProcess] = {}
        with ended(workers):
            for name in names:
                workers[name] = _start(name, problems, Path(top) / name)
                progress(name, "importing")
            ends = watch(workers, timeout, progress)
        return {name: _outcomes(workers[name], ends[name], len(problems)) for name in names}


def _start(name: str, problems: Sequence[Problem], folder: Path) -> WorkerProcess:
    folder.mkdir()
    for number, problem in enumerate(problems):
        text = json.dumps(problem_to_json(problem))
        (folder / f"problem-{number}.json").write_text(text, encoding="utf-8")
    environment = {**process_environment(), **IMPLEMENTATIONS[name].environment}
    return WorkerProcess(python_command("comparisons.worker", name, str(folder)), folder, environment)


def watch(workers: Mapping[str, WorkerProcess], timeout: float, progress: Progress) -> dict[str, str]:
    """Read events until every worker has ended or run out of time; how each ended."""
    ends: dict[str, str] = {}
    with selectors.DefaultSelector() as selector:
        for name, worker in workers.items():
            selector.register(worker.pipe, selectors.EVENT_READ, name)
        while len(ends) < len(workers):
            for key, _ in selector.select(timeout=0.2):
                events = workers[key.data].read()
                if events is None:
                    selector.unregister(key.fileobj)
                    ends[key.data] = _ending(workers[key.data].end(grace=5.0))
                    progress(key.data, "ended")
                for event in events or ():
                    progress(key.data, _doing(event))
            for name, worker in workers.items():
                if name not in ends and time.monotonic() - worker.started > timeout:
                    selector.unregister(worker.pipe)
                    worker.end()
                    ends[name] = f"still running after {timeout:g} s (--timeout)"
                    progress(name, "timed out")
    return ends


def _doing(event: Mapping[str, Any]) -> str:
    return {"imported": "training", "trained": "trained", "finished": "done"}.get(event["event"], event["event"])


def _ending(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def _outcomes(worker: WorkerProcess, end: str, count: int) -> list[Outcome]:
    """One outcome per problem; a problem nothing was told of was lost to the way the worker ended."""
    told = {event["problem"]: event for event in worker.events if "problem" in event}
    imported = next((event["seconds"] for event in worker.events if event["event"] == "imported"), 0.0)
    return [_outcome(worker, told.get(number), number, imported, end) for number in range(count)]


def _outcome(worker: WorkerProcess, event: Mapping[str, Any] | None, number: int, imported: float, end: str) -> Outcome:
    if event is None:
        tail = worker.tail()
        return Outcome(crashed=f"{end}; its last words: {tail}" if tail else f"{end}, without a word")
    if event["event"] == "skipped":
        return Outcome(skipped=event["reason"])
    if event["event"] == "failed":
        return Outcome(crashed=event["reason"])
    try:
        trace = load_trace(worker.folder / f"trace-{number}.npz")
    except TraceError as error:
        return Outcome(crashed=f"its trace cannot be read: {error}")
    return Outcome(trace=trace, seconds={"import": imported, "train": event["seconds"]})
