"""What the report of a 20-step run costs: `compare regression` without and with --report, in turns; medians.

python benchmarks/report_seconds.py [ROUNDS [NAME,...]]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

from comparisons.implementations import NAMES


def seconds(*arguments: str) -> float:
    """How long one run of the command takes, from its start to its end."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "comparisons.cli", "compare", "regression", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(rounds: int, names: str) -> None:
    """Both in turns, so that what else the machine does falls on both."""
    plain, reported = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            plain.append(seconds("--against", names))
            reported.append(seconds("--against", names, "--report", folder))
    apart = [more - less for less, more in zip(plain, reported, strict=True)]
    print(f"medians of {rounds} rounds, in seconds: {median(plain):.2f} without, {median(reported):.2f} with a report")
    print(f"the report: {median(apart):.2f} ({min(apart):.2f} to {max(apart):.2f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5, sys.argv[2] if sys.argv[2:] else ",".join(NAMES))
