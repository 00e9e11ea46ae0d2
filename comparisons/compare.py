"""Train every implementation on every problem, audit every trace, and put the results side by side."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from comparisons.devices import CPU
from comparisons.epochs import epoch_losses
from comparisons.fast import has_fast
from comparisons.implementations import (
    IMPLEMENTATIONS,
    Trainer,
    install_command,
    installed,
    load,
    missing_packages,
    unable,
    version,
)
from comparisons.streaming import Plan, Recording, Stream, block_length, plan_of
from comparisons.threads import one_thread
from comparisons.verdict import BlindSpots, Comparison, Result, Verdict
from comparisons.workers import Outcome, Progress, train_all, training
from problems.problem import Problem
from problems.trace import Trace
from problems.training_ways import trained_fast

if TYPE_CHECKING:
    from comparisons.judging import Judging

Made = TypeVar("Made")
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
    audit_every: int = 1,
) -> list[Comparison]:
    """One Comparison per problem, with one Result per implementation, in the order of `names`.

    timeout: seconds each framework's process may take in all, or, where its steps are audited as they come, between
    two blocks of them. Frameworks run in processes of their own.
    device: what those frameworks train on that can; the others, those by hand among them, train on the CPU.
    fast: those that can train many steps in one call do.
    audit_every: the first of every so many steps is audited, and the last; those in between are trained only.
    Where that is more than 1, or where a trace would be large (`streaming.MOST_KEPT`), steps are audited as they come,
    and results have no trace.
    """
    present = [name for name in names if installed(name)]
    by_hand = [name for name in present if IMPLEMENTATIONS[name].by_hand]
    frameworks = [name for name in present if name not in by_hand]
    numbers = range(len(problems))
    results = {(name, number): not_installed(name) for name, number in product(names, numbers) if name not in present}
    judging = _streamed(present, problems, audit_every)
    streams = {key: Stream(plan=plan, taker=one) for key, (plan, one) in judging.items()}

    def result(name: str, number: int, outcome: Outcome) -> Result:
        if (name, number) in judging:
            return judged_stream(name, judging[name, number][1], outcome, fast=fast)
        return judged(name, problems[number], outcome, fast=fast)

    spots: dict[int, BlindSpots | None] = {}

    def meanwhile() -> Iterator[None]:
        """What is by hand, and blind spots, piece by piece while frameworks import and train."""
        from comparisons.blind_spots import blind_spots

        for name, number in product(by_hand, numbers):
            stream, problem = streams.get((name, number)), problems[number]
            trained = stream_here(name, problem, stream) if stream else train_here(name, problem)
            results[name, number] = result(name, number, trained)
            yield
        for number, problem in enumerate(problems):
            spots[number] = blind_spots(problem)
            yield

    work = meanwhile()
    with (
        one_thread(problems),
        training(
            frameworks,
            problems,
            timeout=timeout,
            progress=progress,
            device=device,
            fast=fast,
            streams=streams,
            meanwhile=work,
        ) as arriving,
    ):
        for name, number, outcome in arriving:
            results[name, number] = result(name, number, outcome)
        deque(work, maxlen=0)  # what is left of it
    return [
        side_by_side(problem, [results[name, number] for name in names], spots[number])
        for number, problem in enumerate(problems)
    ]


def _streamed(
    names: Sequence[str], problems: Sequence[Problem], every: int
) -> dict[tuple[str, int], tuple[Plan, Judging]]:
    """The trainings that are audited as they run, by implementation and number of the problem: how, and by whom."""
    plans = {number: plan for number, problem in enumerate(problems) if (plan := plan_of(problem, every))}
    if not plans:
        return {}
    from comparisons.judging import Judging

    return {
        (name, number): (plan, Judging(problems[number], name, every=every))
        for name, (number, plan) in product(names, plans.items())
    }


def compared(problem: Problem, results: Sequence[Result]) -> Comparison:
    """The results side by side, with what the audit of this problem could not have noticed."""
    from comparisons.blind_spots import blind_spots

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
    found = _attempted(name, lambda: _trained_here(name, problem))
    return found if isinstance(found, Outcome) else Outcome(trace=found, seconds=found.seconds)


def _trained_here(name: str, problem: Problem) -> Trace:
    started = time.perf_counter()
    trainer = load(name)
    imported = time.perf_counter() - started
    recording = Recording(problem, Plan(length=block_length(problem)), trainer.train)
    trace = Trace.record(problem, recording.blocks(), implementation=name, environment=_environment(trainer, problem))
    return replace(trace, seconds={"import": imported, "train": recording.seconds})


def stream_here(name: str, problem: Problem, stream: Stream) -> Outcome:
    """The same, its steps handed over as they are made, and not kept."""
    started = time.perf_counter()
    trainer = _attempted(name, lambda: load(name))
    if isinstance(trainer, Outcome):
        return trainer
    imported = time.perf_counter() - started
    recording = Recording(problem, stream.plan, trainer.train)
    blocks = iter(recording)
    while block := _attempted(name, lambda: next(blocks, None)):
        if isinstance(block, Outcome):
            return block
        stream.taker.add(block)
    seconds = {"import": imported, "train": recording.seconds}
    return Outcome(seconds=seconds, environment=_environment(trainer, problem))


def _attempted(name: str, do: Callable[[], Made]) -> Made | Outcome:
    """What is made, or the outcome that a failure of implementation `name` is."""
    try:
        with np.errstate(all="ignore"):  # a training that diverges is for the audit to judge
            return do()
    except NotImplementedError as why:
        return Outcome(skipped=unable(name, why))
    except Exception as error:
        return Outcome(crashed=" ".join(f"{type(error).__name__}: {error}".split()))


def _environment(trainer: Trainer, problem: Problem) -> dict[str, str]:
    return {"device": CPU, **trainer.versions(problem)}


def not_installed(name: str) -> Result:
    """The result of an implementation whose packages are missing."""
    lacks = " and ".join(missing_packages(name))
    return Result(
        name=name, verdict=Verdict.SKIPPED, reason=f"{lacks} not installed; install with: {install_command(name)}"
    )


def judged(name: str, problem: Problem, outcome: Outcome, *, fast: bool = False) -> Result:
    """The result of what an implementation's training came to; fast: many steps in one call were asked for."""
    if outcome.trace is None:
        return untrained(name, outcome, fast=fast)
    return judged_trace(outcome.trace, version=version(name), seconds=outcome.seconds)


