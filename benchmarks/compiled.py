"""µs a training step, one by one and many in one call (--fast), every step reported; in turns, medians.

python benchmarks/compiled.py [--rounds R] [--network lesson|medium]

Each implementation trains in a process of its own, with the variables that a worker of backproof gets, as its worker
trains it: what it reports of every step is made into NumPy arrays and let go. steady: after the first report, without
compiling; whole: all of a training of as many steps as `of` says, compiling included, importing not. lesson:
classification, 2-2-1, one row a step, float64; medium: 784-512-256-10, batch 128, float32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from statistics import median

from by_hand import problem_called

from comparisons.devices import CPU, device_variables
from comparisons.fast import has_fast
from comparisons.implementations import IMPLEMENTATIONS, installed, load
from comparisons.workers import process_environment
from problems.block import Block
from problems.problem import Problem
from problems.step import Step

FRAMEWORKS = ("torch", "keras-tensorflow", "keras-torch", "keras-jax", "jax")
# Steps of the training that is timed whole, and of the two that are timed after their first report.
WHOLE = {"lesson": 10_000, "medium": 60}
STEADY = {"lesson": {False: 1_000, True: 1_000_000}, "medium": {False: 40, True: 60}}
Timing = tuple[float, float]  # steady, whole: seconds a step


def of_steps(problem: Problem, steps: int) -> Problem:
    """The problem with about so many steps."""
    return problem.changed(epochs=max(1, steps // problem.steps_per_epoch))


def steady(reports: Iterable[Step | Block]) -> float:
    """Seconds a step after the first report."""
    lengths, begun = [], 0.0
    for report in reports:
        lengths.append(report.steps if isinstance(report, Block) else 1)
        begun = begun or time.perf_counter()
    return (time.perf_counter() - begun) / sum(lengths[1:])


def whole(reports: Iterable[Step | Block], steps: int) -> float:
    """Seconds a step of all of it."""
    started = time.perf_counter()
    for _ in reports:
        pass
    return (time.perf_counter() - started) / steps


def timed(name: str, network: str, *, fast: bool) -> Timing:
    """One round of one implementation, in this process."""
    trainer, problem = load(name, fast=fast), problem_called(network)
    short = of_steps(problem, WHOLE[network])
    for _ in trainer.train(of_steps(problem, 8)):  # what a library does once in a process
        pass
    long = of_steps(problem, STEADY[network][fast])
    return steady(trainer.train(long)), whole(trainer.train(short), short.steps)


def measured(name: str, network: str, *, fast: bool) -> Timing:
    """One round of one implementation, in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--network", network, *(["--fast"] if fast else [])]
    placed = device_variables(CPU, os.environ)
    environment = {**os.environ, **process_environment(), **placed, **IMPLEMENTATIONS[name].environment}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found: Timing = tuple(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    """All implementations in turns, then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", choices=WHOLE, default="lesson")
    parser.add_argument("--one", choices=FRAMEWORKS)
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(timed(options.one, options.network, fast=options.fast)))
        return
    ways = [(name, fast) for name in FRAMEWORKS if installed(name) for fast in (False, True)[: 1 + has_fast(name)]]
    rounds = [{way: measured(way[0], options.network, fast=way[1]) for way in ways} for _ in range(options.rounds)]
    print(f"| implementation | steady, µs a step | whole, µs a step of {WHOLE[options.network]:,} |\n|---|--:|--:|")
    for name, fast in ways:
        both = [1e6 * median(one[name, fast][part] for one in rounds) for part in (0, 1)]
        print(f"| {name}{' (fast)' if fast else ''} | {both[0]:,.1f} | {both[1]:,.1f} |")


if __name__ == "__main__":
    main()
