"""An ensemble over learning rates, epoch by epoch: number by number where that is faster, else in matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.convergence import update_norm
from manual.network import loss_and_gradients, loss_routes
from manual.optimizers import initial_state, updated
from manual.optimizers.update import settings_as
from manual.recording.ensemble import Ensemble, worthwhile
from problems.order import epoch_orders
from problems.problem import Array, Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochSteps:
    """losses: of each step before its update, (steps, rates), in float64; norms: ‖learning_rate · ∇L‖₂ of each,
    (steps, rates), or None where nobody asked; parameters: after the epoch, name to (rates, n_in, n_out)."""

    losses: Array
    norms: Array | None
    parameters: dict[str, Array]


def ensemble_epochs(problem: Problem, rates: Sequence[float], *, norms: bool) -> Iterator[EpochSteps]:
    """Train `problem` at every one of `rates` at once."""
    way = by_numbers if worthwhile(problem, len(rates)) else in_matrices
    return way(problem, np.array(rates, dtype=problem.dtype), norms=norms)


def by_numbers(problem: Problem, rates: Array, *, norms: bool) -> Iterator[EpochSteps]:
    """By the straight-line code of a step."""
    initial = {name: np.stack([values] * len(rates)) for name, values in problem.initial.items()}
    ensemble, batch = Ensemble(problem, initial, rates), problem.batch_size
    for order in epoch_orders(problem):
        full = len(order) // batch * batch
        parts = [part for part in (order[:full].reshape(-1, batch), order[None, full:]) if part.size]
        kept = [ensemble.train(rows, gradients=norms) for rows in parts]
        found = np.concatenate(kept).astype(np.float64, copy=False)  # (steps, 1, or 1 + numbers, rates)
        gradients = {"all": np.moveaxis(found[:, 1:], 1, 2)[..., None]}  # (steps, rates, numbers, 1)
        yield EpochSteps(
            losses=found[:, 0],
            norms=update_norm(gradients, rates[:, None, None]) if norms else None,
            parameters=ensemble.parameters,
        )


def in_matrices(problem: Problem, rates: Array, *, norms: bool) -> Iterator[EpochSteps]:
    """By the matrix form, with the rates as a leading axis."""
    route, *_ = loss_routes(problem.network, problem.loss)
    rate, number = rates.reshape(-1, 1, 1), np.dtype(problem.dtype).type
    optimizer, settings = problem.optimizer, settings_as(problem.optimizer, number)
    parameters = {name: np.stack([values] * len(rates)) for name, values in problem.initial.items()}
    state, t = initial_state(optimizer, parameters, settings), 0
    for order in epoch_orders(problem):
        losses, found = [], []
        for begin in range(0, len(order), problem.batch_size):
            rows = order[begin : begin + problem.batch_size]
            t += 1
            given = {**settings, "rate": rate * number(optimizer.schedule.factor(t)), "t": t}
            with np.errstate(all="ignore"):  # a rate that diverges overflows
                loss, gradients = loss_and_gradients(
                    problem.network, route, parameters, problem.x[rows], problem.y[rows], problem.l2
                )
                parameters, state = updated(optimizer, parameters, gradients, state, given)
            losses.append(loss.astype(np.float64))
            if norms:
                found.append(update_norm(gradients, rate))
        yield EpochSteps(losses=np.stack(losses), norms=np.stack(found) if norms else None, parameters=parameters)
