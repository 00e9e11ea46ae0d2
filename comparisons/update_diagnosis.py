"""Which wrong update an optimizer that remembers has made: every one predicted from the run's own gradients.

An explanation must lie within the derived bound of every step told, and there must be LEAST_STEPS of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.leaves import leaves
from comparisons.arithmetic.precision import PRECISIONS
from comparisons.arithmetic.recursion import maxima
from comparisons.arithmetic.unions import union
from comparisons.own_states import OwnStates
from comparisons.rates import rates
from comparisons.reference import Expectation
from comparisons.tally import outside
from comparisons.updates import Slots, absorbed, clipped_rows, decayed_and_moved, first_slots, given_at, rows_of
from comparisons.verdict import Diagnosis
from comparisons.wrong_update import WrongUpdate
from comparisons.wrong_updates import wrong_updates
from manual.optimizers import Rule, rules
from manual.optimizers.update import decayed
from problems.problem import Array
from problems.trace import Trace

MOST_STEPS = 200  # from the start: what is remembered began there
LEAST_STEPS = 3  # that tell; fewer may agree by coincidence
SHOWN_ALTERNATIVES = 3
Index = tuple[int, ...]


def diagnosed_updates(trace: Trace) -> list[Diagnosis]:
    """Why parameters are wrong after their updates, element by element; nothing where none is."""
    trace = trace.part(0, min(trace.steps, MOST_STEPS))
    found, before, names = _found(trace), _before(trace), _places(trace)
    wrong = wrong_places(trace)
    if not len(wrong):
        return []
    known = [(one, _fits(found, predicted(trace, before, one))) for one in wrong_updates(trace.problem.optimizer)]
    of_all = [one for one, fits in known if fits[wrong].all()]  # one mistake is told once, whatever else fits some
    return [
        _diagnosis(*names[place], of_all or [one for one, fits in known if fits[place]], found[:, place])
        for place in map(int, wrong)
    ]


def wrong_places(trace: Trace) -> Array:
    """Which elements, all parameters side by side, are outside their update's bound in any step."""
    return np.flatnonzero(outside(_found(trace), _expected(right(trace))).any(axis=0))


def right(trace: Trace) -> Bounded:
    """θ after every step as it should be, (steps, parameters)."""
    positions = np.arange(trace.steps)
    state = {name: trace.before(name, positions) for name in trace.initial}
    return rows_of(OwnStates(trace).updates(positions, state, PRECISIONS[trace.problem.dtype]))


def predicted(trace: Trace, before: Bounded, wrong: WrongUpdate) -> Bounded:
    """θ after every step as the wrong update has it, around every way to evaluate that, (steps, parameters)."""
    precision = before.precision
    steps, of_epoch = np.arange(1, trace.steps + 1), trace.problem.steps_per_epoch
    numbers = given_at(wrong.optimizer, (steps - 1) % of_epoch + 1 if wrong.anew else steps, precision)
    numbers["rate"] = rates(wrong.optimizer, wrong.counted(steps, of_epoch), precision)
    given = dict(wrong.everywhere(numbers))
    gradients = {name: leaves(trace.gradients[name], precision, precision) for name in trace.initial}
    decay = given.pop("weight_decay") if wrong.decayed else None
    if wrong.decayed == "gradient":
        gradients = {
            name: g + decay * leaves(trace.before(name, steps - 1), precision, precision)
            for name, g in gradients.items()
        }
    g: Any = rows_of(wrong.clipping(gradients, given)) if wrong.clipping else clipped_rows(gradients, given)
    if wrong.decayed == "clipped gradient":
        g = g + decay * before
    ways: list[Any] = []
    for right_rule, start in zip(rules(wrong.optimizer), first_slots(wrong.optimizer, given, precision), strict=True):
        rule = wrong.rule(right_rule)
        after = _absorbed_anew(rule, g, given, start, of_epoch) if wrong.anew else absorbed(rule, g, given, start)
        held = wrong.slots(after, {name: _shifted(start[name], after[name]) for name in after}, g, given)
        if wrong.greatest:
            one = Bounded.exact(1.0, precision)
            held = {**held, wrong.greatest: maxima(one, after[wrong.greatest], start[wrong.greatest])}
        for way in rule.moves:
            ways += decayed_and_moved(before, way(g=g, **held, **wrong.moving(given)), given)
    if wrong.decayed == "moved parameter":
        ways = [one for way in ways for one in (decayed(way, given["rate"], decay), way - way * decay * given["rate"])]
    return union(ways)


