"""Train every implementation on every problem, audit every trace, and put the results side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from comparisons.arithmetic.operands import WORDS
from comparisons.audit import audit
from comparisons.blind_spots import blind_spots
from comparisons.devices import CPU
from comparisons.epochs import epoch_losses
from comparisons.fast import has_fast, trained_fast
from comparisons.implementations import IMPLEMENTATIONS, install_command, installed, load, missing_packages, version
from comparisons.known_deviations import known_deviation
from comparisons.lower_products import products_diagnosed
from comparisons.trace_evidence import diagnosed
from comparisons.verdict import BlindSpots, Comparison, Result, Verdict
from comparisons.workers import Outcome, Progress, train_all, training
from problems.problem import Problem
from problems.trace import Trace

DEFAULT_TIMEOUT = 600.0  # seconds for one framework to import and train


def silent(name: str, doing: str) -> None:
    """Progress that nobody looks at."""


def compare(
    problems: Sequence[Problem],
    names: Sequence[str] = tuple(IMPLEMENTATIONS),
    *,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Progress = silent,
    device: str = CPU,
    fast: bool = False,
) -> list[Comparison]:
    """One Comparison per problem, with one Result per implementation, in the order of `names`.

    timeout: seconds each framework's process may take in all. Frameworks run in processes of their own.
    device: what those frameworks train on that can; the others, those by hand among them, train on the CPU.
    fast: those that can train many steps in one call do.
    """
    present = [name for name in names if installed(name)]
    by_hand = [name for name in present if IMPLEMENTATIONS[name].by_hand]
    frameworks = [name for name in present if name not in by_hand]
    numbers = range(len(problems))
    results = {(name, number): not_installed(name) for name, number in product(names, numbers) if name not in present}
    with training(frameworks, problems, timeout=timeout, progress=progress, device=device, fast=fast) as arriving:
        # While frameworks import and train: what is by hand, then each trace as it arrives.
        for name, number in product(by_hand, numbers):
            results[name, number] = judged(name, problems[number], train_here(name, problems[number]))
        spots = [blind_spots(problem) for problem in problems]
        for name, number, outcome in arriving:
            results[name, number] = judged(name, problems[number], outcome, fast=fast)
    return [
        side_by_side(problem, [results[name, number] for name in names], spots[number])
        for number, problem in enumerate(problems)
    ]


def compared(problem: Problem, results: Sequence[Result]) -> Comparison:
    """The results side by side, with what the audit of this problem could not have noticed."""
    return side_by_side(problem, results, blind_spots(problem))


def side_by_side(problem: Problem, results: Sequence[Result], spots: BlindSpots | None) -> Comparison:
    """The results, with the blind spots of an audit where there was one.

    Where nothing compared could have failed, agreement says nothing: the verdict is blind.
    """
    if not any(result.audit for result in results):
        spots = None
    if spots is not None and spots.total:
        results = [
            replace(result, verdict=Verdict.BLIND) if result.verdict is Verdict.AGREES else result for result in results
        ]
    return Comparison(problem=problem, results=tuple(results), blind_spots=spots)


def trained(
    name: str,
    problem: Problem,
    *,
    timeout: float,
    progress: Progress = silent,
    device: str = CPU,
    fast: bool = False,
) -> Outcome:
    """One implementation on one problem, in a process of its own unless it is by hand."""
    if IMPLEMENTATIONS[name].by_hand:
        return train_here(name, problem)
    return train_all([name], [problem], timeout=timeout, progress=progress, device=device, fast=fast)[name][0]


def train_here(name: str, problem: Problem) -> Outcome:
    """Train an implementation by hand in this process; a failure is its outcome."""
    started = time.perf_counter()
    try:
        trainer = load(name)
        imported = time.perf_counter()
        with np.errstate(all="ignore"):  # a training that diverges is for the audit to judge
            steps = list(trainer.train(problem))
        seconds = {"import": imported - started, "train": time.perf_counter() - imported}
        environment = {"device": CPU, **trainer.versions()}
        return Outcome(
            trace=Trace.record(problem, steps, implementation=name, environment=environment), seconds=seconds
        )
    except NotImplementedError as unable:
        return Outcome(skipped=str(unable))
    except Exception as error:
        return Outcome(crashed=" ".join(f"{type(error).__name__}: {error}".split()))


def not_installed(name: str) -> Result:
    """The result of an implementation whose packages are missing."""
    lacks = " and ".join(missing_packages(name))
    return Result(
        name=name, verdict=Verdict.SKIPPED, reason=f"{lacks} not installed; install with: {install_command(name)}"
    )


def judged(name: str, problem: Problem, outcome: Outcome, *, fast: bool = False) -> Result:
    """The result of what an implementation's training came to; fast: many steps in one call were asked for."""
    if outcome.trace is None:
        return Result(
            name=name,
            verdict=Verdict.SKIPPED if outcome.skipped else Verdict.CRASHED,
            version=version(name),
            reason=outcome.skipped or outcome.crashed,
            fast=fast and has_fast(name),
        )
    return judged_trace(outcome.trace, version=version(name), seconds=outcome.seconds)


def judged_trace(trace: Trace, *, version: str | None, seconds: Mapping[str, float] | None = None) -> Result:
    """The result of auditing `trace`."""
    started = time.perf_counter()
    found = audit(trace)
    diagnoses = products_diagnosed(found) if found.carries in WORDS else diagnosed(trace, found)
    took = {**(seconds or {}), "audit": time.perf_counter() - started}
    return Result(
        name=trace.implementation,
        fast=trained_fast(trace.environment),
        verdict=found.verdict,
        version=version,
        reason="; ".join(found.faults) or None,
        known_deviation=known_deviation(trace, found),
        audit=found,
        diagnoses=diagnoses,
        epochs=epoch_losses(trace.loss, trace.problem.steps_per_epoch) if trace.loss.ndim == 1 else (),
        final={name: values[-1] for name, values in trace.parameters.items() if len(values)},
        seconds=took,
        trace=trace,
    )
