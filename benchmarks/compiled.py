"""µs a training step, one by one and many in one call (--fast), every step reported; in turns, medians.

python benchmarks/compiled.py [--rounds R] [--network lesson|medium]

Each implementation trains in a process of its own, with the variables that a worker of backproof gets, as its worker
trains it: what it reports of every step is made into NumPy arrays and let go. steady: after the first report, without
compiling; whole: all of a shorter training, compiling included, importing not. Both in seconds that passed and in
those of the processors, which other work on the machine disturbs less. lesson: classification, 2-2-1, one row a step,
float64; medium: 784-512-256-10, batch 128, float32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np
from by_hand import problem_called

from comparisons.devices import CPU, device_variables
from comparisons.fast import has_fast
from comparisons.implementations import IMPLEMENTATIONS, installed, load
from comparisons.worker_process import process_environment
from problems.block import Block
from problems.problem import Array, Problem
from problems.step import Step

FRAMEWORKS = ("torch", "keras-tensorflow", "keras-torch", "keras-jax", "jax")
# Steps of the training that is timed whole, and of the two that are timed after their first report.
WHOLE = {"lesson": 2_000, "medium": 20}
STEADY = {"lesson": {False: 500, True: 300_000}, "medium": {False: 15, True: 30}}
Timing = list[float]  # seconds a step: steady, of the processors, whole, of the processors


def of_steps(problem: Problem, steps: int) -> Problem:
    """The problem with about so many steps."""
    return problem.changed(epochs=max(1, steps // problem.steps_per_epoch))


def now() -> Array:
    """Seconds that have passed, and that this process took of the processors."""
    return np.array([time.perf_counter(), time.process_time()])


def steady(reports: Iterator[Step | Block]) -> Array:
    """Seconds a step after the first report."""
    next(reports)
    begun = now()
    steps = sum(report.steps if isinstance(report, Block) else 1 for report in reports)
    return (now() - begun) / steps


def whole(reports: Iterator[Step | Block]) -> Array:
    """Seconds a step of all of it."""
    begun = now()
    steps = sum(report.steps if isinstance(report, Block) else 1 for report in reports)
    return (now() - begun) / steps


def timed(name: str, network: str, *, fast: bool) -> Timing:
    """One round of one implementation, in this process."""
    trainer, problem = load(name, fast=fast), problem_called(network)
    whole(trainer.train(of_steps(problem, 8)))  # what a library does once in a process
    long, short = of_steps(problem, STEADY[network][fast]), of_steps(problem, WHOLE[network])
    # Another learning rate is another program: one that is kept would leave compiling out.
    short = short.changed(optimizer=replace(short.optimizer, learning_rate=1.001 * short.optimizer.learning_rate))
    return [*steady(trainer.train(long)), *whole(trainer.train(short))]


def measured(name: str, network: str, *, fast: bool) -> Timing:
    """One round of one implementation, in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--network", network, *(["--fast"] if fast else [])]
    placed = device_variables(CPU, os.environ)
    environment = {**os.environ, **process_environment(), **placed, **IMPLEMENTATIONS[name].environment}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found: Timing = json.loads(done.stdout.splitlines()[-1])
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
    print(f"µs a step; whole: of {WHOLE[options.network]:,} steps\n")
    print("| implementation | steady | of the processors | whole | of the processors |\n|---|--:|--:|--:|--:|")
    for name, fast in ways:
        medians = [1e6 * median(column) for column in zip(*(one[name, fast] for one in rounds), strict=True)]
        print(f"| {name}{' (fast)' if fast else ''} | {' | '.join(f'{value:,.1f}' for value in medians)} |")


if __name__ == "__main__":
    main()
