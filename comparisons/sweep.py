"""Learning rates side by side: all trained at once as an ensemble, each with a verdict.

The manual formulas run on all rates in one call. F(e) is the loss over all rows after e epochs, F(0) before
training, the same for every rate. It does not depend on which rows an epoch happened to use, so it is what the
verdicts are about. The first that fits:

    diverges    a loss is not finite, or F ends more than 1 % of F(0) above F(0)
    overshoots  F rises by more than 1 % of F(0) in some epoch, but does not diverge
    slow        F falls by less than half of what it falls at the best of the rates, or by less than 1 % of F(0)
    converges   none of these

The best of the rates is the one that does not diverge whose F ends lowest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from comparisons.computed import require_computed
from comparisons.ensemble_epochs import ensemble_epochs
from manual.network import forward, loss_routes
from manual.penalty import penalty
from problems.problem import Array, Problem

MARGIN = 0.01  # of F(0): what a loss may rise, and what it must fall to have learned anything
HALF = 0.5  # of the best rate's fall


class Descent(StrEnum):
    """What became of one learning rate."""

    CONVERGES = "converges"
    SLOW = "slow"
    OVERSHOOTS = "overshoots"
    DIVERGES = "diverges"


@dataclass(frozen=True, kw_only=True, eq=False)
class Tried:
    """One learning rate.

    losses: F(0), F(1), ..., over all rows; averages: the average loss of each epoch as `compare` prints it, each loss
    taken before its own update; converged: whether it stopped because its updates were below the tolerance.
    """

    rate: float
    losses: Array
    averages: Array
    verdict: Descent
    converged: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """All rates of one problem, in rising order; tolerance: where each rate was to stop, or None."""

    problem: Problem
    tried: tuple[Tried, ...]
    tolerance: float | None = None

    @property
    def start(self) -> float:
        """F(0), the loss over all rows before training."""
        return float(self.tried[0].losses[0])

    @property
    def best_fall(self) -> float:
        """How far F falls at the best of the rates; 0 where none makes it fall."""
        staying = (tried for tried in self.tried if tried.verdict is not Descent.DIVERGES)
        return max((float(tried.losses[0] - tried.losses[-1]) for tried in staying), default=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Epoch:
    """One epoch of the ensemble: everything (rates,).

    loss: over all rows after it; average: over its steps; finite: whether every one of its losses is;
    largest: the largest ‖learning_rate · ∇L‖₂ of its steps, where there is a tolerance for it.
    """

    loss: Array
    average: Array
    finite: Array
    largest: Array | None


def sweep(problem: Problem, rates: Sequence[float], tolerance: float | None = None) -> Sweep:
    """Train `problem` at every one of `rates` at once.

    tolerance: each rate stops after its own first epoch in which ‖learning_rate · ∇L‖₂ < tolerance at every step.
    Raises ProblemError for a rate that the problem's dtype cannot hold, and for a dtype that is for storage.
    """
    require_computed("a sweep", problem)
    for rate in (min(rates), max(rates)):
        problem.changed(optimizer=replace(problem.optimizer, learning_rate=rate))
    epochs: list[Epoch] = []
    length = np.full(len(rates), problem.epochs)  # epochs until each rate stops
    for number, epoch in enumerate(_epochs(problem, rates, tolerance), 1):
        epochs.append(epoch)
        if tolerance is not None and epoch.largest is not None:
            length = np.where(epoch.largest < tolerance, np.minimum(length, number), length)
            if ((length <= number) | ~epoch.finite).all():
                break
    stopped = np.minimum(length, len(epochs))
    return Sweep(problem=problem, tried=_judged(problem, rates, epochs, stopped, tolerance), tolerance=tolerance)


def _epochs(problem: Problem, rates: Sequence[float], tolerance: float | None) -> Iterator[Epoch]:
    """The ensemble, epoch by epoch."""
    for steps in ensemble_epochs(problem, rates, norms=tolerance is not None):
        after = full_loss(problem, steps.parameters)
        with np.errstate(all="ignore"):  # a rate that diverges overflows
            average = steps.losses.mean(axis=0)
        yield Epoch(
            loss=after,
            average=average,
            finite=np.isfinite(steps.losses).all(axis=0) & np.isfinite(after),
            largest=None if steps.norms is None else steps.norms.max(axis=0),
        )


def full_loss(problem: Problem, parameters: dict[str, Array]) -> Array:
    """The loss over all rows, (rates,) where parameters have a leading axis of rates."""
    route, *_ = loss_routes(problem.network, problem.loss)
    with np.errstate(all="ignore"):
        _, cache = forward(problem.network, parameters, problem.x)
        loss = route.loss(problem.y, cache.z[-1])
        return np.asarray(loss + penalty(parameters, problem.l2) if problem.l2 else loss, dtype=np.float64)


def _judged(
    problem: Problem, rates: Sequence[float], epochs: list[Epoch], stopped: Array, tolerance: float | None
) -> tuple[Tried, ...]:
    start = float(full_loss(problem, dict(problem.initial)))
    losses = np.stack([np.full(len(rates), start), *(epoch.loss for epoch in epochs)])  # (epochs + 1, rates)
    averages = np.stack([epoch.average for epoch in epochs])
    finite = np.stack([epoch.finite for epoch in epochs])
    histories = [losses[: stop + 1, k] for k, stop in enumerate(stopped)]
    verdicts = descents(histories, [bool(finite[:stop, k].all()) for k, stop in enumerate(stopped)])
    return tuple(
        Tried(
            rate=rate,
            losses=histories[k],
            averages=averages[: stopped[k], k],
            verdict=verdicts[k],
            converged=_below(epochs[stopped[k] - 1].largest, k, tolerance),
        )
        for k, rate in enumerate(rates)
    )


def _below(largest: Array | None, k: int, tolerance: float | None) -> bool:
    return largest is not None and tolerance is not None and bool(largest[k] < tolerance)


def descents(histories: Sequence[Array], finite: Sequence[bool]) -> list[Descent]:
    """The verdict of each history F(0), F(1), ...; `finite` tells whether all losses on the way were."""
    diverging = [not ok or diverges(losses) for losses, ok in zip(histories, finite, strict=True)]
    falls = [float(losses[0] - losses[-1]) for losses, bad in zip(histories, diverging, strict=True) if not bad]
    best = max(falls, default=0.0)
    return [
        Descent.DIVERGES if bad else _bounded_descent(losses, best)
        for losses, bad in zip(histories, diverging, strict=True)
    ]


def diverges(losses: Array) -> bool:
    """Whether F is not finite somewhere, or ends more than MARGIN · F(0) above F(0)."""
    return not (np.isfinite(losses).all() and losses[-1] <= losses[0] + MARGIN * losses[0])


def _bounded_descent(losses: Array, best: float) -> Descent:
    start, fall = float(losses[0]), float(losses[0] - losses[-1])
    if np.diff(losses).max() > MARGIN * start:
        return Descent.OVERSHOOTS
    if fall < HALF * best or fall < MARGIN * start:
        return Descent.SLOW
    return Descent.CONVERGES
