"""Wrong clipping on purpose: none, by another norm, or where nothing is to be clipped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from comparisons.wrong_update import Clipping, Given, Number, WrongUpdate, renamed, without
from manual.optimizers.clipping import norm
from problems.optimizer import Optimizer

TORCH_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_ divides by the norm plus this
CLIPS = ("clip_value", "clip_norm", "clip_norm_each", "clip_epsilon")


def of_clipping(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """Clipping, or none, or by another norm."""
    if not any(name in optimizer.settings for name in CLIPS):
        return
    yield WrongUpdate(
        mistake="missing-term", text="without clipping the gradient", optimizer=optimizer, everywhere=without(*CLIPS)
    )
    for name, other, text in (
        ("clip_norm", "clip_norm_each", "with each gradient clipped by its own norm where all have one"),
        ("clip_norm_each", "clip_norm", "with all gradients clipped by one norm where each has its own"),
    ):
        if name in optimizer.settings:
            yield WrongUpdate(
                mistake="reduction",
                text=text,
                optimizer=optimizer,
                everywhere=renamed(name, other),
            )
    if "clip_norm" in optimizer.settings:
        yield from _of_norm(optimizer)


def _of_norm(optimizer: Optimizer) -> Iterator[WrongUpdate]:
    """All gradients clipped by one norm that is another one, or where it is not to be clipped."""

    def wrong(text: str, clipping: Clipping, mistake: str = "factor") -> WrongUpdate:
        return WrongUpdate(mistake=mistake, text=text, optimizer=optimizer, clipping=clipping)

    yield wrong(
        "with all gradients scaled to the norm where they are smaller too",
        lambda g, p: _scaled(g, norm(g), p, least=False),
    )
    yield wrong(
        "with all gradients clipped by the sum of their squares, whose root the norm is",
        lambda g, p: _scaled(g, norm(g) * norm(g), p),
    )
    yield wrong(
        "with all gradients clipped by the norm of the weights' alone",
        lambda g, p: _scaled(g, norm({name: one for name, one in g.items() if name.startswith("W")}), p),
    )
    yield wrong(
        "with all gradients clipped by the sum of their sizes, the norm of order 1",
        lambda g, p: _scaled(g, _sizes(g), p),
    )
    yield wrong(
        "with all gradients clipped by the root of the mean of their squares, where that of their sum belongs",
        lambda g, p: _scaled(g, norm(g) / math.sqrt(_count(g)), p),
        "reduction",
    )
    yield WrongUpdate(
        mistake="factor",
        text="with every element of the gradient clipped, where all are scaled by their norm",
        optimizer=optimizer,
        everywhere=renamed("clip_norm", "clip_value"),
    )
    if optimizer.settings.get("clip_epsilon", 0.0) != TORCH_EPSILON:
        yield WrongUpdate(
            mistake="factor",
            text=f"with {TORCH_EPSILON:g} added to the norm of the gradients, as PyTorch does",
            optimizer=replace(optimizer, settings={**optimizer.settings, "clip_epsilon": TORCH_EPSILON}),
        )


def _scaled(gradients: Mapping[str, Number], size: Number, given: Given, *, least: bool = True) -> dict[str, Number]:
    """g · c / max(size, c), or without a least size g · c / size."""
    largest, size = given["clip_norm"], size + given.get("clip_epsilon", 0)
    return {name: g * (largest / (np.maximum(size, largest) if least else size)) for name, g in gradients.items()}


def _sizes(gradients: Mapping[str, Number]) -> Number:
    first, *others = (np.abs(g).sum((-2, -1), keepdims=True) for g in gradients.values())
    return sum(others, start=first)


def _count(gradients: Mapping[str, Number]) -> int:
    return sum(g.shape[-2] * g.shape[-1] for g in gradients.values())
