"""What recording into a folder takes: peak memory of the command and of its worker, and time, for more and more steps.

`python benchmarks/recording.py --with jax --steps 10000 100000` prints a line for each. The process that writes is
the worker of a framework, and the command itself where the implementation is by hand.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from problems.trace_store import open_trace


def peak(process: psutil.Process) -> float:
    """The most memory that a process has had so far, in MiB; 0 where it has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, and the peaks of the process and of its largest child in MiB, of one command."""
    started = time.perf_counter()
    parent, child = 0.0, 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            parent = max(parent, peak(process))
            child = max([child, *map(peak, process.children(recursive=True))])
            time.sleep(0.05)
    if running.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} left with {running.returncode}")
    return time.perf_counter() - started, parent, child


def main() -> None:
    """A line for each number of steps, of recording and of auditing what was recorded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with", dest="name", default="manual-scalar")
    parser.add_argument("--steps", type=int, nargs="+", default=[10_000, 100_000])
    asked = parser.parse_args()
    python = [sys.executable, "-P", "-m", "comparisons.cli"]
    for steps in asked.steps:
        with tempfile.TemporaryDirectory() as top:
            folder = str(Path(top) / "trace.zarr")
            record = [*python, "record", "regression", "--epochs", str(steps // 4), "--with", asked.name, "-o", folder]
            seconds, parent, child = measured(record)
            trained = open_trace(folder).seconds["train"]
            print(
                f"record {asked.name} {steps} steps: {seconds:.1f} s, of which {trained:.1f} s train "
                f"({trained / steps * 1e6:.1f} us a step); peak {parent:.0f} MiB, worker {child:.0f} MiB"
            )
            seconds, parent, _ = measured([*python, "audit", folder])
            print(f"audit {steps} steps: {seconds:.1f} s; peak {parent:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
