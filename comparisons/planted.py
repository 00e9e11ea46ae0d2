"""A candidate that is right but for chosen mistakes, to see whether they are noticed and named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from comparisons.candidates import TrainStep
from comparisons.chains import Passes
from comparisons.mutants import Mutant
from comparisons.variants import Index
from manual.network import StepResult, loss_routes, train_step
from problems.problem import Array, Parameters, Problem

Planting = tuple[Mutant, Index]


def candidate_with(problem: Problem, mistakes: Sequence[Planting], *, gradients: bool = False) -> TrainStep:
    """A `train_step` for `problem` in which each mutant stands in its element; what it makes is fed back.

    gradients: whether it returns its gradients too.
    """
    route, *_ = loss_routes(problem.network, problem.loss)

    def mistaken_step(parameters: Parameters, x: Array, y: Array, learning_rate: float) -> Any:
        rate = np.dtype(problem.dtype).type(learning_rate)
        right = train_step(problem.network, route, parameters, x, y, rate, problem.l2)
        step = right
        for _ in mistakes:  # a mistake may use what another one makes of a parameter
            passes = Passes(problem=problem, before=parameters, after=step.parameters, x=x, y=y, learning_rate=rate)
            step = _with(right, mistakes, passes)
        return step.loss, step.parameters, *([step.gradients] if gradients else [])

    return mistaken_step


def _with(right: StepResult, mistakes: Sequence[Planting], passes: Passes) -> StepResult:
    """`right` with every mistake in its place."""
    loss = right.loss
    gradients = {name: np.array(values) for name, values in right.gradients.items()}
    parameters = {name: np.array(values) for name, values in right.parameters.items()}
    for mutant, index in mistakes:
        if mutant.quantity == "loss":
            loss = mutant.value(passes)
        else:
            gradients[mutant.quantity][index] = mutant.gradient(passes)[index]
            parameters[mutant.quantity][index] = mutant.value(passes)[index]
    return StepResult(loss, gradients, parameters)
