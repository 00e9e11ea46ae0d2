"""What recording and auditing costs: microseconds a step of 2-2-1, and steps of PyTorch for one of a large network.

python benchmarks/audit.py [--steps N] [--rounds R] [--threads T ...] [--networks medium ten large]

Small: both lessons by gradient descent and the classification by every optimizer, one row a step, N steps, trained by
hand; recording is what Trace.record takes beyond the training. Large: float32, relu and softmax; a step of a long
training audited as it comes, with its passes compiled and without, and one of PyTorch eager, in turns in one process
for each number of threads, then audit and PyTorch each alone in a process of its own for its peak memory.
Prints two tables in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from statistics import median

from large_networks import SIZES, large_problem

from comparisons import compiled_tensors
from comparisons.audit import RunningAudit, audit
from manual.train import train
from problems.block import stacked
from problems.catalogue import named_problem
from problems.optimizer import SETTINGS, Optimizer
from problems.problem import Problem
from problems.step import Step
from problems.trace import Trace

TURNS = {"medium": 15, "ten": 7, "large": 7}
LONG = 1000  # steps of a training whose passes are worth compiling


def small_problems(steps: int) -> dict[str, Problem]:
    """By what is shown: both lessons in both dtypes, and each optimizer that remembers."""
    found = {}
    for lesson in ("regression", "classification"):
        for dtype in ("float64", "float32"):
            found[f"{lesson} | sgd | {dtype}"] = named_problem(lesson).changed(dtype=dtype)
    for name in SETTINGS:
        if name != "sgd":
            optimizer = Optimizer(name=name, learning_rate=0.001)
            found[f"classification | {name} | float64"] = named_problem("classification").changed(optimizer=optimizer)
    return {name: one.changed(epochs=max(1, steps // len(one.x))) for name, one in found.items()}


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def small_costs(problem: Problem) -> tuple[float, float]:
    """Microseconds a step of recording and of the audit."""
    training = 0.0

    def reported() -> Iterator[Step]:
        nonlocal training
        began = time.perf_counter()
        for step in train(problem):
            training += time.perf_counter() - began
            yield Step(rows=step.rows, loss=step.loss, gradients=step.gradients, parameters=step.parameters)
            began = time.perf_counter()

    held: list[Trace] = []
    recorded = timed(lambda: held.append(Trace.record(problem, reported(), implementation="manual-matrix")))
    audited = timed(lambda: audit(held[0]))
    return 1e6 * (recorded - training) / problem.steps, 1e6 * audited / problem.steps


def auditing(problem: Problem, *, compiled: bool = True) -> Callable[[], object]:
    """A function that audits the next step of a long training."""
    long = problem.changed(epochs=LONG)
    running, blocks = RunningAudit(long), stacked(train(long), 1)
    ready = list(islice(blocks, TURNS[problem.name] + 2))

    def audit_next() -> None:
        compiled_tensors.WORTH = 0 if compiled else LONG**9
        list(running.add(ready.pop(0)))

    return audit_next


def stepping(problem: Problem, threads: int) -> Callable[[], object]:
    """A function that trains one step in PyTorch eager."""
    import torch

    torch.set_num_threads(threads)
    layers: list[torch.nn.Module] = []
    for n_in, n_out, activation in zip(
        problem.network.sizes, problem.network.units, problem.network.activations, strict=False
    ):
        layers += [torch.nn.Linear(n_in, n_out), *([torch.nn.ReLU()] if activation == "relu" else [])]
    model, criterion = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.tensor(problem.x), torch.tensor(problem.y)

    def step() -> None:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

    return step


def in_turns(name: str, threads: int) -> dict[str, float]:
    """Seconds of an audited step and of PyTorch's, medians."""
    problem = large_problem(name)
    works = {
        "audit": auditing(problem),
        "uncompiled": auditing(problem, compiled=False),
        "torch": stepping(problem, threads),
    }
    taken: dict[str, list[float]] = {key: [] for key in works}
    for turn in range(TURNS[name] + 1):
        for key, work in works.items():
            for _ in range(3 if key == "torch" else 1):
                seconds = timed(work)
                if turn:
                    taken[key].append(seconds)
    return {key: median(values) for key, values in taken.items()}


def peak(name: str, which: str, threads: int) -> dict[str, float]:
    """Megabytes that one of the two takes at most, imports and the recorded step included."""
    problem = large_problem(name)
    work = auditing(problem) if which == "audit" else stepping(problem, threads)
    for _ in range(2):
        work()
    return {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def alone(threads: int, *arguments: str) -> dict[str, float]:
    """What this file prints in a process of its own with that many threads."""
    variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [sys.executable, __file__, "--threads", str(threads), "--alone", *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def large_rows(names: Iterable[str], threads: Iterable[int]) -> Iterable[str]:
    """One row of the table for each network and number of threads."""
    for name in names:
        megabytes = {which: alone(1, name, which)["megabytes"] for which in ("audit", "torch")}
        for count in threads:
            taken = alone(count, name, "turns")
            yield (
                f"| {name} {'-'.join(map(str, SIZES[name][0]))}, batch {SIZES[name][1]} | {count} "
                f"| {1e3 * taken['audit']:,.0f} | {1e3 * taken['uncompiled']:,.0f} | {1e3 * taken['torch']:,.1f} "
                f"| {taken['audit'] / taken['torch']:.1f} | {taken['uncompiled'] / taken['torch']:.1f} "
                f"| {megabytes['audit']:,.0f} | {megabytes['torch']:,.0f} |"
            )


def main() -> None:
    """Both tables, or one measurement for a process that asks for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--networks", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--alone", nargs=2)
    options = parser.parse_args()
    if options.alone:
        name, what = options.alone
        threads = options.threads[0]
        print(json.dumps(in_turns(name, threads) if what == "turns" else peak(name, what, threads)))
        return
    problems = small_problems(options.steps)
    rounds = [{name: small_costs(problem) for name, problem in problems.items()} for _ in range(options.rounds)]
    print("| lesson | optimizer | dtype | recording, µs a step | audit, µs a step |\n|---|---|---|--:|--:|")
    for name in problems:
        recording, audited = (median(one[name][k] for one in rounds) for k in (0, 1))
        print(f"| {name} | {recording:.1f} | {audited:.1f} |")
    print(
        "\n| network | threads | audit, ms | uncompiled, ms | PyTorch, ms | steps of PyTorch | uncompiled "
        "| audit, MB | PyTorch, MB |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in large_rows(options.networks, options.threads):
        print(row, flush=True)


if __name__ == "__main__":
    main()
