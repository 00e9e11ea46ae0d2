"""Wrong factors on purpose, site by site, generated from the structure of the right formulas.

Every factor of every chain (`chains.py`) is left out, replaced by its neighbour, by its updated value, by its
pre-activation, by another loss's; the result negated, doubled, halved; the update given another base or rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from comparisons.chains import (
    Factor,
    Number,
    Passes,
    delta,
    last_layer,
    right_input,
    right_slope,
    right_weight,
    simplifies,
)
from manual.activations import ACTIVATIONS
from manual.losses import LOSSES
from problems.problem import Network, Problem

SLOPES = {"sigmoid": "a (1 - a)", "tanh": "1 - a²", "relu": "1 above 0 and 0 below"}  # a: the output
SUMMED = "summed over the rows where the mean belongs: divide by the number of rows"
AVERAGED_TWICE = "divided by the number of rows once too often: the mean is already in the error signal"
MANY_NEIGHBOURS = 8
MANY_BASES = 64
Index = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """One wrong factor: the site where it stands, the mistake's name, what it is in words, and the factor.

    text completes "matches the formula ..."; `where` limits the variant to the elements that it changes.
    """

    site: str
    mistake: str
    text: str
    factor: Callable[..., Number]
    where: Callable[[Index], bool] = lambda index: True


def variants(problem: Problem, quantity: str) -> Iterator[Variant]:
    """Every wrong factor that can stand in the formula of `quantity`, the more usual mistakes first."""
    if quantity == "loss":
        yield from loss_variants(problem)
        return
    layer = int(quantity[1:])
    yield from constant_variants(problem)
    for upper in range(layer + 1, last_layer(problem.network) + 1):
        yield from weight_variants(problem.network, upper)
        yield from slope_variants(problem.network, upper - 1)
    yield from error_variants(problem, layer)
    if quantity.startswith("W"):
        yield from input_variants(problem.network, layer)
        yield from arrangement_variants(problem.network, layer)
    else:
        yield from row_variants(problem)
    yield from update_variants(problem.network, quantity)


def constant_variants(problem: Problem) -> Iterator[Variant]:
    """The sign, and the constants that the reduction and the square bring."""

    def times(number: float, mistake: str, text: str) -> Variant:
        return Variant(site="constant", mistake=mistake, text=text, factor=lambda p: number)

    yield times(-1, "sign", "with the opposite sign: the step goes uphill, where the gradient is to be subtracted")
    yield times(2, "factor", "times 2: there is a 2 too many")
    yield times(0.5, "factor", "times one half: a 2 is missing")
    rows = min(problem.batch_size, len(problem.x))
    if rows > 1:
        yield Variant(
            site="constant",
            mistake="reduction",
            text=SUMMED,
            factor=lambda p: p.averaged,
        )
        yield Variant(
            site="constant",
            mistake="reduction",
            text=AVERAGED_TWICE,
            factor=lambda p: 1 / p.averaged,
        )


def shifts(size: int) -> range:
    """How far the neighbours are, round the end."""
    return range(1, min(size, MANY_NEIGHBOURS + 1))


def rolled(number: Number, by: int, axis: int) -> Number:
    """Each element replaced by its neighbour `by` places on, round the end."""
    return number.take(np.roll(np.arange(number.shape[axis]), -by), axis)


def absent(number: Number) -> Number:
    """Ones of the same shape: what is left of a product when this factor is left out."""
    return number * 0 + 1


def weight_variants(network: Network, layer: int) -> Iterator[Variant]:
    """W of `layer`, through which the error signal comes back."""
    site, name, right = f"weight {layer}", f"W{layer}", right_weight(layer)
    yield Variant(
        site=site,
        mistake="updated-weight",
        text=f"with {name} after its update: compute all gradients before changing any weight",
        factor=lambda p: p.after[name],
    )
    yield Variant(
        site=site, mistake="missing-term", text=f"without the factor {name}", factor=lambda p: absent(right(p))
    )
    size = network.sizes[layer - 1]
    for by in shifts(size):
        yield Variant(
            site=site,
            mistake="wrong-index",
            text=f"with {name} of another node of the hidden layer ({by} further on)"
            if size > 2
            else f"with {name} of the other hidden node",
            factor=lambda p, by=by: rolled(right(p), by, -2),
        )
    if network.sizes[layer - 1] == network.sizes[layer] > 1:
        yield Variant(site=site, mistake="wrong-index", text=f"with {name} transposed", factor=lambda p: right(p).mT)


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
    yield from wrong_points(site, name, of, layer)
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
    for text, factor in slope_mix_ups(name, layer).items():
        yield Variant(site=site, mistake="missing-term", text=f"with {text} where {of} belongs", factor=factor)


def slope_mix_ups(name: str, layer: int) -> dict[str, Factor]:
    """Slopes that are taken for that of the activation `name`, in words."""
    of_sigmoid: dict[str, Factor] = {"the sigmoid's slope, a (1 - a),": lambda p: p.a[layer] * (1 - p.a[layer])}
    of_tanh: dict[str, Factor] = {"tanh's slope, 1 - a²,": lambda p: 1 - p.a[layer] * p.a[layer]}
    unsquared: dict[str, Factor] = {"1 - a": lambda p: 1 - p.a[layer]}
    if name == "relu":
        return {"1 wherever what comes back is positive": lambda p: positive(coming_back(p, layer))}
    return {**unsquared, **(of_tanh if name == "sigmoid" else of_sigmoid)}


def coming_back(passes: Passes, layer: int) -> Number:
    """What the layers above send back to the output of `layer`, (steps, rows, n_layer)."""
    return delta(passes, layer + 1, {}) @ right_weight(layer + 1)(passes).mT


def positive(number: Number) -> Number:
    """1 where the number is above 0, else 0."""
    return np.where(number > 0, 1, 0 * number)


def wrong_points(site: str, name: str, of: str, layer: int) -> Iterator[Variant]:
    """A slope taken at the pre-activation where the output was meant, or the reverse."""
    if name not in ("sigmoid", "tanh"):
        return
    f, slope = ACTIVATIONS[name]
    yield Variant(
        site=site,
        mistake="derivative-at-preactivation",
        text=f"with {of} written as {SLOPES[name]} but evaluated at the pre-activation z",
        factor=lambda p: slope(p.z[layer], p.z[layer]),
    )
    yield Variant(
        site=site,
        mistake="derivative-at-preactivation",
        text=f"with {of} taken at its output instead of its pre-activation: the {name} is applied twice",
        factor=lambda p: slope(p.a[layer], f(p.a[layer])),
    )


def error_variants(problem: Problem, layer: int) -> Iterator[Variant]:
    """The error signal that the loss sends back into the last layer, on its way to `layer`."""

    def error(mistake: str, text: str, factor: Factor) -> Variant:
        return Variant(site="error", mistake=mistake, text=text, factor=factor)

    scale = error_scale(problem)
    last = last_layer(problem.network)
    slope = (lambda p: 1) if simplifies(problem) else right_slope(last)
    yield error(
        "missing-term", "without the error (prediction minus target)", lambda p: absent(p.y) * scale(p) * slope(p)
    )
    yield error(
        "missing-term", "with the prediction alone where the error belongs", lambda p: p.a[-1] * scale(p) * slope(p)
    )
    yield error("missing-term", "with the target alone where the error belongs", lambda p: -p.y * scale(p) * slope(p))
    if last > 1:
        yield error(
            "updated-weight",
            "with the error after the other layer's update: compute all gradients before changing any weight",
            lambda p: p.route.delta(p.y, p.z_after_others(layer)),
        )
    name = problem.network.activations[-1]
    if name != "linear":
        derivative = LOSSES[problem.loss].derivative
        yield error("missing-term", f"without the slope of the output's {name}", lambda p: derivative(p.y, p.a[-1]))
    for other in other_losses(problem):
        yield error(
            "wrong-loss",
            f"with the derivative of {other} where that of {problem.loss} belongs",
            other_delta(other, last),
        )


def error_scale(problem: Problem) -> Factor:
    """What the error is multiplied by in the loss's derivative: 2 / N for the squared error, 1 / N otherwise."""
    two = 2 if problem.loss == "mean_squared_error" else 1
    return lambda p: two / p.averaged


