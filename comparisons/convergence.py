"""When to stop: training until the updates of a whole epoch are small, with the problem's epochs as the cap.

Decided once, on the reference training by hand, so that every implementation trains the same number of epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from comparisons.computed import require_computed
from comparisons.messages import counted
from comparisons.verdict import Stop
from manual.train import train
from problems.problem import Array, Problem
from problems.requirements import require_positive

OPTION = "--until-converged"
CRITERION = "‖learning_rate · ∇L‖₂ over all parameters"


def update_norm(gradients: Mapping[str, Array], learning_rate: Any) -> Array:
    """‖learning_rate · ∇L‖₂ over all parameters, in float64; gradients (..., n_in, n_out), learning_rate (..., 1, 1).

    Neither overflows nor underflows on the way; infinite where a gradient is, NaN where one is NaN.
    """
    rate = np.asarray(learning_rate, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        moves = [rate * np.asarray(values, dtype=np.float64) for values in gradients.values()]
        norms = [np.hypot.reduce(move.reshape(*move.shape[:-2], -1), axis=-1) for move in moves]
        return np.hypot.reduce(np.stack(norms), axis=0)


def until_converged(problem: Problem, tolerance: float) -> Stop:
    """The end of the first epoch in which ‖learning_rate · ∇L‖₂ is below `tolerance` at every step.

    The norm runs over all parameters together, the gradient being that of the step's own rows before its update;
    the learning rate is the one the training starts with, as its dtype holds it. NaN is below nothing.
    Raises ProblemError unless `tolerance` is a finite number greater than 0, and for a dtype that is for storage.
    """
    tolerance = require_positive(OPTION, tolerance)
    require_computed(OPTION, problem)
    rate = np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
    steps = train(problem)
    for epoch in range(1, problem.epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # a training that diverges overflows
            norms = [update_norm(step.gradients, rate) for step in islice(steps, problem.steps_per_epoch)]
        if all(norm < tolerance for norm in norms):
            return Stop(problem=problem.changed(epochs=epoch), tolerance=tolerance, cap=problem.epochs, converged=True)
    return Stop(problem=problem, tolerance=tolerance, cap=problem.epochs, converged=False)


def stop_line(stop: Stop) -> str:
    """After how many epochs the training converged, or that it did not, in one line."""
    below = f"{CRITERION} is below {stop.tolerance:g} at every step"
    name = stop.problem.name
    if stop.converged:
        return (
            f"{name}: converged after {counted(stop.problem.epochs, 'epoch')} of at most {stop.cap:,}, "
            f"the first in which {below} (decided on manual-matrix, so that all train equally long)"
        )
    cap = counted(stop.cap, "epoch")
    return f"{name}: did not converge within {cap}: in none of them {below}; --epochs allows more"
