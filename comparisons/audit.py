"""The audit: every step of a trace judged from its own state, all steps at once, in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from comparisons.arithmetic.precision import FLOAT32, FLOAT64, PRECISIONS, Precision
from comparisons.divergence import first_beyond, first_divergence, first_not_finite
from comparisons.excerpts import Excerpt, as_excerpt
from comparisons.expected import expected_of
from comparisons.lower_products import ProductFormats
from comparisons.observed import Observed as Observed
from comparisons.observed import actual_values as actual_values
from comparisons.observed import observed_at as observed_at
from comparisons.observed import quantity_names
from comparisons.own_states import OwnStates, Since, block_length
from comparisons.parts import Part, Parts, as_trace
from comparisons.pieces import in_pieces, pieces
from comparisons.reference import Expectation
from comparisons.step_set import counted_once
from comparisons.structure import ValueFaults, length_faults, steps_faults, structural_faults
from comparisons.tally import Counted, Judged, Tally
from comparisons.tensors import Piece
from comparisons.threads import one_thread
from comparisons.untold import farthest_untold, least_certain
from comparisons.verdict import Audit, Divergence, Untold, Verdict
from problems.block import Block
from problems.order import batch_width
from problems.problem import Array, Parameters, Problem
from problems.trace import Trace

CHUNK_ELEMENTS = 100_000  # numbers of one kind held at once, few enough for a processor's cache


def audit(trace: Trace) -> Audit:
    """Judge every element of loss, gradients and parameters of every step of `trace`.

    Each step is evaluated at the state that this very implementation had just before it, so no step inherits
    another's error; by induction a trace whose every step is right is right.
    """
    if faults := structural_faults(trace):
        return unjudged(trace.steps, faults)
    running = RunningAudit(trace.problem, trace.initial, whole=trace)
    with one_thread([trace.problem]):
        for part in parts_of(trace, running.length):
            for _ in running.judge(part):
                pass
        return running.concluded()


def unjudged(steps: int, faults: list[str]) -> Audit:
    """What is found where faults stop the comparison before any value is looked at."""
    return Audit(verdict=Verdict.DISAGREES, carries=None, steps=steps, faults=tuple(faults))


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Steps that have been judged; first_wrong: which of them is the first with anything wrong in it, from 0."""

    observed: Observed
    first_wrong: int | None


