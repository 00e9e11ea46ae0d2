"""What came of a task, as one row of the table."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from comparisons.blind_spots import total_blindness
from comparisons.campaign.served import Served
from comparisons.campaign.tasks import Task, label
from comparisons.compare import judged_trace, train_here
from comparisons.implementations import IMPLEMENTATIONS, package_version, version
from comparisons.told_mistakes import telling
from comparisons.verdict import BlindSpots, Deviation, Result, Verdict
from comparisons.workers import Outcome
from problems.problem import Problem
from problems.requirements import one_line

Row = dict[str, Any]

_computing = threading.Lock()  # a Dask worker may run tasks in several threads; ball arithmetic has one precision


class Kept(threading.local):
    """The framework that this thread started last, kept from task to task."""

    served: Served | None = None


_kept = Kept()


def row_of(task: Task, timeout: float, scratch: Path | None = None) -> Row:
    """Train and audit one task. Nothing an implementation does is raised.

    timeout: seconds for a framework's training; scratch: where its traces are handed over, this machine's own place
    for temporary files unless it is given.
    """
    begun = time.time()
    problem = task.problem
    return told(task, problem, outcome_of(task, problem, timeout, scratch), begun)


def lost_row(task: Task, reason: str) -> Row:
    """The row of a task that took its process with it."""
    return told(task, task.problem, Outcome(crashed=one_line(reason)), time.time())


def told(task: Task, problem: Problem, outcome: Outcome, begun: float) -> Row:
    """The row of what came of a task."""
    with _computing:
        found = judged(task, problem, outcome)
    return {
        "key": task.key,
        "problem": problem.name,
        "implementation": task.implementation,
        "version": task.version,
        "backproof": backproof_here(),
        **described(problem),
        **found,
        "seconds_import": outcome.seconds.get("import"),
        "seconds_train": outcome.seconds.get("train"),
        "seconds": time.time() - begun,
        "begun": begun,
        "rerun": task.rerun,
    }


def outcome_of(task: Task, problem: Problem, timeout: float, scratch: Path | None) -> Outcome:
    """By hand here; a framework in its own process, which stays for the next task of the same implementation."""
    name = task.implementation
    if version_here(name) != task.version:
        return Outcome(crashed=f"the machine it ran on has {version_here(name)}, the campaign's has {task.version}")
    if IMPLEMENTATIONS[name].by_hand:
        with _computing:
            return train_here(name, problem)
    return served_for(task, scratch).train(problem, timeout)


def served_for(task: Task, scratch: Path | None) -> Served:
    """The framework that this thread holds where it is the task's and trains as the task asks; else one like that."""
    held = _kept.served
    if held is None or (held.name, held.device, held.fast) != (task.implementation, task.device, task.fast):
        close_served()
        held = _kept.served = Served(task.implementation, device=task.device, fast=task.fast, scratch=scratch)
    return held


@cache
def version_here(name: str) -> str:
    """The versions that this process finds; reading them takes as long as a small training."""
    return version(name)


@cache
def backproof_here() -> str:
    """Backproof's own version."""
    return package_version("backproof")


def close_served() -> None:
    """End this thread's framework."""
    if _kept.served is not None:
        _kept.served.close()
        _kept.served = None


def described(problem: Problem) -> Row:
    """The problem's own columns."""
    return {
        "sizes": "-".join(map(str, problem.network.sizes)),
        "activations": " ".join(problem.network.activations),
        "loss": problem.loss,
        "optimizer": problem.optimizer.name,
        "learning_rate": problem.optimizer.learning_rate,
        "dtype": problem.dtype,
        "start": problem.start,
        "order": problem.order,
        "seed": problem.seed,
        "batch_size": problem.batch_size,
        "epochs": problem.epochs,
        "steps": problem.steps,
    }


def judged(task: Task, problem: Problem, outcome: Outcome) -> Row:
    """Verdict and what stands behind it."""
    result = result_of(task, problem, outcome)
    audit = result.audit
    return {
        # By the trace's own word: what was asked for is in the key already.
        "device": result.environment.get("device", task.device),
        "fast": result.fast,
        "verdict": str(result.verdict),
        "carries": audit.carries if audit else None,
        "reason": result.reason,
        "known_deviation": result.known_deviation,
        "compared": audit.compared if audit else 0,
        "not_told": audit.not_told if audit else 0,
        "wrong_steps": audit.wrong_steps if audit else 0,
        **element("worst", audit.worst if audit else None),
        **element("first_wrong", audit.deviations[0] if audit and audit.deviations else None),
        "diagnosis": "; ".join(f"{one.parameter}{list(one.index)} {one.explanation}" for one in telling(result)),
        "final_loss": result.epochs[-1] if result.epochs else None,
        "seconds_audit": result.seconds.get("audit"),
        "seconds_blind": result.seconds.get("blind"),
    }


def result_of(task: Task, problem: Problem, outcome: Outcome) -> Result:
    """What `compare` says of it: agreement where nothing compared could have failed is blind."""
    if outcome.trace is None:
        verdict = Verdict.SKIPPED if outcome.skipped else Verdict.CRASHED
        reason = outcome.skipped or outcome.crashed
        return Result(name=task.implementation, verdict=verdict, reason=reason, fast=task.fast)
    result = judged_trace(outcome.trace, version=task.version)
    if result.verdict is not Verdict.AGREES:
        return result
    started = time.perf_counter()
    spots = total_blindness(problem)
    result = replace(result, seconds={**result.seconds, "blind": time.perf_counter() - started})
    return result if spots is None else replace(result, verdict=Verdict.BLIND, reason=why_blind(spots))


def why_blind(spots: BlindSpots) -> str:
    """The reason of a row that could not have failed, with what makes it so where that is known."""
    causes = f": {'; '.join(spots.causes)}" if spots.causes else ""
    return f"nothing compared could have failed{causes}"


def row_label(row: Row) -> str:
    """The row's implementation where it is shown."""
    return label(row["implementation"], device=row["device"], fast=row["fast"])


def element(what: str, deviation: Deviation | None) -> Row:
    """The columns of one element; empty where there is none."""
    keys = ("quantity", "step", "expected", "actual", "bound", "ratio")
    cells = {f"{what}_{key}": getattr(deviation, key) if deviation else None for key in keys}
    return cells | {f"{what}_index": ",".join(map(str, deviation.index)) if deviation else None}
