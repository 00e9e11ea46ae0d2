"""What steps must give, where it is known what an implementation made of them."""

from __future__ import annotations

from comparisons.arithmetic.precision import Precision
from comparisons.observed import Observed
from comparisons.own_states import Before
from comparisons.reference import Expectation, expectations, held_to_own, own_updates, within
from problems.problem import Array


def expected_of(observed: Observed, carried: Precision, learning_rate: Array | None) -> dict[str, Expectation]:
    """What every quantity must be by the formulas, and an update by the gradient that was reported too."""
    states = observed.problem, observed.before, observed.x, observed.y
    return held_updates(observed, expectations(*states, carried, learning_rate), carried, learning_rate)


def held_updates(
    observed: Observed, expected: dict[str, Expectation], carried: Precision, learning_rate: Array | None = None
) -> dict[str, Expectation]:
    """`expected`, but that an update must follow from the gradient that was reported, too, if that is right.

    What follows from the formulas has the bound of a gradient, which many terms make wide: within that an update may be
    wrong by as much. From the gradient itself it follows with a few roundings.
    """
    own, actual = from_reported(observed, carried, learning_rate), observed.actual
    held = dict(expected)
    for name in observed.before:
        slope, update = f"gradient.{name}", f"parameter.{name}"
        if update in own and update in actual:
            right = within(actual[slope], expected[slope])
            held[update] = held_to_own(expected[update], own[update], actual[update], right)
    return held


def from_reported(observed: Observed, carried: Precision, learning_rate: Array | None = None) -> dict[str, Expectation]:
    """`parameter.W1`, ... to what each update must give from the gradient that was reported.

    Nothing where an optimizer remembers earlier ones, or where one is not told.
    """
    problem, before = observed.problem, observed.before
    gradients = {name: observed.actual.get(f"gradient.{name}") for name in before}
    told = {name: values for name, values in gradients.items() if values is not None}
    if isinstance(before, Before) or len(told) < len(before):
        return {}
    return own_updates(problem, before, told, carried, learning_rate)