class RunningAudit:
    """The audit of a training whose steps arrive block by block; what it holds does not grow with their number.

    From part to part goes the state that the next step starts from, what the optimizer remembers with its bound, where
    right values begin to overflow, and what was counted: that alone is a bit for each wrong or untold step.
    Of an optimizer that remembers, updates are judged where every step is looked at, and not at all where some are
    left out: what it remembers is made of the gradients of all of them.
    whole: the trace that all parts are of, where it is in memory; every: of so many steps one is looked at;
    precisions: those that `seen.observed.before` may be asked for beside the audit's own, where the optimizer remembers
    and the trace is not in memory.
    """

    def __init__(
        self,
        problem: Problem,
        initial: Parameters | None = None,
        *,
        whole: Trace | None = None,
        every: int = 1,
        precisions: Iterable[Precision] = (),
    ) -> None:
        self.problem, self.whole = problem, whole
        self.updates = every == 1 or problem.optimizer.plain  # whether they are judged
        self.length = part_length(problem)
        self.parts = Parts(problem, problem.initial if initial is None else initial, self.length)
        self.steps = self.looked_at = whole.steps if whole else 0
        self.faults: list[str] = []  # what stops the comparison
        self.values = ValueFaults(problem)
        names = [name for name in quantity_names(problem) if self.updates or not name.startswith("parameter.")]
        self.tallies = {name: Tally(name, problem.dtype) for name in names}
        self.beyond: tuple[int, tuple[str, ...]] | None = None
        self.not_compared = 0  # steps looked at from there on
        self.formats = ProductFormats(problem)
        self.witness: Trace | None = None  # the step of the least certain element
        self.states = OwnStates(whole) if whole else None
        self.since = Since()
        run = PRECISIONS[problem.dtype]
        self.precisions = {*precisions, run, *([FLOAT32] if run is FLOAT64 else [])}

    def add(self, block: Block) -> Iterator[Seen]:
        """Judge what has become whole parts with `block`; a block of another structure ends all judging."""
        begin, self.steps = self.steps, self.steps + block.steps
        self.looked_at += block.steps
        if self.faults or not block.steps:
            return
        trace = as_trace(self.problem, self.parts.state, block)
        self.faults = steps_faults(trace, np.arange(begin, self.steps))
        if not self.faults:
            for part in self.parts.add(block):
                yield from self.judge(part)

    def add_excerpt(self, excerpt: Excerpt) -> Iterator[Seen]:
        """Judge the steps of `excerpt`, each from the state that it started from; those it leaves out are counted."""
        self.steps, self.looked_at = self.steps + len(excerpt.losses), self.looked_at + excerpt.block.steps
        if self.faults or not excerpt.block.steps:
            return
        trace = as_excerpt(self.problem, excerpt.block, excerpt.before)
        self.faults = steps_faults(trace, excerpt.numbers)
        if not self.faults:
            yield from self.judge(Part(trace=trace, numbers=excerpt.numbers, excerpt=True))

    def rest(self) -> Iterator[Seen]:
        """Judge what is left; there are no more blocks."""
        if not self.faults:
            for part in self.parts.rest():
                yield from self.judge(part)

    def judge(self, part: Part) -> Iterator[Seen]:
        """Judge the steps of `part`, up to where right values overflow."""
        memory = self.states or OwnStates(part.trace, self.since)
        self.values.add(part.trace, part.numbers)
        seen = [observed_at(part.trace, one, memory, part.numbers) for one in chunks(part.trace)]
        if self.beyond is None:
            states = [(one.positions, one.before, one.x, one.y) for one in seen]
            lost = first_not_finite(states) if part.excerpt else None
            self.beyond = min(filter(None, [lost, first_beyond(self.problem, states)]), default=None)
        if self.beyond is not None:
            self.not_compared += int(np.sum(part.numbers + 1 >= self.beyond[0]))
        for observed in compared(seen, self.beyond):
            observed = observed if self.updates else observed.without_updates()
            first_wrong = judge(observed, self.tallies)
            self.formats.narrow(observed, first_wrong is not None)
            self._keep_witness(part, observed)
            yield Seen(observed=observed, first_wrong=first_wrong)
        if self.updates and not (self.whole or self.problem.optimizer.plain or self.beyond):
            self.since = memory.after(self.precisions)

    def _keep_witness(self, part: Part, observed: Observed) -> None:
        found = least_certain(list(self.tallies.values()))
        if self.whole is None and found and found.untold and found.untold[1] - 1 in observed.positions:
            at = int(np.flatnonzero(part.numbers == found.untold[1] - 1)[0])
            self.witness = part.trace.part(at, at + 1)

    def concluded(self) -> Audit:
        """What was found, all steps having been judged."""
        missing = [] if self.faults else length_faults(self.problem, self.steps)
        return unjudged(self.steps, missing) if missing else self.so_far()

    def so_far(self) -> Audit:
        """What was found of the steps there were, though they be fewer than the problem has."""
        if self.faults:
            return unjudged(self.steps, self.faults)
        tallies = list(self.tallies.values())
        found = concluded(tallies, self.problem.dtype, self.steps, self.values.lines())
        found = replace(found, untold=self._untold(tallies), divergence=self._divergence())
        return self.formats.explain(replace(found, left_out=self.steps - self.looked_at))

    def _untold(self, tallies: list[Tally]) -> Untold | None:
        if self.whole is not None:
            return farthest_untold(self.whole, tallies)
        found = least_certain(tallies)
        if found is None or found.untold is None or self.witness is None:
            return None
        return farthest_untold(self.witness, tallies, found.untold[1] - 1)

    def _divergence(self) -> Divergence | None:
        if self.beyond is None:
            return None
        step, names = self.beyond
        numbers = 1 + 2 * sum(values.size for values in self.problem.initial.values())
        return Divergence(
            step=step,
            last=self.steps,
            quantities=names,
            dtype=self.problem.dtype,
            numbers=self.not_compared * numbers,
        )


def compared(seen: Iterable[Observed], beyond: tuple[int, tuple[str, ...]] | None) -> Iterator[Observed]:
    """What was seen before the step in which right values overflow."""
    for observed in seen:
        steps = len(observed.positions) if beyond is None else int(np.sum(observed.positions + 1 < beyond[0]))
        if steps:
            yield observed.part(slice(steps))