def _absorbed_anew(rule: Rule, g: Bounded, given: Mapping[str, Any], start: Slots, length: int) -> Slots:
    """The slots after each step, where they start anew every `length` steps."""
    parts = []
    for begin in range(0, len(g.value), length):
        at = slice(begin, begin + length)
        some = {name: value[at] if getattr(value, "ndim", 0) else value for name, value in given.items()}
        parts.append(absorbed(rule, g[at], some, start))
    return {name: _joined([part[name] for part in parts]) for name in start}


def _joined(parts: list[Bounded]) -> Bounded:
    value, error = (np.concatenate([getattr(part, what) for part in parts]) for what in ("value", "error"))
    return Bounded(value, error, parts[0].precision)


def _shifted(start: Bounded, after: Bounded) -> Bounded:
    """The slot before each step, of the slot after each."""
    value, error = (
        np.concatenate([np.broadcast_to(first, rest[:1].shape), rest[:-1]])
        for first, rest in ((start.value, after.value), (start.error, after.error))
    )
    return Bounded(value, error, after.precision)


def _before(trace: Trace) -> Bounded:
    """θ before every step, (steps, parameters)."""
    positions, precision = np.arange(trace.steps), PRECISIONS[trace.problem.dtype]
    return rows_of({name: leaves(trace.before(name, positions), precision, precision) for name in trace.initial})


def _found(trace: Trace) -> Array:
    """θ after every step as it was reported, (steps, parameters)."""
    return np.concatenate(
        [trace.parameters[name].reshape(trace.steps, -1) for name in trace.initial], axis=1, dtype=np.float64
    )


def _expected(rows: Bounded) -> Expectation:
    return Expectation(expected=rows.value, bound=rows.error, told=np.isfinite(rows.error))


def _fits(found: Array, rows: Bounded) -> Array:
    """For each element whether every step that is told is within its bound, and enough are, (parameters,)."""
    told = np.isfinite(rows.error)
    away = outside(found, _expected(rows)) & (told | ~np.isfinite(found))
    return ~away.any(axis=0) & (told.sum(axis=0) >= LEAST_STEPS)


def _places(trace: Trace) -> list[tuple[str, Index]]:
    """The parameter and index of each element of a row."""
    return [(name, index) for name in trace.initial for index in np.ndindex(trace.initial[name].shape)]


def _diagnosis(name: str, index: Index, several: list[WrongUpdate], found: Array) -> Diagnosis:
    """The first explanation, with the others that no step tells from it; `unknown` where there is none."""
    if not several:
        text = "no wrong update that is known makes this of the gradients that were reported"
        if not np.isfinite(found[0]):
            text += "; it is no finite number after the first step (a bias correction counted from 0 divides by 0)"
        return Diagnosis(parameter=name, index=index, mistakes=("unknown",), explanation=text, of="update")
    first, *others = several
    text = f"matches the formula {first.text}"
    if others:
        also = "' or '".join(one.text for one in others[:SHOWN_ALTERNATIVES])
        text += f" (cannot tell this from '{also}' here)"
    return Diagnosis(
        parameter=name,
        index=index,
        mistakes=(first.mistake,),
        explanation=text,
        of="update",
        alternatives=tuple((one.mistake,) for one in others),
    )
