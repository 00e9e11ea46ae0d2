"""What the report of a 20-step run costs: `compare regression` without and with --report, in turns; medians.

python benchmarks/report_seconds.py [ROUNDS [NAME,...]]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from comparisons.implementations import NAMES


def seconds(*arguments: str) -> tuple[float, float]:
    """How long one run of the command takes: from its start to its end, and of processors with all its children."""
    started, used = time.perf_counter(), processors()
    command = [sys.executable, "-m", "comparisons.cli", "compare", "regression", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started, processors() - used


def processors() -> float:
    """Seconds of processor time that ended children have used."""
    used = os.times()
    return used.children_user + used.children_system


def main(rounds: int, names: str) -> None:
    """Both in turns, so that what else the machine does falls on both."""
    plain, reported = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            plain.append(seconds("--against", names))
            reported.append(seconds("--against", names, "--report", folder))
    for place, what in enumerate(("from start to end", "of processors")):
        without, with_report = ([one[place] for one in runs] for runs in (plain, reported))
        apart = median(more - less for less, more in zip(without, with_report, strict=True))
        told = f"{median(without):.2f} without, {median(with_report):.2f} with a report, {apart:.2f} apart"
        print(f"seconds {what}, medians of {rounds}: {told}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5, sys.argv[2] if sys.argv[2:] else ",".join(NAMES))
