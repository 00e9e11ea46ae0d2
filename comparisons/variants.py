"""Wrong factors on purpose, site by site, generated from the structure of the right formulas.

Every factor of every chain (`chains.py`) is left out, replaced by its neighbour, by its updated value, by its
pre-activation, by another loss's; the result negated, doubled, halved; the update given another base or rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from comparisons.chains import Passes, last_layer, right_input, right_weight
from comparisons.error_variants import error_variants
from comparisons.loss_variants import loss_variants, over_rows
from comparisons.penalty_variants import penalty_variants
from comparisons.slope_variants import slope_variants
from comparisons.variant import Index as Index
from comparisons.variant import Variant as Variant
from comparisons.variant import absent, rolled, shifts
from problems.problem import Network, Problem

SUMMED = "summed over the rows where the mean belongs: divide by the number of rows"
AVERAGED_TWICE = "divided by the number of rows once too often: the mean is already in the error signal"
OVER_BOTH = "divided by rows times outputs, where the loss is the mean over rows alone"
OVER_ROWS = "divided by the rows alone, where the loss is the mean over rows and outputs"
MANY_BASES = 64
CONSTANTS = (
    (-1, "sign", "with the opposite sign{}: the step goes uphill, where the gradient is to be subtracted"),
    (2, "factor", "times 2{}: there is a 2 too many"),
    (0.5, "factor", "times one half{}: a 2 is missing"),
)


def variants(problem: Problem, quantity: str) -> Iterator[Variant]:
    """Every wrong factor that can stand in the formula of `quantity`, the more usual mistakes first."""
    if quantity == "loss":
        yield from loss_variants(problem)
        return
    layer = int(quantity[1:])
    yield from constant_variants(problem)
    yield from reduction_variants(problem)
    for upper in range(layer + 1, last_layer(problem.network) + 1):
        yield from weight_variants(problem.network, upper)
        yield from slope_variants(problem.network, upper - 1)
    yield from error_variants(problem, layer)
    if quantity.startswith("W"):
        yield from input_variants(problem.network, layer)
        yield from arrangement_variants(problem.network, layer)
    else:
        yield from row_variants(problem)
    yield from penalty_variants(problem, quantity)
    yield from update_variants(problem.network, quantity)


def constant_variants(problem: Problem) -> Iterator[Variant]:
    """The sign, and the constants that the square brings."""
    sites = {"constant": ""}
    if problem.l2:
        sites["reduction"] = " of the data's part, without the penalty's"
    for site, part in sites.items():
        for number, mistake, text in CONSTANTS:
            yield Variant(site=site, mistake=mistake, text=text.format(part), factor=lambda p, number=number: number)


def reduction_variants(problem: Problem) -> Iterator[Variant]:
    """A sum over rows or outputs for the mean over them, or a mean of the mean."""

    def reduction(text: str, factor: Callable[[Passes], float]) -> Variant:
        return Variant(site="reduction", mistake="reduction", text=text, factor=factor)

    rows, outputs = min(problem.batch_size, len(problem.x)), problem.network.units[-1]
    if rows > 1:
        yield reduction(SUMMED, lambda p: p.averaged)
        yield reduction(AVERAGED_TWICE, lambda p: 1 / p.averaged)
    if outputs > 1:
        if over_rows(problem):
            yield reduction(OVER_BOTH, lambda p: 1 / outputs)
        else:
            yield reduction(OVER_ROWS, lambda p: outputs)


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
