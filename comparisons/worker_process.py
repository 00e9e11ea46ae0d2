"""A process of ours that trains: how it is started, what it tells on its pipe, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from comparisons.devices import CPU, device_variables
from comparisons.fast import fast_variables
from comparisons.implementations import IMPLEMENTATIONS

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


class WorkerProcess:
    """A running worker: its pipe, its log and what it has told so far."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.events: list[dict[str, Any]] = []
        self.blocks: deque[dict[str, Any]] = deque()  # told of and not taken
        self.begun = self.started = time.monotonic()
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

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.begun

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


def started(module: str, name: str, folder: Path, device: str = CPU, *, fast: bool = False) -> WorkerProcess:
    """A process of ours, running `module`, that trains with implementation `name`, on `device` where it can.

    fast: many steps in one call where it can.
    """
    one = IMPLEMENTATIONS[name]
    placed = device_variables(one.device_for(device), os.environ)
    environment = {**process_environment(), **placed, **fast_variables(name, fast), **one.environment}
    return WorkerProcess(python_command(module, name, str(folder)), folder, environment)


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
