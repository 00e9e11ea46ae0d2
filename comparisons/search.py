"""The search for a mistake: each wrong element on its own, by what gives what was found in every state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, Precision
from comparisons.chains import Passes, gradient, loss_value, updated
from comparisons.estimates import LEAST_STATES, Estimate, Measured, bounded, common, estimated, within
from comparisons.evidence import Evidence
from comparisons.lower_precision import carries_float32, constant_added, epsilon_in_log
from comparisons.messages import counted
from comparisons.mutants import UPDATE_SITES, Mutant, double_mutants, single_mutants
from comparisons.reference import reported
from comparisons.variants import AVERAGED_TWICE, SUMMED, Index
from comparisons.verdict import Diagnosis
from problems.problem import Array, Network

PAIR_STATES = 12  # pairs are searched over this many states, then confirmed on all
SHOWN_ALTERNATIVES = 3
SMALL = 200  # parameters of a network up to which every wrong element is explained, and pairs of mistakes are tried
MOST_ELEMENTS = 8  # of each loss, gradient or update of a larger network, spread over those that are wrong
MOST_NUMBERS = 4_000_000  # states times parameters of a larger network, with LEAST_STATES and one to confirm at least
NOT_FLOAT32 = (
    "it is no farther off than float32 may be, but these are not float32 numbers: something small was added (an "
    "epsilon in a log or a division, other starting numbers) or cut off (a clipped prediction), "
    "or float32 stands somewhere on the way"
)
DIGITS = 9  # of a measured factor, at most
SAME = 1e-6  # a measured factor this near to a known one is tried as that one


def searches(evidence: Evidence, elsewhere: Sequence[Evidence] = ()) -> Iterator[Search]:
    """One search per thing that can be wrong of every parameter: the gradient where it is told, and the update."""
    for name in evidence.problem.network.parameter_shapes:
        if evidence.gradients is not None:
            yield Search(evidence, name, of_gradient=True, elsewhere=elsewhere)
        yield Search(evidence, name, of_gradient=False, elsewhere=elsewhere)


def small(network: Network) -> bool:
    """Whether everything about a network of this size is gone through."""
    return network.parameter_count <= SMALL


def affordable(evidence: Evidence) -> Evidence:
    """All states of a small network; of a larger one as many as MOST_NUMBERS allows, spread over them."""
    network, states = evidence.problem.network, len(evidence.loss)
    most = max(LEAST_STATES + 1, MOST_NUMBERS // network.parameter_count)
    if small(network) or states <= most:
        return evidence
    return evidence.part(np.linspace(0, states - 1, most).astype(int))


def says_something(predicted: Bounded) -> Array:
    """Where a prediction is told from 0, or is 0: within a bound larger than itself anything would be."""
    size = np.abs(predicted.value)
    return np.asarray((predicted.error < size) | ((size == 0) & (predicted.error == 0)))


class Search:
    """The search for what explains the wrong elements of one quantity.

    of_gradient: the gradient that the candidate returned is explained; otherwise the loss or the parameter after
    the update. Where the candidate tells its gradients, the update is wrong where it does not follow from a right one,
    or neither from a wrong one nor from what is right, and is explained from them first, so that a wrong update of a
    right gradient is told apart.
    elsewhere: states with other numbers of rows. What gives what was found there too is told before what does not.
    """

    def __init__(
        self, evidence: Evidence, quantity: str, *, of_gradient: bool, elsewhere: Sequence[Evidence] = ()
    ) -> None:
        self.evidence, self.quantity, self.of_gradient = evidence, quantity, of_gradient
        self.elsewhere = [Search(other, quantity, of_gradient=of_gradient) for other in elsewhere]
        self.found = evidence.found(quantity, of_gradient).astype(np.float64)
        self._gradients: dict[str, Bounded] = {}

    @cached_property
    def passes(self) -> Passes:
        """What the formulas run over, in the run's own precision."""
        return self.evidence.passes()

    def _gradient(self, name: str) -> Bounded:
        """The right ∂L/∂name, worked out once."""
        if name not in self._gradients:
            self._gradients[name] = bounded(gradient(self.passes, name, {}))
        return self._gradients[name]

    @property
    def from_own_gradient(self) -> bool:
        """Whether only the update is in question."""
        return not self.of_gradient and self.quantity != "loss" and self.evidence.gradients is not None

    def wrong_states(self, index: Index = ()) -> Array:
        """In which states the element, or every element, is outside the bound of the right formula."""
        key: Any = (slice(None), *index)
        return ~within(self._right()[key], self.found[key])

    def told(self) -> Array:
        """Of which elements enough states say something."""
        return np.asarray(np.isfinite(self._right().error).sum(axis=0) >= LEAST_STATES)

    def diagnoses(self) -> list[Diagnosis]:
        """A Diagnosis for each wrong element."""
        every = self.wrong_elements()
        left = every
        if not small(self.evidence.problem.network) and len(every) > MOST_ELEMENTS:
            left = [every[place] for place in np.linspace(0, len(every) - 1, MOST_ELEMENTS).astype(int)]
        note = f" (looked at {len(left)} of {len(every):,} wrong elements)" if len(left) < len(every) else ""
        result: dict[Index, Diagnosis] = {}
        for attempt in (
            self._single,
            self._ratio,
            self._precision,
            self._estimated,
            self._logarithm,
            self._double,
            self._unknown,
        ):
            if left:
                result |= attempt(left)
                left = [index for index in left if index not in result]
        found = [result[index] for index in sorted(result)]
        return [replace(one, explanation=f"{one.explanation}{note}") for one in found] if note else found

    def wrong_elements(self) -> list[Index]:
        """The elements that are outside the bound of the right formula in any state."""
        bad = ~within(self._right(), self.found).all(axis=0)
        if self.from_own_gradient:
            bad &= ~(self._blurred & ~self._own_right)
        return [tuple(int(i) for i in index) for index in np.argwhere(bad)]

    @cached_property
    def _blurred(self) -> Array:
        """Of which elements the update lies within what follows from the formulas: that bound may be too wide to tell
        it from other formulas'."""
        return np.asarray(within(self._right_update(), self.found).all(axis=0))

    @cached_property
    def _own_right(self) -> Array:
        """Of which elements the gradient that was told is right."""
        assert self.evidence.gradients is not None
        return np.asarray(within(self._right_gradient(), self.evidence.gradients[self.quantity]).all(axis=0))

    def _right(self, carried: Precision | None = None) -> Bounded:
        """What is expected in every state."""
        passes = self.evidence.passes(carried) if carried else self.passes
        if self.quantity == "loss":
            return bounded(loss_value(passes, {}))
        if self.from_own_gradient:
            return bounded(updated(passes, self.quantity, self._own_gradient(self.evidence, carried), {}))
        return self._right_gradient(carried) if self.of_gradient else self._right_update(carried)

    def _right_gradient(self, carried: Precision | None = None) -> Bounded:
        if carried is None:
            return self._gradient(self.quantity)
        return bounded(gradient(self.evidence.passes(carried), self.quantity, {}))

    def _right_update(self, carried: Precision | None = None) -> Bounded:
        """The parameter after the update by the right gradient."""
        passes = self.evidence.passes(carried) if carried else self.passes
        return bounded(updated(passes, self.quantity, self._right_gradient(carried), {}))

    def _own_gradient(self, evidence: Evidence, carried: Precision | None = None) -> Bounded:
        """The candidate's own gradient, as an update may have used it."""
        assert evidence.gradients is not None
        return reported(evidence.gradients[self.quantity], evidence.precision, carried or evidence.precision)

    def _predicted(self, mutant: Mutant, evidence: Evidence, passes: Passes) -> Bounded:
        """What `mutant` gives for the quantity in question."""
        if self.of_gradient:
            return bounded(mutant.gradient(passes))
        if self.from_own_gradient and mutant.sites <= UPDATE_SITES:
            return bounded(updated(passes, self.quantity, self._own_gradient(evidence), mutant.choice))
        return bounded(mutant.value(passes))

    def _in_question(self, mutants: Iterable[Mutant]) -> list[Mutant]:
        """The mutants of the formula in question: the gradient's alone, or the gradient's and the update's."""
        if self.of_gradient:
            return [mutant for mutant in mutants if not mutant.sites & UPDATE_SITES]
        return list(mutants)

    def _matches(self, mutants: list[Mutant], wrong: list[Index], states: Array) -> dict[Index, list[Mutant]]:
        """For each wrong element the mutants that give what was found in all of `states`."""
        evidence, found = self.evidence.part(states), self.found[states]
        passes = evidence.passes()
        matches: dict[Index, list[Mutant]] = {}
        blurred = self._blurred if self.from_own_gradient else np.zeros(found.shape[1:], bool)
        for mutant in mutants:
            predicted = self._predicted(mutant, evidence, passes)
            told = np.broadcast_to(says_something(predicted), found.shape).sum(axis=0) >= LEAST_STATES
            fits = np.broadcast_to(within(predicted, found), found.shape).all(axis=0) & told
            fits &= (mutant.sites <= UPDATE_SITES) | ~blurred
            for index in wrong:
                if fits[index] and mutant.changes(index):
                    matches.setdefault(index, []).append(mutant)
        return matches

    def _gives(self, mutant: Mutant) -> Array:
        """Of which elements `mutant` gives what was found, in every state."""
        fits = within(self._predicted(mutant, self.evidence, self.passes), self.found)
        return np.asarray(np.broadcast_to(fits, self.found.shape).all(axis=0))

    def _everywhere(self, matches: dict[Index, list[Mutant]]) -> dict[Index, list[Mutant]]:
        """Of the mutants of each element those that states with other numbers of rows do not refute."""
        tried = {id(mutant): mutant for mutants in matches.values() for mutant in mutants}
        given = {key: [other._gives(mutant) for other in self.elsewhere] for key, mutant in tried.items()}
        return {
            index: [mutant for mutant in mutants if all(fits[index] for fits in given[id(mutant)])]
            for index, mutants in matches.items()
        }

    def _all_states(self) -> Array:
        return np.arange(len(self.found))

    def _single(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """One mistake."""
        mutants = self._in_question(single_mutants(self.evidence.problem, self.quantity))
        matches = self._matches(mutants, wrong, self._all_states())
        if not self.elsewhere:
            return {index: self._diagnosis(index, found) for index, found in matches.items()}
        everywhere = self._everywhere(matches)
        return {
            index: replace(self._diagnosis(index, everywhere[index] or found), everywhere=bool(everywhere[index]))
            for index, found in matches.items()
        }

    def _double(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """Two mistakes in one formula, in a small network."""
        if not small(self.evidence.problem.network):
            return {}
        mutants = self._in_question(double_mutants(self.evidence.problem, self.quantity))
        likely = self._matches(mutants, wrong, self._all_states()[:PAIR_STATES])
        result = {}
        for index, found in likely.items():
            confirmed = self._matches(found, [index], self._all_states())
            if confirmed:
                result[index] = self._diagnosis(index, confirmed[index])
        return result

    def _precision(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """Right at float32's bound, in a run of higher precision."""
        if self.evidence.precision is FLOAT32:
            return {}
        near = np.asarray(within(self._right(FLOAT32), self.found).all(axis=0))
        inside = [index for index in wrong if near[index]]
        if not inside:
            return {}
        float32 = carries_float32(self.evidence)
        return {index: self._within_float32(index, float32) for index in inside}

    def _within_float32(self, index: Index, float32: bool) -> Diagnosis:
        """An epsilon in a log; float32 where the candidate's numbers show it; a small constant added; or neither."""
        logarithm = self._logarithm([index])
        if logarithm:
            return logarithm[index]
        if float32:
            text = "to float32's precision only: somewhere on the way numbers are held or multiplied in float32"
            return self._named(index, ("precision",), text)
        added = constant_added(self.measured(index))
        if added:
            return self._named(index, ("unknown",), f"{added}, the same in every state")
        return self._named(index, ("unknown",), f"{NOT_FLOAT32}{self._measured(index)}")

    def _ratio(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """A constant times what is expected, in every state; or a learning rate that is the same in every state."""
        result = {}
        for index in wrong:
            factor = self._constant(self._expected_change(with_rate=True), index)
            rate = None if self._no_rate else self._constant(self._expected_change(with_rate=False), index)
            if factor is not None and (text := self._of_rows(index, factor)):
                result[index] = self._named(index, ("reduction",), text)
            elif factor is not None:
                result[index] = self._signed(
                    index, factor, "factor", f"times {abs(self._shortest(index, factor)):.{DIGITS}g}"
                )
            elif rate is not None:
                text = f"as if the learning rate were {abs(rate):.6g} in every step, whatever is passed"
                result[index] = self._signed(index, rate, "learning-rate", text)
        return result

    def _of_rows(self, index: Index, factor: float) -> str | None:
        """What a measured factor is in words, where it is one that the number of rows brings."""
        rows, full = self.evidence.x.shape[-2], min(self.evidence.problem.batch_size, len(self.evidence.problem.x))
        meanings = {
            float(rows): SUMMED,
            1 / rows: AVERAGED_TWICE,
            rows / full: f"divided by {full}, the batch size, where this batch has fewer rows",
        }
        for value, text in meanings.items():
            if abs(factor - value) <= SAME * value and value != 1 and self._is_factor(index, value):
                return text
        return None

    def _is_factor(self, index: Index, factor: float) -> bool:
        """Whether exactly `factor` times what is expected was found in every state."""
        key: Any = (slice(None), *index)
        change = self._expected_change(with_rate=True)[key] * factor
        if not self._no_rate:
            change = Bounded.exact(self.evidence.before[self.quantity][key], self.evidence.precision) - change
        return bool(within(bounded(change), self.found[key]).all())

    def _shortest(self, index: Index, factor: float) -> float:
        """The factor in the fewest digits that was found in every state as well: what it was written as."""
        rounded = (float(f"{factor:.{digits}g}") for digits in range(1, DIGITS + 1))
        return next((one for one in rounded if self._is_factor(index, one)), factor)

    def _signed(self, index: Index, constant: float, mistake: str, text: str) -> Diagnosis:
        """The mistake of a constant; a negative one has two."""
        if constant < 0:
            return self._named(index, ("sign", mistake), f"with the opposite sign, and {text}")
        return self._named(index, (mistake,), text)

    def _constant(self, expected: Bounded, index: Index) -> float | None:
        """The one number that, times `expected`, gives what was found in every state, if there is one."""
        constant = common(self._ratio_to(expected, index))
        if constant is None:
            return None
        key: Any = (slice(None), *index)
        change = expected[key] * constant
        if not self._no_rate:
            change = Bounded.exact(self.evidence.before[self.quantity][key], self.evidence.precision) - change
        return constant.value.item() if within(bounded(change), self.found[key]).all() else None

    @property
    def _no_rate(self) -> bool:
        return self.of_gradient or self.quantity == "loss"

    def _expected_change(self, *, with_rate: bool) -> Bounded:
        """What the found change is a multiple of: the loss, the gradient, or the rate times it."""
        passes = self.passes
        if self.quantity == "loss":
            return bounded(loss_value(passes, {}))
        own = self.from_own_gradient
        slope = self._own_gradient(self.evidence) if own else self._gradient(self.quantity)
        return bounded(slope * passes.learning_rate if with_rate and not self.of_gradient else slope)

    def _ratio_to(self, expected: Bounded, index: Index) -> Bounded:
        """What was found, or moved by, divided by what is expected, per state."""
        key: Any = (slice(None), *index)
        found = Bounded.rounded(self.found[key], self.evidence.precision)
        if self._no_rate:
            return bounded(found / expected[key])
        before = Bounded.exact(self.evidence.before[self.quantity][key], self.evidence.precision)
        return bounded((before - found) / expected[key])

    def _estimated(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """A term added or a gradient cut off, with a constant that is measured: here, elsewhere or at a neighbor."""
        told = {index: one for index in wrong if (one := estimated(self.measured(index)))}
        for index in (index for index in wrong if index not in told):
            known = [one for other in self.elsewhere if (one := estimated(other.measured(index)))]
            shared = {one.text: one for one in (*known, *told.values())}
            found = next((one for one in shared.values() if one.gives(self.measured(index))), None)
            told |= {index: found} if found else {}
        return {index: self._of_estimate(index, one) for index, one in told.items()}

    def _logarithm(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """An epsilon inside the logarithms of the loss."""
        epsilon = epsilon_in_log(self.passes, self.found) if self.quantity == "loss" else None
        if epsilon is None:
            return {}
        return {i: self._named(i, ("wrong-loss",), f"with {epsilon:.6g} added inside its logarithms") for i in wrong}

    def _of_estimate(self, index: Index, one: Estimate) -> Diagnosis:
        everywhere = bool(self.elsewhere) and all(one.gives(other.measured(index)) for other in self.elsewhere)
        return replace(self._named(index, (one.mistake,), one.text), everywhere=everywhere)

    def measured(self, index: Index) -> Measured:
        """What an estimate of a constant needs to know of one element."""
        key: Any = (slice(None), *index)
        passes = self.passes
        update = not self._no_rate
        names = () if self.quantity == "loss" else tuple(passes.before)
        slopes = {name: self._slope(name) for name in names}
        return Measured(
            found=self.found[key],
            wrong=self.wrong_states(index),
            before=passes.before,
            own=None if self.quantity == "loss" else passes.before[self.quantity][key],
            right=bounded(loss_value(passes, {})) if self.quantity == "loss" else slopes[self.quantity][key],
            slopes=slopes,
            tensor=self.quantity,
            rate=passes.learning_rate[:, 0, 0] if update else None,
        )

    def _slope(self, name: str) -> Bounded:
        """∂L/∂name, the candidate's own where only its update is in question."""
        if self.from_own_gradient and self.evidence.gradients is not None:
            return Bounded.exact(self.evidence.gradients[name], self.evidence.precision)
        return self._gradient(name)

    def _unknown(self, wrong: list[Index]) -> dict[Index, Diagnosis]:
        """No explanation: the measured ratio, and no guess."""
        result = {}
        for index in wrong:
            text = f"no single mistake or pair of mistakes that is known explains it{self._measured(index)}"
            result[index] = self._named(index, ("unknown",), text)
        return result

    def _measured(self, index: Index) -> str:
        """What can be said of an element that nothing explains: how it compares with what is expected."""
        key: Any = (slice(None), *index)
        found = self.found[key]
        if not np.isfinite(found).all():
            return f"; it is no finite number in {(~np.isfinite(found)).sum()} of {counted(len(found), 'state')}"
        if self.quantity == "loss" and (found == found[0]).all():
            return f"; it is {found[0]:.6g} in every state, whatever the parameters and rows are"
        wrong = ~within(self._right()[key], found)
        ratio = self._ratio_to(self._expected_change(with_rate=True), index).value[wrong]
        ratio = ratio[np.isfinite(ratio)] + 0.0  # -0 becomes 0
        if not len(ratio):
            return ""
        low, high = f"{ratio.min():.6g}", f"{ratio.max():.6g}"
        lies = f"is {low}" if low == high else f"lies between {low} and {high}"
        return f"; found / expected {lies} where it is wrong"

    def _diagnosis(self, index: Index, mutants: list[Mutant]) -> Diagnosis:
        first, *others = mutants
        text = first.text
        if others:
            also = "' or '".join(mutant.text for mutant in others[:SHOWN_ALTERNATIVES])
            text += f" (cannot tell this from '{also}' here)"
        named = self._named(index, first.mistakes, text)
        return replace(named, alternatives=tuple(mutant.mistakes for mutant in others))

    def _named(self, index: Index, mistakes: tuple[str, ...], text: str) -> Diagnosis:
        if mistakes != ("unknown",):
            text = f"matches the formula {text}"
        of = "loss" if self.quantity == "loss" else "gradient" if self.of_gradient else "update"
        return Diagnosis(parameter=self.quantity, index=index, mistakes=mistakes, explanation=text, of=of)
