"""The audit: every step of a trace judged from its own state, all steps at once, in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from comparisons.arithmetic.operands import FORMATS, Operands
from comparisons.arithmetic.precision import FLOAT32, FLOAT64, PRECISIONS, Precision
from comparisons.divergence import first_divergence
from comparisons.lower_products import carrying, computed_so
from comparisons.own_states import Before, OwnStates, block_length
from comparisons.reference import Expectation, expectations, own_updates
from comparisons.structure import structural_faults, value_faults
from comparisons.tally import Judged, Tally
from comparisons.untold import farthest_untold
from comparisons.verdict import Audit, Divergence, Verdict
from problems.problem import Array, Parameters, Problem
from problems.trace import Trace

CHUNK_ELEMENTS = 100_000  # numbers of one kind held at once, few enough for a processor's cache
PROBED = 16  # steps


def audit(trace: Trace) -> Audit:
    """Judge every element of loss, gradients and parameters of every step of `trace`.

    Each step is evaluated at the state that this very implementation had just before it, so no step inherits
    another's error; by induction a trace whose every step is right is right.
    """
    faults = structural_faults(trace)
    if faults:
        return Audit(verdict=Verdict.DISAGREES, carries=None, steps=trace.steps, faults=tuple(faults))
    tallies = {name: Tally(name, trace.problem.dtype) for name in actual_values(trace)}
    divergence = divergence_of(trace)
    for observed in observations(trace, divergence):
        judge(observed, tallies)
    found = concluded(list(tallies.values()), trace.problem.dtype, trace.steps, value_faults(trace))
    found = replace(found, untold=farthest_untold(trace, list(tallies.values())), divergence=divergence)
    operands = products_of(trace, found)
    return carrying(found, operands) if operands else found


def products_of(trace: Trace, found: Audit) -> Operands | None:
    """What the operands of matrix products were rounded to, where that alone is wrong in a float32 run."""
    if trace.problem.dtype != FLOAT32.name or found.faults or not found.deviations:
        return None
    left = [operands for operands in FORMATS if _all_so(operands, probe(trace, found))]
    return next(
        (one for one in left if all(_all_so(one, part) for part in observations(trace, found.divergence))), None
    )


def probe(trace: Trace, found: Audit) -> Observed:
    """A few steps from the first bad one on, to rule out at small cost what cannot be."""
    rows_used = (trace.rows >= 0).sum(axis=1)
    first = found.deviations[0].step - 1
    left = found.comparable(np.arange(first, trace.steps))
    return observed_at(trace, left[rows_used[left] == rows_used[first]][:PROBED])


def _all_so(operands: Operands, observed: Observed) -> bool:
    return computed_so(operands, observed.problem, observed.before, observed.x, observed.y, observed.actual)


def divergence_of(trace: Trace) -> Divergence | None:
    """From where on the right values of `trace` are too large to be compared."""
    seen = (observed_at(trace, positions) for positions in chunks(trace))
    states = ((one.positions, one.before, one.x, one.y) for one in seen)
    numbers = sum(values[0].size for values in actual_values(trace).values())
    return first_divergence(trace.problem, states, trace.steps, numbers)


def actual_values(trace: Trace) -> dict[str, Array]:
    """Quantity name to what the trace reports, each (steps, ...), in the reference's order."""
    names = trace.problem.network.parameter_shapes
    values = {"loss": trace.loss}
    values |= {f"gradient.{name}": trace.gradients[name] for name in names}
    values |= {f"parameter.{name}": trace.parameters[name] for name in names}
    return values


