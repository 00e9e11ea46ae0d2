"""The update of every optimizer on error-carrying numbers, around every order that installed libraries evaluate it in.

All parameters of a step stand side by side in one row: (steps, parameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.arithmetic.bounds import Bounded, stored
from comparisons.arithmetic.precision import Precision
from comparisons.arithmetic.recursion import maxima, sums
from comparisons.arithmetic.unions import union
from comparisons.rates import held, rates
from manual.optimizers import Rule, rules
from manual.optimizers.clipping import ways_to_clip
from manual.optimizers.update import decayed, initial_slots, settings_as
from problems.optimizer import Optimizer
from problems.problem import Array

Slots = dict[str, Bounded]
Given = dict[str, Any]


def given_at(optimizer: Optimizer, steps: Array, precision: Precision) -> Given:
    """Every number of the formula at `steps` (from 1); `rate` and `t` are (steps, 1).

    They are no tensors: beside a format for storage libraries compute them in a wider one.
    """
    precision = precision.scalars or precision
    settings = settings_as(optimizer, lambda value: held(value, precision))
    t = Bounded.exact(steps[:, None], precision)
    return {**settings, "rate": rates(optimizer, steps, precision), "t": t}


def clipped_rows(gradients: Mapping[str, Bounded], given: Given) -> Bounded:
    """All gradients (steps, *shape) after clipping, by any way to evaluate it, (steps, parameters)."""
    ways = ways_to_clip(gradients, given)
    return rows_of({name: union(ways[name]) for name in gradients})


def rows_of(tensors: Mapping[str, Bounded]) -> Bounded:
    """Tensors (steps, *shape) side by side, (steps, parameters)."""
    first, *_ = tensors.values()
    value, error = (
        np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        for parts in ([one.value for one in tensors.values()], [one.error for one in tensors.values()])
    )
    return Bounded(value, error, first.precision)


def tensors_of(rows: Bounded, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Bounded]:
    """The inverse of `rows_of`."""
    tensors, begin = {}, 0
    for name, shape in shapes.items():
        end = begin + int(np.prod(shape))
        value, error = (part[:, begin:end].reshape(-1, *shape) for part in (rows.value, rows.error))
        tensors[name] = Bounded(value, error, rows.precision)
        begin = end
    return tensors


def first_slots(optimizer: Optimizer, given: Given, precision: Precision) -> list[Slots]:
    """The slots of each of the optimizer's rules before the first step."""
    return [
        {name: stored(_number(value, precision), precision) for name, value in initial_slots(rule, given).items()}
        for rule in rules(optimizer)
    ]


def absorbed(rule: Rule, g: Bounded, given: Given, before: Slots) -> Slots:
    """The slots after each step, (steps, parameters), of gradients g, starting from the slots `before` them."""
    inflow = rule.absorb(g=g, **dict.fromkeys(rule.start, 0), **given)
    kept = rule.kept(**given)
    after = {}
    for name in rule.start:
        factor = _number(kept[name], g.precision.scalars or g.precision)
        if name in rule.largest:
            after[name] = maxima(factor, inflow[name], before[name])
        else:
            after[name] = sums(factor, inflow[name], before[name], average=name in rule.averages)
    return after


def moved(optimizer: Optimizer, theta: Bounded, g: Bounded, slots: list[Slots], given: Given) -> Bounded:
    """θ after each step, (steps, parameters), by every rule and every way to evaluate it."""
    ways = []
    for rule, one in zip(rules(optimizer), slots, strict=True):
        for way in rule.moves:
            ways += decayed_and_moved(theta, way(g=g, **one, **given), given)
    return union(ways)


class Remembered:
    """What an optimizer remembers along one training, step by step."""

    def __init__(self, optimizer: Optimizer, precision: Precision) -> None:
        self.optimizer, self.precision = optimizer, precision
        self.slots = first_slots(optimizer, given_at(optimizer, np.array([1]), precision), precision)

    def update(self, t: int, parameters: Mapping[str, Bounded], gradients: Mapping[str, Bounded]) -> dict[str, Bounded]:
        """The parameters after step t, which follows the one asked for last."""
        given = given_at(self.optimizer, np.array([t]), self.precision)
        g = clipped_rows({name: _one_step(values) for name, values in gradients.items()}, given)
        theta = rows_of({name: _one_step(values) for name, values in parameters.items()})
        slots = [absorbed(rule, g, given, one) for rule, one in zip(rules(self.optimizer), self.slots, strict=True)]
        self.slots = [{name: values[0] for name, values in one.items()} for one in slots]
        shapes = {name: values.shape for name, values in parameters.items()}
        after = tensors_of(moved(self.optimizer, theta, g, slots, given), shapes)
        return {name: values[0] for name, values in after.items()}


def _one_step(values: Bounded) -> Bounded:
    return Bounded(values.value[None], values.error[None], values.precision)


def decayed_and_moved(theta: Bounded, moves: tuple[Bounded, ...], given: Given) -> list[Bounded]:
    """θ less `moves`, decayed as the paper has it and PyTorch does, as Keras does, and as Optax does.

    Keras: θ − θ λ η (keras/src/optimizers/base_optimizer.py); Optax: θ − η (move / η + λ θ) (add_decayed_weights).
    """
    if "weight_decay" not in given:
        return [_less(theta, moves)]
    rate, decay = given["rate"], given["weight_decay"]
    by_product: Any = theta - theta * decay * rate
    together = (*moves[:-1], moves[-1] + rate * (decay * theta))
    return [_less(decayed(theta, rate, decay), moves), _less(by_product, moves), _less(theta, together)]


def _less(theta: Bounded, moves: tuple[Bounded, ...]) -> Bounded:
    result: Any = theta
    for move in moves:
        result = result - move
    return result


def _number(value: Any, precision: Precision) -> Bounded:
    return value if isinstance(value, Bounded) else Bounded.exact(value, precision)
