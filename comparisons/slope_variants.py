"""An activation's slope taken wrongly: left out, at another point, another activation's, or a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from comparisons.chains import Factor, Number, Passes, delta, right_slope, right_weight
from comparisons.variant import Variant, absent, rolled, shifts
from manual.activations import ACTIVATIONS, LEAK, gelu_argument, sigmoid
from manual.normal import cumulative, density
from problems.problem import Network

SLOPES = {
    "sigmoid": "a (1 - a)",
    "tanh": "1 - a²",
    "relu": "1 above 0 and 0 below",
    "leaky_relu": "1 above 0 and 0.01 below",
    "elu": "1 above 0 and e^z below",
    "softplus": "σ(z)",
    "gelu": "Φ(z) + z φ(z)",
    "gelu_tanh": "½ (1 + tanh u) + ½ z (1 - tanh² u) ∂u/∂z",
    "silu": "σ(z) (1 + z σ(-z))",
}  # a: the output
ELEMENTWISE = tuple(name for name in ACTIVATIONS if name not in ("linear", "softmax"))
OF_OUTPUT = ("sigmoid", "tanh")  # whose slope is written with a
PIECEWISE = ("relu", "leaky_relu")  # whose slope at a is their slope at z, since both have one sign
Slope = Callable[[Number, Number], Number]  # of z and a
Mistake = tuple[str, str, Slope]


def slope_variants(network: Network, layer: int) -> Iterator[Variant]:
    """The slope of the activation of `layer`, on the way back through it."""
    name = network.activations[layer - 1]
    if name == "linear":
        return
    site, right = f"slope {layer}", right_slope(layer)
    of = f"the slope of the {name} of layer {layer}"
    yield Variant(
        site=site, mistake="missing-term", text=f"without {of}, {SLOPES[name]}", factor=lambda p: absent(p.a[layer])
    )
    points, others = list(wrong_points(name, of)), list(wrong_slopes(name, of))
    for mistake, text, slope in points:
        yield Variant(site=site, mistake=mistake, text=text, factor=_taken_at(slope, layer))
    size = network.sizes[layer]
    for by in shifts(size):
        other = "the other node" if size == 2 else f"another node ({by} further on)"
        yield Variant(
            site=site,
            mistake="wrong-index",
            text=f"with {of} at {other}",
            factor=lambda p, by=by: rolled(right(p), by, -1),
        )
    yield Variant(
        site=site,
        mistake="missing-term",
        text=f"with the output of the {name} of layer {layer} where its slope belongs",
        factor=lambda p: p.a[layer],
    )
    if name == "relu":
        yield Variant(
            site=site,
            mistake="missing-term",
            text=f"with 1 wherever what comes back is positive where {of} belongs",
            factor=lambda p: positive(coming_back(p, layer)),
        )
        yield Variant(
            site=site,
            mistake="missing-term",
            text=f"with {of} taken before the bias is added",
            factor=lambda p: positive(p.z[layer] - p.before[f"b{layer}"]),
        )
    for mistake, text, slope in others:
        yield Variant(site=site, mistake=mistake, text=text, factor=_taken_at(slope, layer))


def _taken_at(slope: Slope, layer: int) -> Factor:
    return lambda p: slope(p.z[layer], p.a[layer])


def coming_back(passes: Passes, layer: int) -> Number:
    """What the layers above send back to the output of `layer`, (steps, rows, n_layer)."""
    return delta(passes, layer + 1, {}) @ right_weight(layer + 1)(passes).mT


def positive(number: Number) -> Number:
    """1 where the number is above 0, else 0."""
    return np.where(number > 0, 1, 0 * number)


def wrong_points(name: str, of: str) -> Iterator[Mistake]:
    """A slope taken at the pre-activation where the output was meant, or the reverse."""
    if name in PIECEWISE:
        return
    f, slope = ACTIVATIONS[name]
    if name in OF_OUTPUT:
        yield (
            "derivative-at-preactivation",
            f"with {of} written as {SLOPES[name]} but evaluated at the pre-activation z",
            lambda z, a: slope(z, z),
        )
    yield (
        "derivative-at-preactivation",
        f"with {of} taken at its output instead of its pre-activation: the {name} is applied twice",
        lambda z, a: slope(a, f(a)),
    )


def wrong_slopes(name: str, of: str) -> Iterator[Mistake]:
    """What is taken for the slope of the activation `name`."""
    for text, slope in {**PARTS.get(name, {}), **_of_others(name)}.items():
        yield "missing-term", f"with {text} where {of} belongs", slope


def _of_others(name: str) -> dict[str, Slope]:
    return {OTHERS[other]: ACTIVATIONS[other].slope for other in MISTAKEN_FOR.get(name, ())}


OTHERS = {
    "sigmoid": "the sigmoid's slope, a (1 - a),",
    "tanh": "tanh's slope, 1 - a²,",
    "relu": "relu's slope, 1 above 0 and 0 below,",
    "leaky_relu": "leaky_relu's slope, 1 above 0 and 0.01 below,",
    "gelu": "gelu's slope with the normal distribution",
    "gelu_tanh": "the slope of gelu's tanh approximation",
    "silu": "silu's slope",
    "softplus": "σ(z)",
}
MISTAKEN_FOR = {
    "sigmoid": ("tanh",),
    "tanh": ("sigmoid",),
    "relu": ("leaky_relu",),
    "leaky_relu": ("relu",),
    "elu": ("relu", "leaky_relu"),
    "softplus": ("relu", "sigmoid"),
    "gelu": ("relu", "gelu_tanh", "silu"),
    "gelu_tanh": ("relu", "gelu", "silu"),
    "silu": ("relu", "sigmoid", "gelu", "softplus"),
}
PARTS: dict[str, dict[str, Slope]] = {
    "sigmoid": {"1 - a": lambda z, a: 1 - a},
    "tanh": {"1 - a": lambda z, a: 1 - a},
    "leaky_relu": {"its slope of the other side of 0": lambda z, a: np.where(z > 0, LEAK * absent(z), 1)},
    "elu": {
        "a below 0, without the + 1,": lambda z, a: np.where(z > 0, 1, a),
        "e^z on both sides": lambda z, a: np.exp(z),
    },
    "softplus": {"σ(z) (1 - σ(z))": lambda z, a: sigmoid(z) * (1 - sigmoid(z))},
    "gelu": {
        "Φ(z) alone, without z φ(z),": lambda z, a: cumulative(z),
        "z φ(z) alone, without Φ(z),": lambda z, a: z * density(z),
        "Φ(z) + φ(z), without the factor z,": lambda z, a: cumulative(z) + density(z),
    },
    "gelu_tanh": {
        "½ (1 + tanh u) alone, without its second term,": lambda z, a: sigmoid(2 * gelu_argument(z)),
        "its slope without the inner derivative ∂u/∂z": lambda z, a: _without_inner(gelu_argument(z), z),
    },
    "silu": {"σ(z) (1 - σ(z))": lambda z, a: sigmoid(z) * (1 - sigmoid(z))},
}


def _without_inner(u: Number, z: Number) -> Number:
    p = sigmoid(2 * u)
    return p + 2 * z * p * sigmoid(-2 * u)
