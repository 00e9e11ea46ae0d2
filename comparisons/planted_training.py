"""A training with a mistake planted in it, in each element in turn, all at once along a leading axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from comparisons.chains import Passes
from comparisons.mutants import Mutant
from comparisons.variants import Index
from manual.network import StepResult, loss_routes, train_step
from manual.optimizers import coefficients, initial_state, updated
from manual.optimizers.update import State
from problems.order import batches
from problems.problem import Array, Optimizer, Parameters, Problem

PlantedStep = tuple[Parameters, Array, Array, StepResult]  # parameters before a step, its x and y, what came out


def windows(steps: Iterator[PlantedStep], most: int) -> Iterator[list[PlantedStep]]:
    """Steps that have as many rows, each time up to twice as many as before: most mistakes are noticed early."""
    window: list[PlantedStep] = []
    length = 1
    for step in steps:
        if window and len(step[1]) != len(window[0][1]):
            yield window
            window = []
        window.append(step)
        if len(window) >= length:
            yield window
            window, length = [], max(1, min(2 * length, most))
    if window:
        yield window


def stacked(window: list[PlantedStep], members: Array) -> PlantedStep:
    """The steps of these members one after another along the leading axis, (steps · members, ...)."""
    befores, xs, ys, found = zip(*window, strict=True)
    x, y = (np.repeat(np.stack(rows), len(members), axis=0) for rows in (xs, ys))
    together = StepResult(
        np.concatenate([step.loss[members] for step in found]),
        _concatenated([step.gradients for step in found], members),
        _concatenated([step.parameters for step in found], members),
    )
    return _concatenated(befores, members), x, y, together


def _concatenated(several: Sequence[Parameters], members: Array) -> dict[str, Array]:
    return {name: np.concatenate([tensors[name][members] for tensors in several]) for name in several[0]}


def planted_steps(problem: Problem, mutant: Mutant, indices: list[Index], count: int) -> Iterator[PlantedStep]:
    """The training with the mutant planted in each element in turn, all at once along a leading axis.

    Yields, per step, the parameters before it (elements, n_in, n_out), its rows, and what came out.
    """
    before = {
        name: np.repeat(values.astype(np.float64)[None], len(indices), axis=0)
        for name, values in problem.initial.items()
    }
    memory = Memory(problem.optimizer)
    for _, rows in zip(range(count), batches(problem), strict=False):
        x, y = problem.x[rows].astype(np.float64), problem.y[rows].astype(np.float64)
        right = memory.foreseen(before, right_step(problem, before, x, y))
        found = memory.moved(before, with_mistake(problem, mutant, indices, before, right, x, y))
        yield before, x, y, found
        before = found.parameters


class Memory:
    """What the optimizer makes of one training's gradients, step by step, in float64."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.t = optimizer, 0
        self.state: State = {}

    def moved(self, before: Parameters, step: StepResult) -> StepResult:
        """`step` with the parameters that its gradients make of those `before`; as it is where updates are plain."""
        if self.optimizer.plain:
            return step
        self.t += 1
        moved, self.state = self._moved(before, step, self.t)
        return moved

    def foreseen(self, before: Parameters, step: StepResult) -> StepResult:
        """The same, with nothing remembered of it."""
        return step if self.optimizer.plain else self._moved(before, step, self.t + 1)[0]

    def _moved(self, before: Parameters, step: StepResult, t: int) -> tuple[StepResult, State]:
        given = coefficients(self.optimizer, t, np.float64)
        state = self.state or initial_state(self.optimizer, before, given)
        parameters, after = updated(self.optimizer, before, step.gradients, state, given)
        return StepResult(step.loss, step.gradients, parameters), after


def right_step(problem: Problem, parameters: Parameters, x: Array, y: Array) -> StepResult:
    """The step as it should be, in float64."""
    route, *_ = loss_routes(problem.network, problem.loss)
    return train_step(problem.network, route, parameters, x, y, np.float64(problem.optimizer.learning_rate), problem.l2)


def with_mistake(
    problem: Problem,
    mutant: Mutant,
    indices: list[Index],
    before: Parameters,
    right: StepResult,
    x: Array,
    y: Array,
) -> StepResult:
    """`right` with the mutant's value in one element for each place along the leading axis."""
    passes = Passes(
        problem=problem,
        before=before,
        after=right.parameters,
        x=x,
        y=y,
        learning_rate=np.float64(problem.optimizer.learning_rate),
    )
    if mutant.quantity == "loss":
        return StepResult(np.broadcast_to(mutant.value(passes), right.loss.shape), right.gradients, right.parameters)
    name = mutant.quantity
    gradients = {**right.gradients, name: exchanged(right.gradients[name], mutant.gradient(passes), indices)}
    parameters = {**right.parameters, name: exchanged(right.parameters[name], mutant.value(passes), indices)}
    return StepResult(right.loss, gradients, parameters)


def exchanged(right: Array, wrong: Array, indices: list[Index]) -> Array:
    """`right` with element indices[e] of member e taken from `wrong`."""
    result = np.array(right)
    wrong = np.broadcast_to(wrong, right.shape)
    places = (np.arange(len(indices)), *np.array(indices).T)
    result[places] = wrong[places]
    return result