def chunks(trace: Trace) -> Iterator[Array]:
    """Positions of steps to evaluate together: equally many rows each, and few enough to bound the memory.

    Every step stands in exactly one chunk. Where the optimizer remembers earlier steps, the chunks follow each other.
    """
    if not trace.problem.optimizer.plain:
        yield from _chunks_in_order(trace)
        return
    network = trace.problem.network
    widest = trace.rows.shape[1] * max(network.sizes)
    numbers = widest + sum(rows * columns for rows, columns in network.parameter_shapes.values())
    length = max(1, CHUNK_ELEMENTS // numbers)
    rows_used = (trace.rows >= 0).sum(axis=1)
    for count in np.unique(rows_used):
        positions = np.flatnonzero(rows_used == count)
        for begin in range(0, len(positions), length):
            yield positions[begin : begin + length]


def _chunks_in_order(trace: Trace) -> Iterator[Array]:
    rows_used = (trace.rows >= 0).sum(axis=1)
    length = block_length(trace)
    for begin in range(0, trace.steps, length):
        block = rows_used[begin : begin + length]
        for count in np.unique(block):
            yield begin + np.flatnonzero(block == count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """Steps with equally many rows, and what an implementation made of them.

    positions: (steps,) from 0; before: parameter name to (steps, *shape), the state just before each step, with what
    the optimizer remembers where that is anything;
    x (steps, rows, n_in); y (steps, rows, n_out); actual: quantity name to what was reported, (steps, ...).
    """

    problem: Problem
    positions: Array
    before: Parameters
    x: Array
    y: Array
    actual: Parameters


def observations(trace: Trace, divergence: Divergence | None = None) -> Iterator[Observed]:
    """All steps of `trace`, chunk by chunk, up to where it diverges."""
    states = OwnStates(trace)
    for positions in chunks(trace):
        compared = positions if divergence is None else positions[~divergence.covers(positions)]
        if len(compared):
            yield observed_at(trace, compared, states)


def observed_at(trace: Trace, positions: Array, states: OwnStates | None = None) -> Observed:
    """The steps of `trace` at `positions`, rising, all with equally many rows.

    states: those of the same trace, where they are kept from one call to the next.
    """
    problem = trace.problem
    rows = trace.rows[positions]
    rows = rows[:, : int((rows[0] >= 0).sum())]
    before: Parameters = {name: trace.before(name, positions) for name in problem.network.parameter_shapes}
    return Observed(
        problem=problem,
        positions=positions,
        before=before if problem.optimizer.plain else Before(before, states or OwnStates(trace), positions),
        x=problem.x[rows],
        y=problem.y[rows],
        actual={name: values[positions] for name, values in actual_values(trace).items()},
    )


def judge(observed: Observed, tallies: Mapping[str, Tally], learning_rate: Array | None = None) -> None:
    """Count every element of `observed` into the tally of its quantity.

    learning_rate: (steps, 1, 1) where it is not the problem's own.
    """
    run = PRECISIONS[observed.problem.dtype]
    expected = expected_of(observed, run, learning_rate)
    judged = {
        name: Judged(observed.positions, values.astype(np.float64), expected[name])
        for name, values in observed.actual.items()
    }
    for name, one in judged.items():
        tallies[name].add(one)
    if run is FLOAT64 and any(one.wrong.any() for one in judged.values()):
        below = expected_of(observed, FLOAT32, learning_rate)
        for name, one in judged.items():
            tallies[name].add_below(one, below[name])


def expected_of(observed: Observed, carried: Precision, learning_rate: Array | None) -> dict[str, Expectation]:
    """What every quantity must be; an update that is not told is judged from the implementation's own gradient."""
    problem, before = observed.problem, observed.before
    expected = expectations(problem, before, observed.x, observed.y, carried, learning_rate)
    if isinstance(before, Before):
        return expected
    gradients = {name: observed.actual.get(f"gradient.{name}") for name in before}
    told = {name: values for name, values in gradients.items() if values is not None}
    if len(told) < len(before) or all(expected[f"parameter.{name}"].told.all() for name in before):
        return expected
    own = own_updates(problem, before, told, carried, learning_rate)
    return expected | {name: first_told(expected[name], own[name]) for name in own}


def first_told(first: Expectation, second: Expectation) -> Expectation:
    """`first` where it says anything, else `second`."""
    return Expectation(
        expected=np.where(first.told, first.expected, second.expected),
        bound=np.where(first.told, first.bound, second.bound),
        told=first.told | second.told,
    )


def concluded(tallies: list[Tally], dtype: str, steps: int, faults: list[str]) -> Audit:
    """The record of what was counted; `faults` spoil the verdict whatever the values."""
    wrong_steps = set().union(*(tally.wrong_steps for tally in tallies))
    first_bad = min(wrong_steps, default=0)
    verdict = _verdict(tallies, faults)
    return Audit(
        verdict=verdict,
        carries=None if verdict is Verdict.BLIND else _carries(tallies, dtype),
        steps=steps,
        faults=tuple(faults),
        quantities=tuple(tally.concluded() for tally in tallies),
        deviations=tuple(tally.first_bad[first_bad] for tally in tallies if first_bad in tally.wrong_steps),
        agreed=tuple(tally.name for tally in tallies if first_bad and first_bad not in tally.wrong_steps),
        wrong_steps=len(wrong_steps),
    )


def _verdict(tallies: list[Tally], faults: list[str]) -> Verdict:
    if faults or any(tally.wrong for tally in tallies):
        return Verdict.DISAGREES
    # Where gradients are reported, an update that follows from its own gradient alone says nothing about the formulas.
    telling = [tally for tally in tallies if not tally.name.startswith("parameter.")]
    if not any(tally.name.startswith("gradient.") for tally in tallies):
        telling = tallies
    return Verdict.AGREES if any(tally.compared for tally in telling) else Verdict.BLIND


def _carries(tallies: list[Tally], dtype: str) -> str | None:
    """The lowest precision that any quantity carries; None where one carries none, or nothing was compared."""
    carried = {tally.carries for tally in tallies if tally.compared}
    if None in carried or not carried:
        return None
    return FLOAT32.name if FLOAT32.name in carried else dtype
