"""A framework's process that is started once and trains one problem after another."""

from __future__ import annotations

import os
import selectors
import tempfile
import time
from pathlib import Path

from comparisons.devices import CPU
from comparisons.problem_file import write_problem
from comparisons.worker_process import WorkerProcess, ending, started
from comparisons.workers import Outcome, outcome, told
from problems.problem import Problem


class Served:
    """One implementation's process and its folder; a process that has died is started anew for the next problem."""

    def __init__(self, name: str, *, device: str = CPU, fast: bool = False, scratch: Path | None = None) -> None:
        """device, fast: what it trains on, and whether many steps in one call, where it can.

        scratch: where its folder is made, which outlives no campaign even where this process is killed.
        """
        self.name, self.device, self.fast = name, device, fast
        self.folder = tempfile.TemporaryDirectory(prefix="backproof-", dir=scratch)
        self.worker: WorkerProcess | None = None
        self.asked = 0
        self.died = False  # in the last training, and not because its time ran out

    def train(self, problem: Problem, timeout: float) -> Outcome:
        """What the implementation makes of `problem`; timeout: seconds, the import of a process just started too.

        Where the process dies, another tries once more: what killed it may have been meant for all of the machine.
        """
        first = self._trained(problem, timeout)
        return self._trained(problem, timeout) if self.died else first

    def _trained(self, problem: Problem, timeout: float) -> Outcome:
        folder = Path(self.folder.name)
        number, self.asked = self.asked, self.asked + 1
        self.died = False
        write_problem(problem, number, folder)
        if self.worker is None:
            self.worker = started("comparisons.serving", self.name, folder, self.device, fast=self.fast)
        worker = self.worker
        end = self._ask(worker, number, timeout)
        imported = next((event["seconds"] for event in worker.events if event["event"] == "imported"), 0.0)
        result = outcome(worker, told(worker.events, number), number, imported, end)
        worker.events.clear()  # the import counts once, and thousands of problems leave nothing
        for kind in ("problem-{}", "trace-{}.npz"):
            (folder / kind.format(number)).unlink(missing_ok=True)
        return result

    def close(self) -> None:
        """End the process and remove its folder."""
        if self.worker is not None:
            self.worker.end()
        self.folder.cleanup()

    def _ask(self, worker: WorkerProcess, number: int, timeout: float) -> str:
        """Send the number and wait until something is told of it; how the process ended, where it did."""
        try:
            assert worker.process.stdin is not None
            os.write(worker.process.stdin.fileno(), f"{number}\n".encode())  # unbuffered: a lost line leaves nothing
        except BrokenPipeError:
            return self._lost(worker)
        until = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(worker.pipe, selectors.EVENT_READ)
            while told(worker.events, number) is None:
                if time.monotonic() > until:
                    worker.end()
                    self.worker = None
                    return f"still running after {timeout:g} s (--timeout)"
                if selector.select(timeout=0.2) and worker.read() is None:
                    return self._lost(worker)
                worker.kill_orphans()
        return ""

    def _lost(self, worker: WorkerProcess) -> str:
        self.worker = None
        self.died = told(worker.events, self.asked - 1) is None
        return ending(worker)
