"""Keras's optimizers: keras.optimizers with their own clipping and decay, and keras.optimizers.schedules.

Not in Keras, and refused: momentum whose velocity leaves the learning rate out while that changes, Adagrad's and
RMSprop's epsilon outside the root, Adam's beside the corrected root, Adamax's in the norm, Nadam with constant
momentum or with another decay than the 1 of Dozat's formula, and clipped norms with an epsilon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from frameworks.keras_alone import keras
from problems.optimizer import Optimizer
from problems.schedule import Schedule

Settings = dict[str, Any]


class KeepingGradients:
    """What is mixed into an optimizer so that it keeps the gradient of every variable, as it was before clipping."""

    # What every optimizer of Keras has.
    built: bool
    add_optimizer_variables: Any
    assign: Any
    _get_variable_index: Any

    def build(self, variables: list[Any]) -> None:
        """One slot variable per parameter."""
        if not self.built:
            super().build(variables)  # type: ignore[misc]
            self.kept = self.add_optimizer_variables(variables, "gradient")

    def _backend_apply_gradients(self, gradients: list[Any], variables: list[Any]) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            self.assign(self.kept[self._get_variable_index(variable)], gradient)
        super()._backend_apply_gradients(gradients, variables)  # type: ignore[misc]


def sgd(settings: Settings) -> Any:
    """θ ← θ − η g."""
    return keras.optimizers.SGD, {}


def momentum(settings: Settings) -> Any:
    """v ← μ v − η g, θ ← θ + v."""
    return keras.optimizers.SGD, {"momentum": settings["momentum"]}


def nesterov(settings: Settings) -> Any:
    """The same with μ v − η g for v in the step."""
    return keras.optimizers.SGD, {"momentum": settings["momentum"], "nesterov": True}


def adagrad(settings: Settings) -> Any:
    """s ← s + g², θ ← θ − η g / √(s + ε)."""
    start = {"initial_accumulator_value": settings["initial_accumulator"]}
    return keras.optimizers.Adagrad, {"epsilon": settings["epsilon"], **start}


def rmsprop(settings: Settings) -> Any:
    """s ← ρ s + (1 − ρ) g², θ ← θ − η g / √(s + ε)."""
    return keras.optimizers.RMSprop, {"rho": settings["rho"], "epsilon": settings["epsilon"]}


def adam(settings: Settings) -> Any:
    """θ ← θ − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)."""
    return keras.optimizers.Adam, betas(settings)


def adamw(settings: Settings) -> Any:
    """AdamW."""
    return keras.optimizers.AdamW, betas(settings)


def adamax(settings: Settings) -> Any:
    """u ← max(β₂ u, |g|), θ ← θ − η / (1 − β₁ᵗ) · m / (u + ε)."""
    return keras.optimizers.Adamax, betas(settings)


def nadam(settings: Settings) -> Any:
    """Dozat's momentum, β₁ (1 − ½ · 0.96ᵗ)."""
    return keras.optimizers.Nadam, betas(settings)


def betas(settings: Settings) -> Settings:
    """The two betas and the epsilon."""
    return {name: settings[name] for name in ("beta_1", "beta_2", "epsilon")}


MAKERS: dict[str, Callable[[Settings], Any]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "adamax": adamax,
    "nadam": nadam,
}
# The one form that Keras has.
ONLY_FORMS = {
    "adagrad": ("epsilon_place", "inside"),
    "rmsprop": ("epsilon_place", "inside"),
    "adam": ("epsilon_place", "uncorrected"),
    "adamw": ("epsilon_place", "uncorrected"),
    "adamax": ("epsilon_place", "denominator"),
    "nadam": ("momentum_schedule", "dozat"),
}
# What every optimizer of Keras is told alike, by our name.
GENERAL = {
    "weight_decay": "weight_decay",
    "clip_value": "clipvalue",
    "clip_norm": "global_clipnorm",
    "clip_norm_each": "clipnorm",
}


def require_expressible(optimizer: Optimizer) -> None:
    """Raise NotImplementedError for the first thing that Keras calls by this name and computes otherwise."""
    name, settings = optimizer.name, optimizer.settings
    if name not in MAKERS:
        raise NotImplementedError(f"keras: optimizer {name!r} is not written here")
    setting, only = ONLY_FORMS.get(name, ("", ""))
    if settings.get(setting, only) != only:
        raise NotImplementedError(f"keras: Keras has {name} with {setting} {only!r} only")
    if name == "nadam" and settings["momentum_decay"] != 1:
        raise NotImplementedError("keras: Keras has nadam with momentum_decay 1 only")
    if settings.get("velocity") == "gradient" and optimizer.schedule.name != "constant":
        raise NotImplementedError(f"keras: Keras has {name} with velocity 'step' only")
    if settings.get("clip_epsilon"):
        raise NotImplementedError("keras: Keras clips norms without an epsilon, which is clip_epsilon = 0 only")


def made(optimizer: Optimizer) -> Any:
    """The optimizer, keeping gradients.

    Keras makes another class of it on PyTorch, but not of a subclass: what it made becomes the subclass.
    """
    kind, keywords = MAKERS[optimizer.name](dict(optimizer.settings))
    general = {theirs: optimizer.settings[ours] for ours, theirs in GENERAL.items() if optimizer.settings.get(ours)}
    if kind is keras.optimizers.AdamW:
        general.setdefault("weight_decay", 0.0)
    made = kind(learning_rate=learning_rate(optimizer.learning_rate, optimizer.schedule), **keywords, **general)
    made.__class__ = type(f"Keeping{kind.__name__}", (KeepingGradients, type(made)), {})
    return made


def learning_rate(initial: float, schedule: Schedule) -> Any:
    """The learning rate, or Keras's schedule of it."""
    if schedule.name in ("step", "exponential"):
        staircase = schedule.name == "step"
        return keras.optimizers.schedules.ExponentialDecay(initial, schedule.every, schedule.decay, staircase)
    if schedule.name == "cosine":
        return keras.optimizers.schedules.CosineDecay(initial, schedule.every, alpha=schedule.floor)
    return initial
