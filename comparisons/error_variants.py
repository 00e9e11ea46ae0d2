"""The error signal ∂L/∂z of the last layer made wrongly: parts left out, another loss's, another class's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from comparisons.chains import (
    Factor,
    Number,
    Passes,
    last_layer,
    prediction,
    right_slope,
    simplifies,
    target,
    through_output,
)
from comparisons.slope_variants import wrong_points, wrong_slopes
from comparisons.variant import Variant, absent, rolled, shifts
from manual.activations import softmax
from manual.losses import LOSSES
from problems.problem import Problem
from problems.targets import SPARSE

Derivative = Callable[[Number, Number], Number]  # of the target and ŷ, for each element, before the mean
SQUARED = ("mean_squared_error", "half_squared_error")


def error_variants(problem: Problem, layer: int) -> Iterator[Variant]:
    """The error signal that the loss sends back into the last layer, on its way to `layer`."""

    def error(mistake: str, text: str, factor: Factor) -> Variant:
        return Variant(site="error", mistake=mistake, text=text, factor=factor)

    yield from (error(*one) for one in _own_parts(problem))
    if last_layer(problem.network) > 1:
        yield error(
            "updated-weight",
            "with the error after the other layer's update: compute all gradients before changing any weight",
            lambda p: p.route.delta(p.y, p.z_after_others(layer)),
        )
    yield from (error(*one) for one in _of_output(problem))
    yield from (error(*one) for one in _of_classes(problem))
    for other in other_losses(problem):
        yield error(
            "wrong-loss", f"with the derivative of {other} where that of {problem.loss} belongs", other_delta(other)
        )


def _own_parts(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """The loss's own derivative with a part left out."""
    if problem.loss in PARTS:
        for text, derivative in PARTS[problem.loss].items():
            yield "missing-term", text, _averaged(derivative)
        return
    scale = error_scale(problem)
    slope = (lambda p, da: da) if simplifies(problem) else through_output
    yield (
        "missing-term",
        "without the error (prediction minus target)",
        lambda p: slope(p, absent(target(p)) * scale(p)),
    )
    yield (
        "missing-term",
        "with the prediction alone where the error belongs",
        lambda p: slope(p, prediction(p) * scale(p)),
    )
    yield "missing-term", "with the target alone where the error belongs", lambda p: slope(p, -target(p) * scale(p))


PARTS: dict[str, dict[str, Derivative]] = {
    "mean_absolute_error": {"with 1 where the sign of the error belongs": lambda y, y_hat: absent(y_hat)},
    "huber": {
        "with 1 where the error belongs": lambda y, y_hat: absent(y_hat),
        "with the error not held between -1 and 1": lambda y, y_hat: y_hat - y,
    },
    "hinge": {
        "with -y also where y ŷ is above 1": lambda y, y_hat: -y,
        "with -1 where -y belongs": lambda y, y_hat: np.where(1 - y * y_hat > 0, -absent(y_hat), 0 * y_hat),
    },
}


def _averaged(derivative: Derivative) -> Factor:
    """∂L/∂z of the last layer of the mean of a loss with this derivative of each element."""
    return lambda p: through_output(p, derivative(target(p), p.a[-1])) / p.averaged


def error_scale(problem: Problem) -> Callable[[Passes], float]:
    """What the error is multiplied by in the loss's derivative: 2 / N for the squared error, 1 / N otherwise."""
    two = 2 if problem.loss == "mean_squared_error" else 1
    return lambda p: two / p.averaged