# The losses that another is mistaken for, mean_absolute_error beside them.
TAKEN_FOR_ANOTHER = (
    "mean_squared_error",
    "half_squared_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)


def other_losses(problem: Problem) -> list[str]:
    """The losses whose derivative is another function here; a constant apart counts as a factor, not as another."""
    squared = ("mean_squared_error", "half_squared_error")
    probability = problem.network.activations[-1] == "sigmoid"
    others = ["mean_absolute_error", *(name for name in TAKEN_FOR_ANOTHER if name != problem.loss)]
    if problem.loss in squared:
        others = [name for name in others if name not in squared]
    if not probability:
        others = [name for name in others if name != "binary_cross_entropy"]
    return others


def other_delta(name: str, last: int) -> Factor:
    """∂L/∂z of the last layer under another loss."""
    slope = right_slope(last)
    if name == "mean_absolute_error":
        return lambda p: np.where(p.a[-1] - p.y > 0, 1, -1) * slope(p) / p.averaged
    if name == "binary_cross_entropy":
        return lambda p: (p.a[-1] - p.y) / p.averaged
    return lambda p: LOSSES[name].derivative(p.y, p.a[-1]) * slope(p)


def input_variants(network: Network, layer: int) -> Iterator[Variant]:
    """What flows into `layer`, which multiplies the error signal in W's derivative."""
    right = right_input(layer)
    what = "the input x" if layer == 1 else f"the output of layer {layer - 1}"
    yield Variant(
        site="input", mistake="missing-term", text=f"without the factor {what}", factor=lambda p: absent(right(p))
    )
    size = network.sizes[layer - 1]
    for by in shifts(size):
        other = "its neighbour's" if size == 2 else f"another's ({by} further on)"
        yield Variant(
            site="input",
            mistake="wrong-index",
            text=f"with {other} value where {what} of its own index belongs",
            factor=lambda p, by=by: rolled(right(p), by, -1),
        )
    if layer > 1 and network.activations[layer - 2] != "linear":
        yield Variant(
            site="input",
            mistake="derivative-at-preactivation",
            text=f"with the pre-activation z of layer {layer - 1} where {what} belongs",
            factor=lambda p: p.z[layer - 1],
        )


def arrangement_variants(network: Network, layer: int) -> Iterator[Variant]:
    """The finished matrix of derivatives, each element in another's place."""
    rows, columns = network.parameter_shapes[f"W{layer}"]
    if rows == columns > 1:
        yield Variant(
            site="arrangement",
            mistake="wrong-index",
            text="with the transposed element's derivative: rows and columns are exchanged",
            factor=lambda matrix: matrix.mT,
            where=lambda index: index[0] != index[1],
        )
    for by in shifts(columns):
        yield Variant(
            site="arrangement",
            mistake="wrong-index",
            text="with the derivative of the other column" if columns == 2 else f"with the derivative {by} columns on",
            factor=lambda matrix, by=by: rolled(matrix, by, -1),
        )


def row_variants(problem: Problem) -> Iterator[Variant]:
    """A bias's derivative, which sums the error signal over the rows."""
    if min(problem.batch_size, len(problem.x)) > 1:
        for name, row in (("first", slice(0, 1)), ("last", slice(-1, None))):
            yield Variant(
                site="rows",
                mistake="reduction",
                text=f"with the {name} row's error signal alone, not summed over the rows",
                factor=lambda signal, row=row: signal[..., row, :],
            )


def update_variants(network: Network, name: str) -> Iterator[Variant]:
    """The update, parameter − learning rate · gradient."""
    yield Variant(
        site="kept",
        mistake="not-updated",
        text="with nothing subtracted: the parameter stays as it was",
        factor=lambda p: 1,
    )
    yield Variant(
        site="rate",
        mistake="learning-rate",
        text="with the learning rate applied twice",
        factor=lambda p: p.learning_rate * p.learning_rate,
    )
    yield Variant(
        site="rate", mistake="learning-rate", text="without the learning rate", factor=lambda p: absent(p.learning_rate)
    )
    shapes = network.parameter_shapes
    if sum(rows * columns for rows, columns in shapes.values()) <= MANY_BASES:
        for other, shape in shapes.items():
            for index in np.ndindex(shape):
                yield from base_variants(name, other, index)


def base_variants(name: str, other: str, index: Index) -> Iterator[Variant]:
    """The update starting from another parameter's element, before or after that one's own update."""
    i, j = index
    element = f"{other}[{i},{j}]"

    def is_other(own: Index) -> bool:
        return (name, own) != (other, index)

    for when, source in (("", "before"), (" after its update", "after")):
        yield Variant(
            site="base",
            mistake="wrong-base",
            text=f"started from {element}{when} instead of from {name} itself",
            factor=lambda p, source=source: getattr(p, source)[other][..., i : i + 1, j : j + 1],
            where=is_other,
        )


def loss_variants(problem: Problem) -> Iterator[Variant]:
    """The loss itself."""

    def loss(mistake: str, text: str, factor: Factor) -> Variant:
        return Variant(site="loss", mistake=mistake, text=text, factor=factor)

    def right(p: Passes) -> Number:
        return p.route.loss(p.y, p.z[-1])

    yield loss("sign", "with the opposite sign", lambda p: -right(p))
    yield loss("factor", "times 2", lambda p: 2 * right(p))
    yield loss("factor", "times one half", lambda p: 0.5 * right(p))
    yield loss("updated-weight", "taken after the update instead of before it", lambda p: p.route.loss(p.y, p.z_after))
    if min(problem.batch_size, len(problem.x)) > 1:
        yield loss("reduction", "summed over the rows where the mean belongs", lambda p: right(p) * p.averaged)
        yield loss("reduction", "divided by the rows once too often", lambda p: right(p) / p.averaged)
    yield from other_loss_values(problem, loss)


def other_loss(name: str) -> Factor:
    """The value of another loss at the same prediction."""
    return lambda p: LOSSES[name].value(p.y, p.a[-1])


def other_loss_values(problem: Problem, loss: Callable[[str, str, Factor], Variant]) -> Iterator[Variant]:
    """Another loss in place of the problem's."""

    def absolute(p: Passes) -> Number:
        return np.abs(p.y - p.a[-1]).sum((-2, -1)) / p.averaged

    yield loss("wrong-loss", "of the absolute error", absolute)
    for name in other_losses(problem):
        if name not in ("mean_absolute_error", "binary_cross_entropy_with_logits"):
            yield loss("wrong-loss", f"of {name}", other_loss(name))
    if simplifies(problem):
        yield loss(
            "missing-term",
            "without the term (1 - y) log(1 - y_hat)",
            lambda p: -(p.y * np.log(p.a[-1])).sum((-2, -1)) / p.averaged,
        )
        yield loss(
            "missing-term",
            "without the term y log(y_hat)",
            lambda p: -((1 - p.y) * np.log(1 - p.a[-1])).sum((-2, -1)) / p.averaged,
        )
