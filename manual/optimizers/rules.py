"""Optimizers by name and form."""

from __future__ import annotations

from collections.abc import Mapping

from manual.optimizers.adam import ADAM
from manual.optimizers.adamax import ADAMAX
from manual.optimizers.descent import MOMENTUM, NESTEROV, SGD
from manual.optimizers.nadam import NADAM
from manual.optimizers.rule import Rule
from manual.optimizers.squares import ADAGRAD, RMSPROP
from problems.optimizer import FORMS, Optimizer

RULES: dict[str, Mapping[str, Rule]] = {
    "momentum": MOMENTUM,
    "nesterov": NESTEROV,
    "adagrad": ADAGRAD,
    "rmsprop": RMSPROP,
    "adam": ADAM,
    "adamw": ADAM,
    "adamax": ADAMAX,
    "nadam": NADAM,
}


def rules(optimizer: Optimizer) -> tuple[Rule, ...]:
    """The rules that are this optimizer, the one it names first.

    Both velocities are one formula while the learning rate stays: one is the other times −η.
    """
    if optimizer.name == "sgd":
        return (SGD,)
    forms = RULES[optimizer.name]
    ((setting, _),) = FORMS[optimizer.name].items()
    named = forms[str(optimizer.settings[setting])]
    if setting == "velocity" and optimizer.schedule.name == "constant":
        return (named, *(rule for rule in forms.values() if rule is not named))
    return (named,)
