"""A candidate that is right but for chosen mistakes, to see whether they are noticed and named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from comparisons.candidates import TrainStep
from comparisons.chains import Passes
from comparisons.mutants import Index, Mutant
from manual.network import loss_routes, train_step
from problems.problem import Array, Parameters, Problem

Planting = tuple[Mutant, Index]


def candidate_with(problem: Problem, mistakes: Sequence[Planting], *, gradients: bool = False) -> TrainStep:
    """A `train_step` for `problem` in which each mutant stands in its element; what it makes is fed back.

    gradients: whether it returns its gradients too.
    """
    route, *_ = loss_routes(problem.network, problem.loss)

    def mistaken_step(parameters: Parameters, x: Array, y: Array, learning_rate: float) -> Any:
        rate = np.dtype(problem.dtype).type(learning_rate)
        right = train_step(problem.network, route, parameters, x, y, rate)
        passes = Passes(problem=problem, before=parameters, after=right.parameters, x=x, y=y, learning_rate=rate)
        loss = right.loss
        slopes = {name: np.array(values) for name, values in right.gradients.items()}
        updated = {name: np.array(values) for name, values in right.parameters.items()}
        for mutant, index in mistakes:
            if mutant.quantity == "loss":
                loss = mutant.value(passes)
            else:
                slopes[mutant.quantity][index] = mutant.gradient(passes)[index]
                updated[mutant.quantity][index] = mutant.value(passes)[index]
        return (loss, updated, slopes) if gradients else (loss, updated)

    return mistaken_step
