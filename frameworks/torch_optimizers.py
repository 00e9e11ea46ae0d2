"""PyTorch's optimizers: torch.optim, the clipping of torch.nn.utils, and LambdaLR for the learning rate.

Not in torch.optim, and refused: Adam's epsilon beside the uncorrected root, RMSprop's and Adagrad's inside the root,
Adamax's in the denominator alone, Nadam with a constant momentum, momentum whose velocity holds the learning rate,
decoupled decay with any optimizer but Adam and NAdam (weight_decay of the others is added to the gradient), and
norms clipped with any epsilon but 1e-6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from problems.optimizer import Optimizer
from problems.schedule import Schedule

CLIP_EPSILON = 1e-6  # what torch.nn.utils.clip_grad_norm_ adds to the norm
DECAYED = ("adam", "adamw", "nadam")
torch.optim.SGD([torch.zeros(())])  # the first optimizer of a process imports what torch.compile needs: here, not later

Settings = dict[str, Any]
Made = tuple[type[torch.optim.Optimizer], Settings]


def sgd(settings: Settings) -> Made:
    """θ ← θ − η g."""
    return torch.optim.SGD, {}


def momentum(settings: Settings) -> Made:
    """v ← μ v + g, θ ← θ − η v."""
    return torch.optim.SGD, {"momentum": settings["momentum"]}


def nesterov(settings: Settings) -> Made:
    """The same with g + μ v for v in the step; without momentum PyTorch calls it plain SGD."""
    return torch.optim.SGD, {"momentum": settings["momentum"], "nesterov": settings["momentum"] > 0}


def adagrad(settings: Settings) -> Made:
    """s ← s + g², θ ← θ − η g / (√s + ε)."""
    return torch.optim.Adagrad, {
        "eps": settings["epsilon"],
        "initial_accumulator_value": settings["initial_accumulator"],
    }


def rmsprop(settings: Settings) -> Made:
    """s ← ρ s + (1 − ρ) g², θ ← θ − η g / (√s + ε)."""
    return torch.optim.RMSprop, {"alpha": settings["rho"], "eps": settings["epsilon"]}


def adam(settings: Settings) -> Made:
    """Adam, and AdamW where weights decay."""
    return adamw(settings) if settings.get("weight_decay") else (torch.optim.Adam, betas(settings))


def adamw(settings: Settings) -> Made:
    """AdamW."""
    return torch.optim.AdamW, {**betas(settings), "weight_decay": settings["weight_decay"]}


def adamax(settings: Settings) -> Made:
    """u ← max(β₂ u, |g| + ε)."""
    return torch.optim.Adamax, betas(settings)


def nadam(settings: Settings) -> Made:
    """Dozat's momentum, which warms up by momentum_decay."""
    decay = {"weight_decay": settings.get("weight_decay", 0.0), "decoupled_weight_decay": True}
    return torch.optim.NAdam, {**betas(settings), "momentum_decay": settings["momentum_decay"], **decay}


def betas(settings: Settings) -> Settings:
    """The two betas and the epsilon, as torch.optim calls them."""
    return {"betas": (settings["beta_1"], settings["beta_2"]), "eps": settings["epsilon"]}


MAKERS: dict[str, Callable[[Settings], Made]] = {
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
# The one form that torch.optim has, and how it is refused to be another.
ONLY_FORMS = {
    "adagrad": ("epsilon_place", "outside"),
    "rmsprop": ("epsilon_place", "outside"),
    "adam": ("epsilon_place", "corrected"),
    "adamw": ("epsilon_place", "corrected"),
    "adamax": ("epsilon_place", "norm"),
    "nadam": ("momentum_schedule", "dozat"),
}


def require_expressible(optimizer: Optimizer) -> None:
    """Raise NotImplementedError for the first thing that torch.optim calls by this name and computes otherwise."""
    name, settings = optimizer.name, optimizer.settings
    if name not in MAKERS:
        raise NotImplementedError(f"torch: optimizer {name!r} is not written here")
    setting, only = ONLY_FORMS.get(name, ("", ""))
    if settings.get(setting, only) != only:
        raise NotImplementedError(f"torch: torch.optim has {name} with {setting} {only!r} only")
    if settings.get("velocity") == "step" and optimizer.schedule.name != "constant":
        raise NotImplementedError(f"torch: torch.optim has {name} with velocity 'gradient' only")
    if settings.get("weight_decay") and name not in DECAYED:
        raise NotImplementedError(f"torch: weight_decay of torch.optim's {name} is added to the gradient")
    if {"clip_norm", "clip_norm_each"} & settings.keys() and settings.get("clip_epsilon", 0.0) != CLIP_EPSILON:
        raise NotImplementedError("torch: clip_grad_norm_ adds 1e-6 to the norm, which is clip_epsilon = 1e-6 only")


def made(optimizer: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of all of the model's parameters."""
    kind, keywords = MAKERS[optimizer.name](dict(optimizer.settings))
    return kind(model.parameters(), lr=optimizer.learning_rate, **keywords)


def clip(optimizer: Optimizer, model: nn.Module) -> None:
    """Clip the gradients that backward() left, in place."""
    settings, parameters = optimizer.settings, list(model.parameters())
    if "clip_value" in settings:
        nn.utils.clip_grad_value_(parameters, settings["clip_value"])
    if "clip_norm" in settings:
        nn.utils.clip_grad_norm_(parameters, settings["clip_norm"])
    if "clip_norm_each" in settings:
        for parameter in parameters:
            nn.utils.clip_grad_norm_([parameter], settings["clip_norm_each"])


def scheduled(schedule: Schedule, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule of the learning rate, one step() an update.

    By LambdaLR: StepLR, ExponentialLR and CosineAnnealingLR make each rate of the last one, which rounds every time.
    """
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor(schedule))


def factor(schedule: Schedule) -> Callable[[int], float]:
    """What the learning rate is multiplied by after k steps."""
    every, decay, floor = schedule.every, schedule.decay, schedule.floor
    return {
        "constant": lambda k: 1.0,
        "step": lambda k: decay ** (k // every),
        "exponential": lambda k: decay ** (k / every),
        "cosine": lambda k: floor + (1 - floor) * (1 + math.cos(math.pi * min(k, every) / every)) / 2,
    }[schedule.name]
