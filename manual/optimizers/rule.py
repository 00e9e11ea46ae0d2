"""What an optimizer's formula consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from manual.activations import Number

Slots = dict[str, Number]  # what is remembered of earlier gradients, by the letter of the paper
Moves = tuple[Number, ...]  # what θ loses, one after another
Formula = Callable[..., Any]


def nothing_kept(**_: Number) -> Slots:
    """For a rule that remembers nothing."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One formula: first the gradient g goes into the slots, then θ loses what `moves` says.

    Every function takes by name what it needs of g, the slots, the settings, the learning rate `rate` and the step
    `t`, counted from 1, and ignores the rest.
    start: each slot before the first step, a number or the name of a setting.
    absorb: the slots after g.
    moves: ways to evaluate what θ loses, the paper's first, then libraries': one number, rounded in other places.
    kept: the factor by which each slot enters its own next value; the rest of it is `absorb` of empty slots. A slot is
    the sum of the two, or in `largest` the larger one.
    averages: slots s ← β s + (1 − β) x, which libraries also evaluate as s + (1 − β)(x − s).
    constants: numbers of the formula that a library holds rounded, by name.
    """

    start: Mapping[str, float | str] = field(default_factory=dict)
    absorb: Callable[..., Slots] = nothing_kept
    moves: tuple[Callable[..., Moves], ...]
    kept: Callable[..., Slots] = nothing_kept
    averages: frozenset[str] = frozenset()
    largest: frozenset[str] = frozenset()
    constants: Mapping[str, float] = field(default_factory=dict)