def part_length(problem: Problem) -> int:
    """Steps that are evaluated together: few enough to bound the memory."""
    network = problem.network
    numbers = batch_width(problem) * max(network.sizes) + sum(values.size for values in problem.initial.values())
    return max(1, CHUNK_ELEMENTS // numbers)


def parts_of(trace: Trace, length: int) -> Iterator[Part]:
    """The trace in parts of `length` steps."""
    for begin in range(0, trace.steps, length):
        numbers = np.arange(begin, min(begin + length, trace.steps))
        yield Part(trace=trace.part(begin, begin + length), numbers=numbers)


def divergence_of(trace: Trace) -> Divergence | None:
    """From where on the right values of `trace` are too large to be compared."""
    seen = (observed_at(trace, positions) for positions in chunks(trace))
    states = ((one.positions, one.before, one.x, one.y) for one in seen)
    numbers = sum(values[0].size for values in actual_values(trace).values())
    return first_divergence(trace.problem, states, trace.steps, numbers)


def chunks(trace: Trace) -> Iterator[Array]:
    """Positions of steps to evaluate together: equally many rows each, and few enough to bound the memory.

    Every step stands in exactly one chunk. Where the optimizer remembers earlier steps, the chunks follow each other.
    """
    if not trace.problem.optimizer.plain:
        yield from _chunks_in_order(trace)
        return
    network = trace.problem.network
    widest = trace.rows.shape[1] * max(network.sizes)
    numbers = widest + network.parameter_count
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


def observations(trace: Trace, divergence: Divergence | None = None) -> Iterator[Observed]:
    """All steps of `trace`, chunk by chunk, up to where it diverges."""
    states = OwnStates(trace)
    for positions in chunks(trace):
        compared = positions if divergence is None else positions[~divergence.covers(positions)]
        if len(compared):
            yield observed_at(trace, compared, states)


def judge(observed: Observed, tallies: Mapping[str, Tally], learning_rate: Array | None = None) -> int | None:
    """Count every element of `observed` into the tally of its quantity; the first step that is wrong, from 0.

    learning_rate: (steps, 1, 1) where it is not the problem's own.
    """
    run = PRECISIONS[observed.problem.dtype]
    if in_pieces(observed.problem):
        return _judge_pieces(observed, tallies, run, learning_rate)
    expected = expected_of(observed, run, learning_rate)
    judged = {
        name: Judged(observed.positions, values.astype(np.float64), expected[name])
        for name, values in observed.actual.items()
    }
    for name, one in judged.items():
        tallies[name].add(one)
    bad = [step for one in judged.values() if (step := one.first_wrong) is not None]
    if run is FLOAT64 and bad:
        below = expected_of(observed, FLOAT32, learning_rate)
        for name, one in judged.items():
            tallies[name].add_below(one, below[name])
    return min(bad, default=None)


def _judge_pieces(
    observed: Observed, tallies: Mapping[str, Tally], run: Precision, learning_rate: Array | None
) -> int | None:
    bad = []
    for piece in _pieces(observed, run, learning_rate):
        if isinstance(piece.found, Counted):  # of one step
            size = int(observed.actual[piece.name][0].size)
            tallies[piece.name].add_counted(int(observed.positions[0]), size, piece.found)
            bad += [0] if piece.found.wrong else []
            continue
        one = _judged_piece(observed, piece, piece.found)
        tallies[piece.name].add(one)
        bad += [] if one.first_wrong is None else [one.first_wrong]
    if run is FLOAT64 and bad:
        for piece, below in zip(*(_pieces(observed, one, learning_rate, False) for one in (run, FLOAT32)), strict=True):
            assert isinstance(piece.found, Expectation)
            assert isinstance(below.found, Expectation)
            tallies[piece.name].add_below(_judged_piece(observed, piece, piece.found), below.found)
    return min(bad, default=None)


def _pieces(
    observed: Observed, carried: Precision, learning_rate: Array | None, compiled: bool = True
) -> Iterator[Piece]:
    """Those of what was reported."""
    actual = observed.actual
    complete = all(f"gradient.{name}" in actual for name in observed.before)
    told = {name: values for name, values in actual.items() if complete or not name.startswith("gradient.")}
    found = pieces(
        observed.problem,
        observed.before,
        observed.x,
        observed.y,
        told,
        carried,
        learning_rate,
        compiled=compiled,
    )
    return (piece for piece in found if piece.name in actual)


def _judged_piece(observed: Observed, piece: Piece, expectation: Expectation) -> Judged:
    whole = observed.actual[piece.name]
    values = whole[:, piece.at] if whole.ndim > 1 else whole
    return Judged(observed.positions, values, expectation, piece.at.start or 0, int(whole[0].size))


def concluded(tallies: list[Tally], dtype: str, steps: int, faults: list[str]) -> Audit:
    """The record of what was counted; `faults` spoil the verdict whatever the values."""
    first_bad = min((tally.first_bad.step for tally in tallies if tally.first_bad), default=0)
    wrong = [tally for tally in tallies if tally.first_bad and tally.first_bad.step == first_bad]
    verdict = _verdict(tallies, faults)
    return Audit(
        verdict=verdict,
        carries=None if verdict is Verdict.BLIND else _carries(tallies, dtype),
        steps=steps,
        faults=tuple(faults),
        quantities=tuple(tally.concluded() for tally in tallies),
        deviations=tuple(tally.first_bad for tally in wrong if tally.first_bad),
        agreed=tuple(tally.name for tally in tallies if first_bad and tally not in wrong),
        wrong_steps=counted_once(tally.wrong_steps for tally in tallies),
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
