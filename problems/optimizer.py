"""How a gradient becomes an update: the formula by name, with every setting that libraries choose differently.

η is the learning rate of the step, g the gradient after clipping, t the number of the step, counted from 1.
manual/optimizers.py holds the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from problems.requirements import (
    ProblemError,
    require_choice,
    require_known_key,
    require_not_negative,
    require_positive,
    shown,
)
from problems.schedule import Schedule

Setting = float | str

# Each optimizer's settings with what they are unless given. A text setting names one of the forms in FORMS.
SETTINGS: dict[str, dict[str, Setting]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9, "velocity": "gradient"},
    "nesterov": {"momentum": 0.9, "velocity": "gradient"},
    "adagrad": {"epsilon": 1e-10, "epsilon_place": "outside", "initial_accumulator": 0.0},
    "rmsprop": {"rho": 0.9, "epsilon": 1e-8, "epsilon_place": "outside"},
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "epsilon_place": "corrected"},
    "adamw": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "epsilon_place": "corrected", "weight_decay": 0.01},
    "adamax": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "epsilon_place": "norm"},
    "nadam": {
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "momentum_schedule": "dozat",
        "momentum_decay": 0.004,
    },
}

# The forms that libraries give one name. velocity, `gradient`: v ← μ v + g, θ ← θ − η v; `step`: v ← μ v − η g,
# θ ← θ + v (the same only while η stays). epsilon_place of adagrad and rmsprop: `outside` the root, √s + ε, or
# `inside`, √(s + ε); of adam and adamw: beside the `corrected` root, m̂ / (√v̂ + ε), or the `uncorrected` one,
# η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε); of adamax: in the `norm`, u ← max(β₂ u, |g| + ε), or in the
# `denominator`, m / (u + ε).
# momentum_schedule of nadam: `constant`, μ_t = β₁, or `dozat`, μ_t = β₁ (1 − ½ · 0.96^(t ψ)), ψ = momentum_decay.
FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "momentum": {"velocity": ("gradient", "step")},
    "nesterov": {"velocity": ("gradient", "step")},
    "adagrad": {"epsilon_place": ("outside", "inside")},
    "rmsprop": {"epsilon_place": ("outside", "inside")},
    "adam": {"epsilon_place": ("corrected", "uncorrected")},
    "adamw": {"epsilon_place": ("corrected", "uncorrected")},
    "adamax": {"epsilon_place": ("norm", "denominator")},
    "nadam": {"momentum_schedule": ("dozat", "constant")},
}
BELOW_ONE = ("momentum", "rho", "beta_1", "beta_2")  # from 0, below 1
POSITIVE = ("clip_value", "clip_norm", "clip_norm_each")
# Settings that every optimizer takes; absent is off.
GENERAL = ("weight_decay", "clip_value", "clip_norm", "clip_norm_each", "clip_epsilon")
OPTIMIZERS = tuple(SETTINGS)


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One formula for the update, its settings, and the learning rate over the steps.

    settings: those of SETTINGS[name], filled up with their defaults, and of GENERAL those that are on:
      weight_decay    λ, decoupled: θ is first multiplied by 1 − η λ, biases too (Loshchilov & Hutter, 2019)
      clip_value      every element of the gradient is held between −c and c
      clip_norm       all gradients together are multiplied by min(1, c / (‖g‖ + ε)), ‖g‖ over every parameter
                      (Pascanu, Mikolov & Bengio, 2013, algorithm 1)
      clip_norm_each  the same for each parameter's gradient with its own norm
      clip_epsilon    the ε of the two norms, 0 unless given
    Raises ProblemError, one line, for an unknown name, setting or form, or a value outside its range.
    """

    name: str = "sgd"
    learning_rate: float
    settings: Mapping[str, Setting] = field(default_factory=dict, hash=False)  # compared, which a hash need not be
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        require_choice("training.optimizer", self.name, OPTIMIZERS)
        object.__setattr__(self, "learning_rate", require_positive("training.learning_rate", self.learning_rate))
        known = tuple(dict.fromkeys((*SETTINGS[self.name], *GENERAL)))
        for key in self.settings:
            require_known_key("training.optimizer", key, known)
        given = {**SETTINGS[self.name], **self.settings}
        checked = {key: _checked(self.name, key, value) for key, value in given.items()}
        _require_one_clipping(checked)
        object.__setattr__(self, "settings", MappingProxyType(checked))

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.name, self.learning_rate, dict(self.settings), self.schedule)

    @property
    def plain(self) -> bool:
        """Whether an update needs nothing but its own step's gradient and this learning rate: θ − η g."""
        return self.name == "sgd" and not self.settings and self.schedule.name == "constant"

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step `step` (from 1), in float64."""
        return self.learning_rate * self.schedule.factor(step)


def _made(name: str, learning_rate: float, settings: Mapping[str, Setting], schedule: Schedule) -> Optimizer:
    return Optimizer(name=name, learning_rate=learning_rate, settings=settings, schedule=schedule)


def _checked(name: str, key: str, value: object) -> Setting:
    where = f"training.optimizer.{key}"
    forms = FORMS.get(name, {})
    if key in forms:
        require_choice(where, value, forms[key])
        return str(value)
    if key in POSITIVE:
        return require_positive(where, value)
    number = require_not_negative(where, value)
    if key in BELOW_ONE and number >= 1:
        raise ProblemError(f"{where}: {shown(value)} must be below 1")
    return number


def _require_one_clipping(settings: Mapping[str, Setting]) -> None:
    on = [key for key in POSITIVE if key in settings]
    if len(on) > 1:
        raise ProblemError(f"training.optimizer.{on[1]}: give one way of clipping, not {on[0]} too")
    if "clip_epsilon" in settings and on not in (["clip_norm"], ["clip_norm_each"]):
        raise ProblemError("training.optimizer.clip_epsilon: belongs to clip_norm or clip_norm_each; neither is given")
