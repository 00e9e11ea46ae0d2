"""What steps must give, where it is known what an implementation made of them."""

from __future__ import annotations

from comparisons.arithmetic.precision import Precision
from comparisons.observed import Observed
from comparisons.own_states import Before
from comparisons.reference import Expectation, expectations, held_to_own, own_updates
from problems.problem import Array


def expected_of(observed: Observed, carried: Precision, learning_rate: Array | None) -> dict[str, Expectation]:
    """What every quantity must be; an update must follow from the gradient that was reported, too.

    From a gradient that is right by its bound, which many terms make wide, an update may be wrong by as much and still
    lie within what follows from the formulas; from the gradient itself it follows with three roundings.
    """
    problem, before = observed.problem, observed.before
    expected = expectations(problem, before, observed.x, observed.y, carried, learning_rate)
    if isinstance(before, Before):
        return expected
    gradients = {name: observed.actual.get(f"gradient.{name}") for name in before}
    told = {name: values for name, values in gradients.items() if values is not None}
    if len(told) < len(before):
        return expected
    own = own_updates(problem, before, told, carried, learning_rate)
    held = {
        name: held_to_own(expected[name], one, observed.actual[name])
        for name, one in own.items()
        if name in observed.actual
    }
    return expected | held
