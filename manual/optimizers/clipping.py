"""Gradients held small before they are used: by element, or by their norm (Pascanu, Mikolov & Bengio, 2013).

Gradients (..., n_in, n_out); a norm is (..., 1, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from manual.activations import Number

Gradients = Mapping[str, Number]


def held(g: Number, largest: Number) -> Number:
    """min(max(g, −c), c)."""
    return np.minimum(np.maximum(g, -largest), largest)


def norm(gradients: Gradients) -> Number:
    """√ Σ g² over all of them."""
    squares = [(g**2).sum((-2, -1), keepdims=True) for g in gradients.values()]
    return np.sqrt(sum(squares[1:], start=squares[0]))


def norm_of_norms(gradients: Gradients) -> Number:
    """The norm of each one's norm, as PyTorch does (_get_total_norm in torch/nn/utils/clip_grad.py)."""
    norms = [norm({name: g}) ** 2 for name, g in gradients.items()]
    return np.sqrt(sum(norms[1:], start=norms[0]))


def by_factor(g: Number, size: Number, largest: Number) -> Number:
    """g · c / max(‖g‖, c), which is g · min(1, c / ‖g‖) (algorithm 1), and 0 of a gradient that is 0."""
    return g * (largest / np.maximum(size, largest))


def by_reciprocal(g: Number, size: Number, largest: Number) -> Number:
    """g (c · 1 / max(‖g‖, c)), as Keras does (clip_by_global_norm in keras/src/optimizers/base_optimizer.py)."""
    return g * (largest * (1 / np.maximum(size, largest)))


def divided_first(g: Number, size: Number, largest: Number) -> Number:
    """(g / max(‖g‖, c)) c, as Optax does (clip_by_global_norm in optax/transforms/_clipping.py)."""
    return g / np.maximum(size, largest) * largest


def multiplied_first(g: Number, size: Number, largest: Number) -> Number:
    """g c / max(‖g‖, c), as Keras does (_clip_by_norm in keras/src/optimizers/base_optimizer.py)."""
    return g * largest / np.maximum(size, largest)


NORMS: tuple[Callable[[Gradients], Number], ...] = (norm, norm_of_norms)
SCALINGS: tuple[Callable[[Number, Number, Number], Number], ...] = (
    by_factor,
    by_reciprocal,
    divided_first,
    multiplied_first,
)


def ways_to_clip(gradients: Gradients, settings: Mapping[str, Number]) -> dict[str, list[Number]]:
    """Name to the clipped gradient by every way to evaluate it, the first as the paper has it."""
    if "clip_value" in settings:
        return {name: [held(g, settings["clip_value"])] for name, g in gradients.items()}
    epsilon = settings.get("clip_epsilon", 0)
    if "clip_norm" in settings:
        sizes = [size(gradients) + epsilon for size in NORMS]
        return {name: _scaled(g, sizes, settings["clip_norm"]) for name, g in gradients.items()}
    if "clip_norm_each" in settings:
        largest = settings["clip_norm_each"]
        return {
            name: _scaled(g, [size({name: g}) + epsilon for size in NORMS], largest) for name, g in gradients.items()
        }
    return {name: [g] for name, g in gradients.items()}


def _scaled(g: Number, sizes: list[Number], largest: Number) -> list[Number]:
    return [scaling(g, size, largest) for size in sizes for scaling in SCALINGS]


def clipped(gradients: Gradients, settings: Mapping[str, Number]) -> dict[str, Number]:
    """Every gradient held as the settings say; without such a setting as it is."""
    if "clip_value" in settings:
        return {name: held(g, settings["clip_value"]) for name, g in gradients.items()}
    epsilon = settings.get("clip_epsilon", 0)
    if "clip_norm" in settings:
        size = norm(gradients) + epsilon
        return {name: by_factor(g, size, settings["clip_norm"]) for name, g in gradients.items()}
    if "clip_norm_each" in settings:
        largest = settings["clip_norm_each"]
        return {name: by_factor(g, norm({name: g}) + epsilon, largest) for name, g in gradients.items()}
    return dict(gradients)
