"""Four learning rates, each with another fate, and where training stops: found by training, when the page is built."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from comparisons.convergence import until_converged, update_norm
from comparisons.learning_rates import chosen_rates
from comparisons.lesson.steps import nine
from comparisons.sweep import Descent, Sweep, Tried, full_loss, sweep
from manual.train import train
from problems.problem import Optimizer, Problem

RANGE = "1e-6:10:29"
EPOCHS = {"regression": 40, "classification": 400}  # enough for a rate to show what becomes of it
LITTLE = 0.05  # of the good rate's fall: what too small a rate falls at most
CAP = 400  # epochs
TOLERANCES = (0.1, 0.01, 0.001)


def rates_page(problem: Problem) -> dict[str, Any]:
    """The losses of four rates: too small, good, overshooting, diverging."""
    longer = problem.changed(epochs=EPOCHS[problem.name])
    chosen = four(sweep(longer, chosen_rates(RANGE)))
    tried = sweep(longer, [one.rate for one in chosen]).tried
    return {
        "epochs": longer.epochs,
        "tried": [
            {"rate": one.rate, "verdict": one.verdict.value, "losses": finite(one.losses.tolist())} for one in tried
        ],
    }


def four(found: Sweep) -> tuple[Tried, ...]:
    """One rate of each kind.

    Good: the lowest end of those that neither overshoot nor diverge. Too small: the largest below it that falls by
    less than LITTLE of that. Overshooting: the smallest that overshoots and ends above the good one.
    Diverging: the smallest above it that diverges.
    """
    calm = [one for one in found.tried if one.verdict in (Descent.CONVERGES, Descent.SLOW)]
    good = min(calm, key=lambda one: one.losses[-1])
    most = LITTLE * (found.start - good.losses[-1])
    small = [one for one in calm if one.rate < good.rate and found.start - one.losses[-1] < most]
    over = [one for one in found.tried if one.verdict is Descent.OVERSHOOTS and one.losses[-1] > good.losses[-1]]
    away = [one for one in found.tried if one.verdict is Descent.DIVERGES and one.rate > over[0].rate]
    return small[-1], good, over[0], away[0]


def finite(values: list[float]) -> list[float | None]:
    """The numbers, with null for what is infinite or not a number."""
    return [value if np.isfinite(value) else None for value in values]


def stopping_page(problem: Problem) -> dict[str, Any]:
    """How large the largest update of each epoch is, and where each tolerance stops, with CAP epochs at most."""
    longer = problem.changed(epochs=CAP)
    rate = problem.optimizer.learning_rate
    steps = train(longer)
    largest, losses = [], []
    for _ in range(CAP):
        epoch = list(islice(steps, longer.steps_per_epoch))
        largest.append(float(max(update_norm(step.gradients, rate) for step in epoch)))
        losses.append(float(full_loss(longer, dict(epoch[-1].parameters))))
    stops = [until_converged(longer, tolerance) for tolerance in TOLERANCES]
    return {
        "cap": CAP,
        "fixed": {"epochs": problem.epochs, "loss": losses[problem.epochs - 1]},
        "start": float(full_loss(longer, dict(longer.initial))),
        "largest": largest,
        "stops": [
            {
                "tolerance": stop.tolerance,
                "epochs": stop.problem.epochs,
                "converged": stop.converged,
                "loss": losses[stop.problem.epochs - 1],
            }
            for stop in stops
        ],
    }


def descent_path(problem: Problem, rate: float) -> list[list[float]]:
    """The nine parameters at the start and after each epoch at `rate`."""
    longer = problem.changed(epochs=EPOCHS[problem.name], optimizer=Optimizer(learning_rate=rate))
    ends = islice(train(longer), longer.steps_per_epoch - 1, None, longer.steps_per_epoch)
    return [nine(longer.initial), *(nine(step.parameters) for step in ends)]
