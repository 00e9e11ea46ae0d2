"""The same states asked again: a step that depends on its arguments only answers the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from comparisons.candidates import Returned, State
from comparisons.reference import expectations
from problems.order import batches
from problems.problem import Array, Problem

ASKED_AGAIN = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Repeat:
    """One state, and what was returned the first time and the second."""

    state: State
    first: Returned
    again: Returned


def places_again(count: int) -> list[int]:
    """Which of `count` random states are asked again, the last first.

    The last is asked twice in a row and the others after ever more calls, so that whatever happens every second,
    third, ... call falls on one of the two.
    """
    return list(range(count - 1, -1, -max(1, count // ASKED_AGAIN)))[:ASKED_AGAIN]


def states_again(problem: Problem, states: Sequence[State]) -> list[State]:
    """What is asked again after everything else: some of the random `states`, and the problem's first step."""
    first = next(iter(batches(problem)))
    start = State(
        parameters=problem.initial,
        x=problem.x[first],
        y=problem.y[first],
        learning_rate=problem.optimizer.learning_rate,
    )
    return [*(states[place] for place in places_again(len(states))), start]


def repeats(
    problem: Problem,
    states: Sequence[State],
    *,
    along: Sequence[Returned],
    random: Sequence[Returned],
    again: Sequence[Returned],
) -> list[Repeat]:
    """Each answer of the second time beside that of the first; none where the first time ended early."""
    if len(random) < len(states) or not along:
        return []
    first = [*(random[place] for place in places_again(len(states))), along[0]]
    asked = zip(states_again(problem, states), first, again, strict=False)
    return [Repeat(state=state, first=one, again=other) for state, one, other in asked]


def remembered(problem: Problem, repeated: Sequence[Repeat]) -> tuple[str, ...]:
    """The quantities that came out otherwise the second time, farther apart than rounding alone may take them."""
    differing: dict[str, None] = {}
    for repeat in repeated:
        first, again = told(repeat.first), told(repeat.again)
        if any(not alike(first[name], again[name]) for name in first.keys() & again.keys()):
            bounds = _bounds(problem, repeat.state)
            names = (name for name in first if name in again and _apart(first[name], again[name], bounds[name]))
            differing |= dict.fromkeys(names)
    return tuple(name for name in _ordered(problem) if name in differing)


def told(returned: Returned) -> dict[str, Array]:
    """Quantity name to what was returned."""
    values = {"loss": returned.loss}
    values |= {f"gradient.{name}": array for name, array in (returned.gradients or {}).items()}
    return values | {f"parameter.{name}": array for name, array in returned.parameters.items()}


def alike(one: Array, other: Array) -> bool:
    """Whether two arrays are the same, bit for bit; not a number is like not a number."""
    return bool(np.array_equal(one, other, equal_nan=True))


def _apart(one: Array, other: Array, bound: Array) -> bool:
    """Two right answers may lie a bound on either side of what is right; two wrong ones, much the same."""
    with np.errstate(invalid="ignore"):
        near = np.abs(one.astype(np.float64) - other.astype(np.float64)) <= 2 * bound
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return not bool((near | same).all())


def _bounds(problem: Problem, state: State) -> Mapping[str, Array]:
    expected = expectations(
        problem,
        {name: np.asarray(values)[None] for name, values in state.parameters.items()},
        state.x[None],
        state.y[None],
        learning_rate=np.array(state.learning_rate).reshape(1, 1, 1),
    )
    return {name: one.bound[0] for name, one in expected.items()}


def _ordered(problem: Problem) -> Iterator[str]:
    yield "loss"
    for group in ("gradient", "parameter"):
        yield from (f"{group}.{name}" for name in problem.network.parameter_shapes)
