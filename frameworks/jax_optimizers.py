"""JAX's optimizers: Optax, a chain of clipping, the rule, decoupled decay and the learning rate.

optax.sgd, adagrad, rmsprop, adam, adamw, adamax and nadam are chains of these same pieces. Not in Optax, and refused:
momentum whose velocity holds the learning rate, Adagrad's epsilon outside the root, Adam's beside the uncorrected
root, Adamax's in the denominator alone, Nadam with Dozat's warming momentum, and clipped norms with an epsilon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax

from problems.optimizer import Optimizer
from problems.schedule import Schedule

Settings = Mapping[str, Any]


def sgd(settings: Settings) -> optax.GradientTransformation:
    """g itself."""
    return optax.identity()


def momentum(settings: Settings) -> optax.GradientTransformation:
    """v ← μ v + g."""
    return optax.trace(decay=settings["momentum"])


def nesterov(settings: Settings) -> optax.GradientTransformation:
    """The same, and g + μ v of it."""
    return optax.trace(decay=settings["momentum"], nesterov=True)


def adagrad(settings: Settings) -> optax.GradientTransformation:
    """s ← s + g², g / √(s + ε)."""
    return optax.scale_by_rss(initial_accumulator_value=settings["initial_accumulator"], eps=settings["epsilon"])


def rmsprop(settings: Settings) -> optax.GradientTransformation:
    """s ← ρ s + (1 − ρ) g², g / √(s + ε) or g / (√s + ε)."""
    inside = settings["epsilon_place"] == "inside"
    return optax.scale_by_rms(decay=settings["rho"], eps=settings["epsilon"], eps_in_sqrt=inside)


def adam(settings: Settings) -> optax.GradientTransformation:
    """m̂ / (√v̂ + ε), of Adam and AdamW alike."""
    return optax.scale_by_adam(**betas(settings))


def adamax(settings: Settings) -> optax.GradientTransformation:
    """u ← max(β₂ u, |g| + ε), m̂ / u."""
    return optax.scale_by_adamax(**betas(settings))


def nadam(settings: Settings) -> optax.GradientTransformation:
    """Adam with β₁ m̂ of the next step and 1 − β₁ of this gradient."""
    return optax.scale_by_adam(**betas(settings), nesterov=True)


def betas(settings: Settings) -> dict[str, float]:
    """The two betas and the epsilon, as Optax calls them."""
    return {"b1": settings["beta_1"], "b2": settings["beta_2"], "eps": settings["epsilon"]}


RULES: dict[str, Callable[[Settings], optax.GradientTransformation]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adam,
    "adamax": adamax,
    "nadam": nadam,
}
# The one form that Optax has; it has both of rmsprop.
ONLY_FORMS = {
    "adagrad": ("epsilon_place", "inside"),
    "adam": ("epsilon_place", "corrected"),
    "adamw": ("epsilon_place", "corrected"),
    "adamax": ("epsilon_place", "norm"),
    "nadam": ("momentum_schedule", "constant"),
}


def require_expressible(optimizer: Optimizer) -> None:
    """Raise NotImplementedError for the first thing that Optax calls by this name and computes otherwise."""
    name, settings = optimizer.name, optimizer.settings
    if name not in RULES:
        raise NotImplementedError(f"jax: optimizer {name!r} is not written here")
    setting, only = ONLY_FORMS.get(name, ("", ""))
    if settings.get(setting, only) != only:
        raise NotImplementedError(f"jax: Optax has {name} with {setting} {only!r} only")
    if settings.get("velocity") == "step" and optimizer.schedule.name != "constant":
        raise NotImplementedError(f"jax: Optax has {name} with velocity 'gradient' only")
    if settings.get("clip_epsilon"):
        raise NotImplementedError("jax: Optax clips norms without an epsilon, which is clip_epsilon = 0 only")


def made(optimizer: Optimizer, names: tuple[str, ...]) -> optax.GradientTransformation:
    """The whole update of the parameters called `names`."""
    settings = optimizer.settings
    return optax.chain(
        clipping(settings, names),
        RULES[optimizer.name](settings),
        optax.add_decayed_weights(settings["weight_decay"]) if settings.get("weight_decay") else optax.identity(),
        optax.scale_by_learning_rate(learning_rate(optimizer.learning_rate, optimizer.schedule)),
    )


def clipping(settings: Settings, names: tuple[str, ...]) -> optax.GradientTransformation:
    """What holds the gradients small. Optax clips one norm, over all it is given: a partition gives it one each."""
    if "clip_value" in settings:
        return optax.clip(settings["clip_value"])
    if "clip_norm" in settings:
        return optax.clip_by_global_norm(settings["clip_norm"])
    if "clip_norm_each" in settings:
        one = optax.clip_by_global_norm(settings["clip_norm_each"])
        return optax.partition(dict.fromkeys(names, one), {name: name for name in names})
    return optax.identity()


def learning_rate(initial: float, schedule: Schedule) -> float | Callable[[Any], jax.Array]:
    """The learning rate, or Optax's schedule of it."""
    if schedule.name in ("step", "exponential"):
        staircase = schedule.name == "step"
        return optax.exponential_decay(initial, schedule.every, schedule.decay, staircase=staircase)
    if schedule.name == "cosine":
        return optax.cosine_decay_schedule(initial, schedule.every, alpha=schedule.floor)
    return initial
