"""What is particular about a problem, in a few words each: only what differs from the plainest training."""

from __future__ import annotations

from collections.abc import Mapping

from problems.optimizer import SETTINGS, Optimizer
from problems.problem import Problem
from problems.schedule import Schedule


def loss_words(problem: Problem) -> str:
    """The loss, and the penalty that is added to it."""
    return f"{problem.loss} + l2 {problem.l2:g}" if problem.l2 else problem.loss


def optimizer_words(optimizer: Optimizer) -> str:
    """Name and learning rate, the settings that are not the defaults, and the schedule where there is one.

    As in `adam at 0.001 (beta_1 0.8, clip_norm 1), cosine schedule (every 100, floor 0)`.
    """
    defaults = SETTINGS[optimizer.name]
    special = {key: value for key, value in optimizer.settings.items() if defaults.get(key) != value}
    return f"{optimizer.name} at {optimizer.learning_rate:g}{_listed(special)}{_schedule(optimizer.schedule)}"


def preparation_words(problem: Problem) -> str:
    """What was done to the inputs, to stand at the end of a line; nothing where nothing was."""
    return f"; {problem.preparation}" if problem.preparation else ""


def _schedule(schedule: Schedule) -> str:
    return "" if schedule == Schedule() else f", {schedule.name} schedule{_listed(schedule.settings)}"


def _listed(settings: Mapping[str, float | str]) -> str:
    told = (f"{key} {value if isinstance(value, str) else f'{value:g}'}" for key, value in settings.items())
    return f" ({', '.join(told)})" if settings else ""
