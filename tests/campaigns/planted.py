"""A mistake of one part in a million in one element of one gradient, planted into a trace that agrees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from comparisons.audit import audit, chunks, observed_at
from comparisons.reference import Expectation, expectations
from comparisons.tally import outside
from comparisons.verdict import Verdict
from problems.problem import Array
from problems.trace import Trace

MISTAKE = 1e-6


@dataclass
class Planted:
    """elements: mistakes planted, one for each element of each gradient of each step, and what became of them.

    caught: outside the bound; not_told, zero: the bound says nothing, or a millionth of 0 is 0;
    below: the bound itself is wider than a millionth of the element (it was nearly all lost to cancellation, or
    underflowed); alone: how many were also audited as a whole trace with this one wrong number;
    missed: which of these the audit did not find, in words.
    """

    elements: int = 0
    caught: int = 0
    not_told: int = 0
    zero: int = 0
    below: int = 0
    alone: int = 0
    missed: list[str] = field(default_factory=list)


def plant(trace: Trace, planted: Planted) -> None:
    """Plant the mistake into every element of every gradient of every step, one at a time.

    The reference is evaluated at the state before a step, which no reported gradient changes, so that every element's
    judgment stands by itself and all are made at once. For one step of the trace the whole audit is run for each
    element by itself, and must name this element of this gradient of this step.
    """
    for positions in chunks(trace):
        observed = observed_at(trace, positions)
        told = expectations(trace.problem, observed.before, observed.x, observed.y)
        for name in trace.gradients:
            _count(observed.actual[f"gradient.{name}"], told[f"gradient.{name}"], planted)
    position = trace.steps // 2
    for name, values in trace.gradients.items():
        for index in np.ndindex(values.shape[1:]):
            _alone(trace, position, name, index, planted)


def _count(actual: Array, expectation: Expectation, planted: Planted) -> None:
    wrong = actual * (1 + MISTAKE)
    caught = outside(wrong, expectation)
    zero = ~caught & expectation.told & (wrong == actual)
    below = ~caught & expectation.told & ~zero
    planted.elements += actual.size
    planted.caught += int(caught.sum())
    planted.not_told += int((~expectation.told & ~caught).sum())
    planted.zero += int(zero.sum())
    planted.below += int(below.sum())
    unexcused = below & (expectation.bound < 0.5 * MISTAKE * np.abs(expectation.expected))
    planted.missed += [f"planted: {int(unexcused.sum())} elements missed"] if unexcused.any() else []


def _alone(trace: Trace, position: int, name: str, index: tuple[int, ...], planted: Planted) -> None:
    values = trace.gradients[name].copy()
    place = (position, *index)
    values[place] *= 1 + MISTAKE
    observed = observed_at(trace, np.array([position]))
    told = expectations(trace.problem, observed.before, observed.x, observed.y)[f"gradient.{name}"]
    room = told.bound[(0, *index)]
    if not abs(values[place] - told.expected[(0, *index)]) > room:
        return  # counted above as below the bound, as 0 or as not told
    planted.alone += 1
    found = audit(replace(trace, gradients={**trace.gradients, name: values}))
    named = [(one.quantity, one.step, one.index) for one in found.deviations]
    if found.verdict is not Verdict.DISAGREES or named != [(f"gradient.{name}", position + 1, index)]:
        planted.missed.append(f"{trace.implementation}, {trace.problem.name}: {name}{list(index)} not named: {named}")
