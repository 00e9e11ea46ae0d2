"""What a wrong update consists of: an optimizer's formula, and the one thing that is otherwise.

It runs over any number system, as the right one does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from manual.optimizers.rule import Rule
from problems.optimizer import Optimizer

Number = Any
Given = Mapping[str, Any]
Slots = Mapping[str, Number]
Held = Callable[[Slots, Slots, Number, Given], Slots]  # of the slots after and before, g and the numbers
Clipping = Callable[[Mapping[str, Number], Given], Mapping[str, Number]]
Decayed = Literal["", "gradient", "clipped gradient", "moved parameter"]


def same_given(given: Given) -> Given:
    """Every number as it should be."""
    return given


def same_rule(rule: Rule) -> Rule:
    """The formula as it should be."""
    return rule


def same_step(t: Any, steps: int) -> Any:
    """The learning rate of the step itself."""
    return t


def slots_after(after: Slots, before: Slots, g: Number, given: Given) -> Slots:
    """What the formula moves by: the slots that this step's gradient has gone into."""
    return after


@dataclass(frozen=True, kw_only=True, eq=False)
class WrongUpdate:
    """An update that differs from the right one of `optimizer` in one thing; text completes "matches the formula ...".

    optimizer: whose rule is followed; rule: what becomes of that; everywhere, moving: the numbers that the whole
    formula, or its move alone, is given; slots: what the move takes the slots for; greatest: the slot that it takes the
    largest so far of; anew: whether every epoch begins with nothing remembered, at step 1; decayed: what the decay goes
    into instead, the gradient before or after that is clipped, or the parameter after it has moved; counted: the step
    whose learning rate is taken, of a step and the steps of an epoch; clipping: what becomes of the gradients instead.
    """

    mistake: str
    text: str
    optimizer: Optimizer
    rule: Callable[[Rule], Rule] = same_rule
    everywhere: Callable[[Given], Given] = same_given
    moving: Callable[[Given], Given] = same_given
    slots: Held = slots_after
    greatest: str = ""
    anew: bool = False
    decayed: Decayed = ""
    counted: Callable[[Any, int], Any] = same_step
    clipping: Clipping | None = None

    @property
    def quantity(self) -> str:
        """What is wrong: the update, of every parameter."""
        return "update"

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The name of its mistake, as mutants have it."""
        return (self.mistake,)


def with_numbers(**exchanged: Callable[[Given], Number]) -> Callable[[Given], Given]:
    """The numbers with those named made anew from all of them."""
    return lambda given: {**given, **{name: made(given) for name, made in exchanged.items() if name in given}}


def without(*names: str) -> Callable[[Given], Given]:
    """The numbers without those named."""
    return lambda given: {name: value for name, value in given.items() if name not in names}


def renamed(name: str, other: str) -> Callable[[Given], Given]:
    """The numbers with the one called `name` under another name."""
    return lambda given: {**without(name)(given), other: given[name]}
