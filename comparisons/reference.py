"""What a training step must give, with a bound on how far a faithful evaluation may lie from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.leaves import leaves as leaves
from comparisons.arithmetic.precision import PRECISIONS, Precision
from comparisons.arithmetic.rounding import rounding
from comparisons.arithmetic.unions import beside, plane, union
from comparisons.own_states import Before
from manual.network import StepResult, completed_step, forward, loss_routes
from manual.optimizers import sgd
from problems.problem import Array, Parameters, Problem
from problems.targets import SPARSE

# Roundings between a gradient that is reported and the one that moves a parameter: one may be divided by rows and
# outputs before it is multiplied by the learning rate and the other after, each in at most four (`products.divide`).
OTHERWISE = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Expectation:
    """One quantity over many steps: `expected` (steps, ...), `bound` of the same shape, `told` where it says anything.

    Agreement is |actual − expected| <= bound. The bound covers every route that the loss allows; agreement says
    nothing, and the element is not told, where the bound is infinite, or where one route alone would resolve the
    element from 0 but all together do not. What lies outside a finite bound is wrong all the same.
    sharp: the most accurate route's bound where all together tell nothing, else `bound`; what lies within it is told
    all the same.
    """

    expected: Array
    bound: Array
    told: Array
    sharp: Array | None = None


class Given(NamedTuple):
    """What a step starts from, with the errors it has there."""

    state: dict[str, Bounded]
    x: Bounded
    y: Bounded
    rate: Bounded


def given(
    problem: Problem, parameters: Parameters, x: Array, y: Array, carried: Precision, learning_rate: Array | None
) -> Given:
    """The error-carrying numbers of steps; arguments as of `expectations`."""
    run = PRECISIONS[problem.dtype]
    return Given(
        state={name: leaves(values, run, carried) for name, values in parameters.items()},
        x=leaves(x, run, carried),
        y=Bounded.exact(y, carried) if problem.loss in SPARSE else leaves(y, run, carried),
        rate=Bounded.rounded(problem.optimizer.learning_rate if learning_rate is None else learning_rate, carried),
    )


def expectations(
    problem: Problem,
    parameters: Parameters,
    x: Array,
    y: Array,
    carried: Precision | None = None,
    learning_rate: Array | None = None,
) -> dict[str, Expectation]:
    """Quantity name (`loss`, `gradient.W1`, `parameter.W1`, ...) to what each step must give.

    parameters: each (steps, *shape), the state before each step; x (steps, rows, n_in); y (steps, rows, n_out).
    carried: the precision to allow for; the run's own unless given.
    learning_rate: (steps, 1, 1), one for each step; the problem's own unless given.
    Updates are those of gradient descent from the formulas' gradient; with `parameters` of a trace that remembers
    earlier steps (`Before`), those of the problem's optimizer from the gradients that were reported.
    """
    carried = carried or PRECISIONS[problem.dtype]
    start = given(problem, parameters, x, y, carried, learning_rate)
    best, every = (quantities(step) for step in carried_step(problem, start.state, start.x, start.y, start.rate))
    if isinstance(parameters, Before):
        own = {f"parameter.{name}": values for name, values in parameters.updates(carried).items()}
        best, every = best | own, every | own
    return {name: _expectation(every[name], best[name]) for name in best}


def carried_step(
    problem: Problem, state: Mapping[str, Bounded], x: Bounded, y: Bounded, rate: Bounded
) -> tuple[StepResult, StepResult]:
    """One step on error-carrying numbers: by the most accurate route alone, and around every route."""
    _, cache = forward(problem.network, state, x)
    loss, delta = last_layer(problem, y, cache.z[-1])
    step = completed_step(problem.network, state, cache, loss, delta, rate, problem.l2)
    if len(loss_routes(problem.network, problem.loss)) == 1:
        return step, step
    return _plane(step, 0), _plane(step, 1)


def last_layer(problem: Problem, y: Bounded, z: Bounded) -> tuple[Bounded, Bounded]:
    """Loss and ∂L/∂z, where there are several routes with two errors side by side: the best one's, and around all."""
    routes = loss_routes(problem.network, problem.loss)
    losses = [route.loss(y, z) for route in routes]
    deltas = [route.delta(y, z) for route in routes]
    if len(routes) == 1:
        return losses[0], deltas[0]
    return beside(losses[0], union(losses)), beside(deltas[0], union(deltas))


def _plane(step: StepResult, number: int) -> StepResult:
    gradients, parameters = (
        {name: plane(values, number) for name, values in tensors.items()}
        for tensors in (step.gradients, step.parameters)
    )
    return StepResult(plane(step.loss, number), gradients, parameters)


def own_updates(
    problem: Problem,
    parameters: Parameters,
    gradients: Parameters,
    carried: Precision,
    learning_rate: Array | None = None,
) -> dict[str, Expectation]:
    """`parameter.W1`, ... to what each update must give from the gradient that the implementation itself reported.

    It says something wherever that gradient is finite, also where what the gradient must be is not told. What the
    update uses may have been rounded otherwise than what is reported of it: see OTHERWISE.
    """
    run = PRECISIONS[problem.dtype]
    rate = Bounded.rounded(problem.optimizer.learning_rate if learning_rate is None else learning_rate, carried)
    state = {name: leaves(values, run, carried) for name, values in parameters.items()}
    slopes = {name: reported(values, run, carried) for name, values in gradients.items()}
    updated = sgd(state, slopes, rate)
    return {f"parameter.{name}": _expectation(values, values) for name, values in updated.items()}


def reported(gradient: Array, run: Precision, carried: Precision) -> Bounded:
    """A gradient as an update may have used it."""
    slope = leaves(gradient, run, carried)
    return Bounded(slope.value, slope.error + rounding(np.abs(slope.value), carried, OTHERWISE), carried)


def quantities(step: StepResult) -> dict[str, Any]:
    """The step's results by quantity name, in the order they are computed."""
    named = {"loss": step.loss}
    named |= {f"gradient.{name}": values for name, values in step.gradients.items()}
    named |= {f"parameter.{name}": values for name, values in step.parameters.items()}
    return named


def _expectation(every: Bounded, best: Bounded) -> Expectation:
    size = np.abs(best.value)
    lost = (every.error >= size) & (best.error < size)
    told = np.isfinite(every.error) & ~lost
    return Expectation(
        expected=every.value, bound=every.error, told=told, sharp=np.where(lost, best.error, every.error)
    )


def held_to_own(first: Expectation, own: Expectation, actual: Array, right: Array) -> Expectation:
    """What an update must be: `first`, and `own` too where the gradient that was reported is `right`.

    `first` where that says anything and is broken, or both hold; else `own`.
    """
    broken = first.told & own.told & right & within(actual, first) & ~within(actual, own)
    if first.told.all() and not broken.any():
        return first
    return first_told(replace(first, told=first.told & ~broken), own)


def within(actual: Array, expectation: Expectation) -> Array:
    """Where `actual` is within its bound; an infinite one is enough for any number."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(actual - expectation.expected) <= expectation.bound)


def first_told(first: Expectation, second: Expectation) -> Expectation:
    """`first` where it says anything, else `second`."""
    return Expectation(
        expected=np.where(first.told, first.expected, second.expected),
        bound=np.where(first.told, first.bound, second.bound),
        told=first.told | second.told,
    )
