"""Wrong formulas on purpose: a `Mutant` is one parameter (or the loss) with one or two factors exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from comparisons.chains import Choice, Number, Passes, gradient, loss_value, updated
from comparisons.variants import Index, Variant, variants
from problems.problem import Network, Problem

UPDATE_SITES = frozenset({"base", "kept", "rate"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Mutant:
    """A quantity ("loss", "W1", ...) computed with the variants' factors in place of the right ones."""

    quantity: str
    variants: tuple[Variant, ...]

    @property
    def choice(self) -> Choice:
        """What stands at each exchanged site."""
        return {variant.site: variant.factor for variant in self.variants}

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The names of its mistakes, each once."""
        return tuple(dict.fromkeys(variant.mistake for variant in self.variants))

    @property
    def text(self) -> str:
        """What is wrong, in words."""
        return "; and ".join(variant.text for variant in self.variants)

    @property
    def sites(self) -> frozenset[str]:
        """Where its variants stand."""
        return frozenset(variant.site for variant in self.variants)

    def changes(self, index: Index) -> bool:
        """Whether the element at `index` is computed in another way at all."""
        return all(variant.where(index) for variant in self.variants)

    def gradient(self, passes: Passes) -> Number:
        """∂L/∂quantity as the mutant has it, (steps, n_in, n_out)."""
        return gradient(passes, self.quantity, self.choice)

    def value(self, passes: Passes) -> Number:
        """The loss (steps,), or the parameter after the update (steps, n_in, n_out), as the mutant has it."""
        if self.quantity == "loss":
            return loss_value(passes, self.choice)
        return self.moved(passes, self.gradient(passes))

    def moved(self, passes: Passes, slope: Number) -> Number:
        """The parameter after the update by `slope`, (steps, n_in, n_out), as the mutant has it."""
        return updated(passes, self.quantity, slope, self.choice)


def single_mutants(problem: Problem, quantity: str) -> list[Mutant]:
    """Every mutant of `quantity` with one mistake."""
    return [Mutant(quantity=quantity, variants=(variant,)) for variant in variants(problem, quantity)]


def double_mutants(problem: Problem, quantity: str) -> Iterator[Mutant]:
    """Every mutant of `quantity` with two mistakes at different sites."""
    found = list(variants(problem, quantity))
    for position, first in enumerate(found):
        for second in found[position + 1 :]:
            if first.site != second.site and "kept" not in (first.site, second.site):
                yield Mutant(quantity=quantity, variants=(first, second))


def quantities(network: Network) -> tuple[str, ...]:
    """What mutants exist for: the loss and every parameter."""
    return ("loss", *network.parameter_shapes)


def elements(network: Network, quantity: str) -> list[Index]:
    """The positions of the elements of `quantity`."""
    return [()] if quantity == "loss" else list(np.ndindex(network.parameter_shapes[quantity]))


def catalogue(problem: Problem) -> Iterator[tuple[Mutant, Index]]:
    """Every single mistake in every single element: the mutant and the element that it is planted in."""
    for quantity in quantities(problem.network):
        for mutant in single_mutants(problem, quantity):
            for index in elements(problem.network, quantity):
                if mutant.changes(index):
                    yield mutant, index
