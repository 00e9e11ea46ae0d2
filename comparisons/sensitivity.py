"""What a check could not have seen: every mutant of the catalogue trained, and held against the check.

A mutant that a check kills is a mistake it would have noticed; one that survives it would not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import PRECISIONS
from comparisons.chains import Passes
from comparisons.divergence import too_large
from comparisons.mutants import UPDATE_SITES, Mutant, elements, quantities, single_mutants
from comparisons.planted_training import Memory, PlantedStep, planted_steps, right_step, stacked, windows
from comparisons.reference import Expectation, expectations
from comparisons.reference import quantities as quantities_of
from comparisons.sensitivity_updates import noticed_updates
from comparisons.tally import outside
from comparisons.variants import Index
from comparisons.wrong_update import WrongUpdate
from manual.network import StepResult
from problems.problem import Array, Parameters, Problem

MOST_NUMBERS = 2**16  # parameters of all states that are held against the bound at once


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """|a − b| <= atol + rtol |b| on the loss and parameters of every step, as numpy.allclose has it."""

    rtol: float
    atol: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Planted:
    """One mistake in one element, or one wrong update of every element, and whether the check noticed."""

    mutant: Mutant | WrongUpdate
    index: Index
    killed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Sensitivity:
    """The kill matrix of one problem; tolerance None is the derived bound."""

    problem: Problem
    steps: int
    tolerance: Tolerance | None
    planted: tuple[Planted, ...]

    @property
    def survivors(self) -> list[Planted]:
        """The mistakes that the check did not notice."""
        return [one for one in self.planted if not one.killed]

    @property
    def blind(self) -> bool:
        """Whether the check noticed nothing at all."""
        return not any(one.killed for one in self.planted)


def untold(rows: int) -> None:
    """For who need not know how much is looked at."""


def sensitivity(
    problem: Problem,
    *,
    steps: int | None = None,
    tolerance: Tolerance | None = None,
    looked: Callable[[int], None] = untold,
) -> Sensitivity:
    """Train with every single mistake in every single element, and see which the check notices.

    steps: how many steps to train (all of the problem's unless given); looked: told how many rows
    each look at some steps is at. Mistakes are planted in float64 formulas.
    Where the optimizer remembers earlier steps, clips or has a schedule, its wrong updates are planted in all elements.
    """
    count = min(steps or problem.steps, problem.steps)
    planted: list[Planted] = []
    for quantity in quantities(problem.network):
        for mutant in plantable(problem, quantity):
            indices = [index for index in elements(problem.network, quantity) if mutant.changes(index)]
            if indices:
                killed = noticed(problem, mutant, indices, count, tolerance, looked)
                planted += [
                    Planted(mutant=mutant, index=index, killed=bool(seen))
                    for index, seen in zip(indices, killed, strict=True)
                ]
    if not problem.optimizer.plain:
        limits = None if tolerance is None else (tolerance.rtol, tolerance.atol)
        updates = noticed_updates(problem, count, limits)
        planted += [Planted(mutant=wrong, index=(), killed=killed) for wrong, killed in updates]
    return Sensitivity(problem=problem, steps=count, tolerance=tolerance, planted=tuple(planted))


def plantable(problem: Problem, quantity: str) -> list[Mutant]:
    """The mutants of `quantity`; those of a plain update only where updates are plain."""
    every = single_mutants(problem, quantity)
    return every if problem.optimizer.plain else [mutant for mutant in every if not mutant.sites & UPDATE_SITES]


def noticed(
    problem: Problem,
    mutant: Mutant,
    indices: list[Index],
    count: int,
    tolerance: Tolerance | None,
    looked: Callable[[int], None] = untold,
) -> Array:
    """For each element whether the check notices the mutant there, (elements,)."""
    steps = planted_steps(problem, mutant, indices, count)
    with np.errstate(all="ignore"):
        if tolerance is None:
            return outside_bound_anywhere(problem, steps, len(indices), looked)
        return outside_tolerance_anywhere(problem, steps, len(indices), tolerance)


def outside_bound_anywhere(
    problem: Problem, steps: Iterator[PlantedStep], members: int, looked: Callable[[int], None] = untold
) -> Array:
    """For each member whether any of its steps is outside the derived bound, before it diverges, (members,).

    looked: told how many rows each look is at.
    """
    seen, beyond = np.zeros(members, dtype=bool), np.zeros(members, dtype=bool)
    for window in windows(steps, MOST_NUMBERS // (members * sum(map(np.size, problem.initial.values())))):
        left = np.flatnonzero(~(seen | beyond))  # the others are decided
        before, x, y, found = stacked(window, left)
        looked(x.shape[0] * x.shape[1])
        over = diverging(problem, before, x, y).reshape(len(window), len(left))
        wrong = outside_bound(problem, before, x, y, found).reshape(len(window), len(left))
        so_far = np.logical_or.accumulate(over)  # (steps, members left)
        seen[left] = (wrong & ~so_far).any(axis=0)
        beyond[left] = so_far[-1]
        if (seen | beyond).all():
            break
    return seen


def outside_tolerance_anywhere(
    problem: Problem, steps: Iterator[PlantedStep], members: int, tolerance: Tolerance
) -> Array:
    """For each member whether any of its steps is farther from the right training than the tolerance, (members,)."""
    seen = np.zeros(members, dtype=bool)
    right = {name: values.astype(np.float64) for name, values in problem.initial.items()}
    memory = Memory(problem.optimizer)
    for _, x, y, found in steps:
        expected = memory.moved(right, right_step(problem, right, x, y))
        seen |= outside_tolerance(expected, found, tolerance)
        right = expected.parameters
        if seen.all():
            break
    return seen


def diverging(problem: Problem, before: Parameters, x: Array, y: Array) -> Array:
    """For each member whether right values overflow from its state, so that an audit compares nothing, (members,)."""
    members = len(before["W1"])
    over = too_large(problem, before, *_for_each(members, x, y))
    return np.asarray(np.logical_or.reduce(list(over.values())))


def outside_bound(problem: Problem, before: Parameters, x: Array, y: Array, found: StepResult) -> Array:
    """For each member whether anything is outside the derived bound, (members,)."""
    members = len(found.loss)
    expected = expectations(problem, before, *_for_each(members, x, y))
    wrong = np.zeros(members, dtype=bool)
    for quantity, values in quantities_of(found).items():
        if quantity.startswith("parameter.") and not problem.optimizer.plain:
            continue  # right by the gradient that was reported, from which it is judged
        wrong |= outside(values, expected[quantity]).reshape(members, -1).any(axis=1)
    return wrong


def _for_each(members: int, x: Array, y: Array) -> tuple[Array, Array]:
    """x and y (rows, n), or one for each member already, as (members, rows, n)."""
    return np.broadcast_to(x, (members, *x.shape[-2:])), np.broadcast_to(y, (members, *y.shape[-2:]))


def outside_tolerance(expected: StepResult, found: StepResult, tolerance: Tolerance) -> Array:
    """For each member whether the loss or a parameter is farther off than the tolerance, (members,)."""
    members = len(found.loss)
    wrong = np.zeros(members, dtype=bool)
    pairs = [(found.loss, expected.loss)]
    pairs += [(found.parameters[name], expected.parameters[name]) for name in expected.parameters]
    for actual, due in pairs:
        near = np.abs(actual - due) <= tolerance.atol + tolerance.rtol * np.abs(due)
        wrong |= ~near.reshape(members, -1).all(axis=1)
    return wrong


def unseen(problem: Problem, before: Parameters, x: Array, y: Array) -> tuple[list[tuple[Mutant, Index]], int]:
    """The mistakes that would stay within the bound in every one of these states, and how many were looked at.

    before: (steps, n_in, n_out) each; x (steps, rows, n_in); y (steps, rows, n_out).
    """
    found = list(looked_for(problem, before, x, y))
    return [(mutant, index) for mutant, index, visible in found if not visible], len(found)


def looked_for(problem: Problem, before: Parameters, x: Array, y: Array) -> Iterator[tuple[Mutant, Index, bool]]:
    """Every mistake, and whether it leaves the bound in any of these states; each is tried when it is asked for."""
    precision = PRECISIONS[problem.dtype]
    expected = expectations(problem, before, x, y)
    passes = Passes(
        problem=problem,
        before={name: Bounded.exact(values, precision) for name, values in before.items()},
        after={name: Bounded.exact(expected[f"parameter.{name}"].expected, precision) for name in before},
        x=Bounded.exact(x, precision),
        y=Bounded.exact(y, precision),
        learning_rate=Bounded.rounded(problem.optimizer.learning_rate, precision),
    )
    for quantity in quantities(problem.network):
        for mutant in plantable(problem, quantity):
            if "updated-weight" in mutant.mistakes and not problem.optimizer.plain:
                continue  # what its update makes of a weight depends on the steps before
            visible = shows(mutant, passes, expected)
            for index in elements(problem.network, quantity):
                if mutant.changes(index):
                    yield mutant, index, bool(visible[index])


def shows(mutant: Mutant, passes: Passes, expected: dict[str, Expectation]) -> Array:
    """For each element whether the mutant leaves the bound in any state, in the gradient or the update."""
    if mutant.quantity == "loss":
        return np.asarray(outside(mutant.value(passes).value, expected["loss"]).any(axis=0))
    slope = mutant.gradient(passes)
    in_gradient = np.asarray(outside(slope.value, expected[f"gradient.{mutant.quantity}"]).any(axis=0))
    if not passes.problem.optimizer.plain:
        return in_gradient
    after = expected[f"parameter.{mutant.quantity}"]
    moved = np.broadcast_to(mutant.moved(passes, slope).value, after.expected.shape)
    return np.asarray(in_gradient | outside(moved, after).any(axis=0))
