"""How the learning rate changes from step to step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from problems.requirements import ProblemError, require_choice, require_count, require_not_negative, require_positive
from problems.values import require_known, required, table

SETTINGS: dict[str, tuple[str, ...]] = {
    "constant": (),
    "step": ("every", "decay"),
    "exponential": ("every", "decay"),
    "cosine": ("every", "floor"),
}
SCHEDULES = tuple(SETTINGS)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate of step t is η times a factor; k = t − 1 counts the steps before it.

      constant     1
      step         γ^⌊k / s⌋
      exponential  γ^(k / s)
      cosine       f + ½ (1 − f) (1 + cos(π min(k, s) / s))  (Loshchilov & Hutter, 2017, eq. 5, without restarts)

    s = `every` steps, γ = `decay`, f = `floor`, a share of η from 0 to below 1.
    Raises ProblemError, one line, for an unknown name or a value outside its range.
    """

    name: str = "constant"
    every: int = 1
    decay: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_choice("training.schedule", self.name, SCHEDULES)
        require_count("training.schedule.every", self.every)
        object.__setattr__(self, "every", int(self.every))
        object.__setattr__(self, "decay", require_positive("training.schedule.decay", self.decay))
        object.__setattr__(self, "floor", require_not_negative("training.schedule.floor", self.floor))
        if self.floor >= 1:
            raise ProblemError(f"training.schedule.floor: {self.floor!r} is a share of the learning rate, below 1")

    @property
    def settings(self) -> dict[str, float]:
        """The settings that this schedule's formula has."""
        return {key: getattr(self, key) for key in SETTINGS[self.name]}

    def factor(self, step: int) -> float:
        """What η is multiplied by at step `step` (from 1), in float64."""
        k = step - 1
        if self.name == "step":
            return _power(self.decay, k // self.every)
        if self.name == "exponential":
            return _power(self.decay, k / self.every)
        if self.name == "cosine":
            return self.floor + 0.5 * (1 - self.floor) * (1 + math.cos(math.pi * min(k, self.every) / self.every))
        return 1.0


def _power(base: float, exponent: float) -> float:
    """base^exponent, infinite where it is too large: Python raises instead."""
    try:
        return base**exponent
    except OverflowError:
        return math.inf


def schedule_from(key: str, given: object) -> Schedule:
    """The schedule that a file tells at `key`: a name, or a table with the name and its formula's settings.

    Raises ProblemError, one line, for anything else.
    """
    settings = {"name": given} if isinstance(given, str) else dict(table(key, given))
    name = required(key, settings, "name")
    require_choice(key, name, SCHEDULES)
    require_known(key, settings, ("name", *SETTINGS[name]))
    for setting in SETTINGS[name]:
        if setting != "floor":
            required(key, settings, setting)
    return Schedule(**settings)