def _of_output(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """The slope of the output's activation."""
    name, derivative = problem.network.activations[-1], LOSSES[problem.loss].derivative
    last = last_layer(problem.network)

    def sloped(slope: Callable[[Number, Number], Number]) -> Factor:
        return lambda p: derivative(p.y, p.a[-1]) * slope(p.z[-1], p.a[-1])

    def elsewhere(by: int) -> Factor:
        return lambda p: derivative(p.y, p.a[-1]) * rolled(right_slope(last)(p), by, -1)

    if name != "linear":
        yield "missing-term", f"without the slope of the output's {name}", lambda p: derivative(p.y, p.a[-1])
    if name == "softmax":
        yield (
            "missing-term",
            "with a (1 - a) for the softmax of each output by itself: every z of a row moves every output",
            sloped(lambda z, a: a * (1 - a)),
        )
        if not simplifies(problem):  # there it is the target alone
            text = "with a ∂L/∂a for the softmax, without what comes through the other outputs, - a Σ a ∂L/∂a"
            yield "missing-term", text, sloped(lambda z, a: a)
    elif name != "linear" and not simplifies(problem):
        of = f"the slope of the output's {name}"
        for mistake, text, slope in (*wrong_points(name, of), *wrong_slopes(name, of)):
            yield mistake, text, sloped(slope)
        for by in shifts(problem.network.units[-1]):
            text = f"with {of} at another output ({by} further on)"
            yield "wrong-index", text, elsewhere(by)


def _of_classes(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """Class labels taken for others, and a softmax too few or too many."""
    if problem.loss in SPARSE:
        texts = {1: "with the class after the right one: labels count from 0"}
        if problem.network.units[-1] > 2:
            texts[-1] = "with the class before the right one: labels count from 0"
        for by, text in texts.items():
            yield "wrong-index", text, _delta_of_class(by)
    if "categorical" in problem.loss and problem.loss.endswith("with_logits"):
        yield (
            "missing-term",
            "without the softmax: z minus the target",
            lambda p: through_output(p, (p.a[-1] - target(p)) / p.averaged),
        )
        yield (
            "wrong-loss",
            "with the softmax applied twice: the loss takes z",
            lambda p: through_output(p, (softmax(softmax(p.a[-1])) - target(p)) / p.averaged),
        )


def _delta_of_class(by: int) -> Factor:
    """∂L/∂z of the last layer as if the class `by` further on were the right one."""

    def delta(passes: Passes) -> Number:
        error = (prediction(passes) - rolled(target(passes), -by, -1)) / passes.averaged
        return error if simplifies(passes.problem) else through_output(passes, error)

    return delta


# The losses that another is mistaken for, by the one that belongs there; a constant apart counts as a factor.
TAKEN_FOR: dict[str, tuple[str, ...]] = {
    "mean_absolute_error": ("mean_squared_error", "huber"),
    "huber": ("mean_absolute_error", "mean_squared_error"),
    "hinge": ("mean_absolute_error", "mean_squared_error", "squared_hinge", "perceptron"),
    "categorical_cross_entropy": (
        "mean_squared_error",
        "binary_cross_entropy",
        "categorical_cross_entropy_with_logits",
    ),
    "categorical_cross_entropy_with_logits": ("mean_squared_error", "binary_cross_entropy_with_logits"),
}
# The squared losses and binary cross-entropy.
USUAL = (
    "mean_absolute_error",
    "mean_squared_error",
    "half_squared_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)


def other_losses(problem: Problem) -> list[str]:
    """The losses whose derivative is another function here; a constant apart counts as a factor, not as another."""
    loss = problem.loss.removeprefix("sparse_")
    if loss in TAKEN_FOR:
        return list(TAKEN_FOR[loss])
    others = [name for name in USUAL if name != loss]
    if loss in SQUARED:
        others = [name for name in others if name not in SQUARED]
    if problem.network.activations[-1] != "sigmoid":
        others = [name for name in others if name != "binary_cross_entropy"]
    return others


def other_delta(name: str) -> Factor:
    """∂L/∂z of the last layer under another loss."""
    if name == "binary_cross_entropy":
        return _of_probabilities
    if name in OTHER_DERIVATIVES:
        return _averaged(OTHER_DERIVATIVES[name])
    derivative = LOSSES[name].derivative
    return lambda p: through_output(p, derivative(target(p), p.a[-1]))


def _of_probabilities(passes: Passes) -> Number:
    """Binary cross-entropy of each output, whose slope cancels behind a sigmoid."""
    y, y_hat = target(passes), passes.a[-1]
    if passes.network.activations[-1] == "sigmoid":
        return (y_hat - y) / passes.averaged
    return through_output(passes, (1 - y) / (1 - y_hat) - y / y_hat) / passes.averaged


OTHER_DERIVATIVES: dict[str, Derivative] = {
    "mean_absolute_error": lambda y, y_hat: np.where(y_hat - y > 0, 1, -1),
    "squared_hinge": lambda y, y_hat: -2 * y * np.maximum(1 - y * y_hat, 0),
    "perceptron": lambda y, y_hat: np.where(y * y_hat < 0, -y, 0 * y_hat),
}
