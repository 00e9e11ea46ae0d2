"""One update of all parameters: clip, remember, decay, move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from manual.activations import Number
from manual.optimizers.clipping import clipped
from manual.optimizers.rule import Rule, Slots
from manual.optimizers.rules import rules
from problems.optimizer import Optimizer

State = dict[str, Slots]  # parameter name to its slots


def coefficients(optimizer: Optimizer, t: int, number: Callable[[float], Any]) -> dict[str, Number]:
    """Every number of the formula at step t, in the number system that `number` makes of a float."""
    rate = optimizer.learning_rate_at(t)
    return {**settings_as(optimizer, number), "rate": number(rate), "t": t}


def settings_as(optimizer: Optimizer, number: Callable[[float], Any]) -> dict[str, Number]:
    """The settings that are numbers, and the constants of the formula."""
    settings = {name: value for name, value in optimizer.settings.items() if not isinstance(value, str)}
    constants = {name: value for rule in rules(optimizer) for name, value in rule.constants.items()}
    return {name: number(value) for name, value in {**settings, **constants}.items()}


def initial_slots(rule: Rule, settings: Mapping[str, Number]) -> Slots:
    """The slots before the first step."""
    return {name: settings[start] if isinstance(start, str) else int(start) for name, start in rule.start.items()}


def initial_state(optimizer: Optimizer, names: Mapping[str, Any], settings: Mapping[str, Number]) -> State:
    """The state before the first step: for each of the parameters `names` the slots of the optimizer's own rule."""
    rule, *_ = rules(optimizer)
    return {name: initial_slots(rule, settings) for name in names}


def decayed(theta: Number, rate: Number, weight_decay: Number) -> Number:
    """θ ← (1 − η λ) θ, whatever the gradient (Loshchilov & Hutter, 2019, algorithm 2, line 12)."""
    return (1 - rate * weight_decay) * theta


def updated(
    optimizer: Optimizer,
    parameters: Mapping[str, Number],
    gradients: Mapping[str, Number],
    state: State,
    given: Mapping[str, Number],
) -> tuple[dict[str, Number], State]:
    """Parameters and state after one step; given: its `coefficients`, in the number system of the parameters."""
    rule, *_ = rules(optimizer)
    after: dict[str, Number] = {}
    slots: State = {}
    for name, g in clipped(gradients, given).items():
        slots[name] = rule.absorb(g=g, **state[name], **given)
        theta = parameters[name]
        if "weight_decay" in given:
            theta = decayed(theta, given["rate"], given["weight_decay"])
        for move in rule.moves[0](g=g, **slots[name], **given):
            theta = theta - move
        after[name] = theta
    return after, slots
