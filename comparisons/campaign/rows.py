"""What came of a task, as one row of the table."""

from __future__ import annotations

import time
from typing import Any

from comparisons.campaign.served import Served
from comparisons.campaign.tasks import Task
from comparisons.compare import judged_trace, train_here
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.verdict import Deviation, Result, Verdict
from comparisons.workers import Outcome
from problems.problem import Problem
from problems.records import problem_from_json

Row = dict[str, Any]

_served: dict[str, Served] = {}  # this process's own framework, kept from task to task


def row_of(task: Task, timeout: float) -> Row:
    """Train and audit one task. Nothing an implementation does is raised."""
    begun = time.time()
    problem = problem_from_json(task.problem)
    outcome = outcome_of(task.implementation, problem, timeout)
    return {
        "key": task.key,
        "problem": problem.name,
        "implementation": task.implementation,
        "version": task.version,
        **described(problem),
        **judged(task, outcome),
        "seconds_import": outcome.seconds.get("import"),
        "seconds_train": outcome.seconds.get("train"),
        "begun": begun,
        "rerun": task.rerun,
    }


def outcome_of(name: str, problem: Problem, timeout: float) -> Outcome:
    """By hand here; a framework in its own process, which stays for the next task of the same implementation."""
    if IMPLEMENTATIONS[name].by_hand:
        return train_here(name, problem)
    if name not in _served:
        close_served()
        _served[name] = Served(name)
    return _served[name].train(problem, timeout)


def close_served() -> None:
    """End this process's framework."""
    while _served:
        _served.popitem()[1].close()


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
        "steps": problem.steps,
    }


def judged(task: Task, outcome: Outcome) -> Row:
    """Verdict and what stands behind it."""
    if outcome.trace is None:
        verdict = Verdict.SKIPPED if outcome.skipped else Verdict.CRASHED
        result = Result(name=task.implementation, verdict=verdict, reason=outcome.skipped or outcome.crashed)
    else:
        result = judged_trace(outcome.trace, version=task.version)
    audit = result.audit
    return {
        "verdict": str(result.verdict),
        "carries": audit.carries if audit else None,
        "reason": result.reason,
        "known_deviation": result.known_deviation,
        "compared": audit.compared if audit else 0,
        "not_told": audit.not_told if audit else 0,
        "wrong_steps": audit.wrong_steps if audit else 0,
        **element("worst", audit.worst if audit else None),
        **element("first_wrong", audit.deviations[0] if audit and audit.deviations else None),
        "diagnosis": "; ".join(f"{one.parameter}{list(one.index)} {one.explanation}" for one in result.diagnoses),
        "final_loss": result.epochs[-1] if result.epochs else None,
        "seconds_audit": result.seconds.get("audit"),
    }


def element(what: str, deviation: Deviation | None) -> Row:
    """The columns of one element; empty where there is none."""
    keys = ("quantity", "step", "expected", "actual", "bound", "ratio")
    return {f"{what}_{key}": getattr(deviation, key) if deviation else None for key in keys}
