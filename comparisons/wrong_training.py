"""Training with a wrong update planted in it, in float64 or float32: what the audit must notice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comparisons.wrong_update import WrongUpdate
from manual.network import loss_and_gradients, loss_routes
from manual.optimizers import coefficients, rules
from manual.optimizers.clipping import clipped
from manual.optimizers.rule import Slots
from manual.optimizers.update import decayed, initial_slots
from problems.order import batches
from problems.problem import Array, Parameters, Problem
from problems.step import Step


def wrongly_trained(problem: Problem, wrong: WrongUpdate) -> Iterator[Step]:
    """Every step of training `problem`, right but for its update, which is `wrong` in every element."""
    route, *_ = loss_routes(problem.network, problem.loss)
    number = np.dtype(problem.dtype).type
    parameters, slots = problem.initial, dict[str, Slots]()
    steps = problem.steps_per_epoch
    for t, rows in enumerate(batches(problem), 1):
        if wrong.anew and (t - 1) % steps == 0:
            slots = {}
        with np.errstate(all="ignore"):
            loss, gradients = loss_and_gradients(
                problem.network, route, parameters, problem.x[rows], problem.y[rows], problem.l2
            )
            given = coefficients(wrong.optimizer, (t - 1) % steps + 1 if wrong.anew else t, number)
            given["rate"] = number(wrong.optimizer.learning_rate_at(int(wrong.counted(t, steps))))
            parameters, slots = wrongly_updated(wrong, parameters, gradients, slots, given)
        yield Step(rows=rows, loss=loss, gradients=gradients, parameters=parameters)


def wrongly_updated(
    wrong: WrongUpdate, parameters: Parameters, gradients: Parameters, slots: dict[str, Slots], given: dict[str, Array]
) -> tuple[dict[str, Array], dict[str, Slots]]:
    """Parameters and slots after one step of the wrong update."""
    rule = wrong.rule(rules(wrong.optimizer)[0])
    numbers = dict(wrong.everywhere(given))
    decay = numbers.get("weight_decay", 0)
    if wrong.decayed:
        numbers.pop("weight_decay")
    if wrong.decayed == "gradient":
        gradients = {name: g + decay * parameters[name] for name, g in gradients.items()}
    held_small = wrong.clipping(gradients, numbers) if wrong.clipping else clipped(gradients, numbers)
    if wrong.decayed == "clipped gradient":
        held_small = {name: g + decay * parameters[name] for name, g in held_small.items()}
    moved, kept = {}, {}
    for name, g in held_small.items():
        before = slots.get(name) or initial_slots(rule, numbers)
        kept[name] = rule.absorb(g=g, **before, **numbers)
        if wrong.greatest:
            kept[name]["greatest"] = np.maximum(before.get("greatest", 0), kept[name][wrong.greatest])
        theta = parameters[name]
        if "weight_decay" in numbers:
            theta = decayed(theta, numbers["rate"], decay)
        held = wrong.slots(kept[name], before, g, numbers)
        if wrong.greatest:
            held = {**held, wrong.greatest: kept[name]["greatest"]}
        for move in rule.moves[0](g=g, **held, **wrong.moving(numbers)):
            theta = theta - move
        moved[name] = decayed(theta, numbers["rate"], decay) if wrong.decayed == "moved parameter" else theta
    return moved, kept