def untrained(name: str, outcome: Outcome, *, fast: bool) -> Result:
    """The result of an implementation that did not train to its end."""
    return Result(
        name=name,
        verdict=Verdict.SKIPPED if outcome.skipped else Verdict.CRASHED,
        version=version(name),
        reason=outcome.skipped or outcome.crashed,
        fast=fast and has_fast(name),
    )


def judged_stream(name: str, judging: Judging, outcome: Outcome, *, fast: bool = False) -> Result:
    """The same of a training that was judged as it ran; of one that broke off it is said what was found until then."""
    if outcome.crashed:
        outcome = replace(outcome, crashed="; ".join(filter(None, [outcome.crashed, judging.until_then()])))
    if outcome.skipped or outcome.crashed:
        return untrained(name, outcome, fast=fast)
    return judging.result(environment=outcome.environment, version=version(name), seconds=outcome.seconds)


def judged_trace(trace: Trace, *, version: str | None, seconds: Mapping[str, float] | None = None) -> Result:
    """The result of auditing `trace`."""
    from comparisons.arithmetic.operands import WORDS
    from comparisons.audit import audit
    from comparisons.known_deviations import known_deviation
    from comparisons.lower_products import products_diagnosed
    from comparisons.trace_evidence import diagnosed

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
        environment=trace.environment,
        trace=trace,
    )
