"""The loss itself made wrongly: its sign, its constants, its parts, or another loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from comparisons.chains import Factor, Number, Passes, loss_value, prediction, target
from comparisons.error_variants import TAKEN_FOR, USUAL, other_losses
from comparisons.variant import Variant, rolled
from manual.activations import softmax
from manual.losses import LOSSES, total
from manual.penalty import penalty
from problems.problem import Problem
from problems.targets import SPARSE

Element = Callable[[Number, Number], Number]  # the loss of one element, of the target and ŷ


def loss_variants(problem: Problem) -> Iterator[Variant]:
    """The loss itself."""

    def loss(mistake: str, text: str, factor: Factor) -> Variant:
        return Variant(site="loss", mistake=mistake, text=text, factor=factor)

    def right(p: Passes) -> Number:
        return loss_value(p, {})

    yield loss("sign", "with the opposite sign", lambda p: -right(p))
    yield loss("factor", "times 2", lambda p: 2 * right(p))
    yield loss("factor", "times one half", lambda p: 0.5 * right(p))
    yield loss("updated-weight", "taken after the update instead of before it", _after)
    yield from (loss(*one) for one in _reductions(problem))
    yield from (loss(*one) for one in _other_losses(problem))
    yield from (loss(*one) for one in _own_parts(problem))
    yield from (loss(*one) for one in _penalties(problem))


def _after(p: Passes) -> Number:
    l2 = p.problem.l2
    loss = p.route.loss(p.y, p.z_after)
    return loss + penalty(p.after, l2) if l2 else loss


def _penalized(data: Factor) -> Factor:
    """A loss on the data with the penalty of the problem."""
    return lambda p: data(p) + penalty(p.before, p.problem.l2) if p.problem.l2 else data(p)


def _data(p: Passes) -> Number:
    return p.route.loss(p.y, p.z[-1])


def _reductions(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """A sum for the mean, or a mean of the mean."""
    rows, outputs = min(problem.batch_size, len(problem.x)), problem.network.units[-1]
    if rows > 1:
        yield (
            "reduction",
            "summed over the rows where the mean belongs",
            _penalized(lambda p: _data(p) * p.averaged),
        )
        yield "reduction", "divided by the rows once too often", _penalized(lambda p: _data(p) / p.averaged)
    if outputs > 1:
        yield from _over_outputs(problem, outputs)


def _over_outputs(problem: Problem, outputs: int) -> Iterator[tuple[str, str, Factor]]:
    """The number of outputs divided by where it is not to be, or the reverse."""
    if over_rows(problem):
        text = "divided by rows times outputs where the rows alone belong"
        yield "reduction", text, _penalized(lambda p: _data(p) / outputs)
    else:
        text = "divided by the rows alone where rows times outputs belongs"
        yield "reduction", text, _penalized(lambda p: _data(p) * outputs)


def over_rows(problem: Problem) -> bool:
    """Whether the loss is a mean over rows alone, not over outputs."""
    return problem.loss == "half_squared_error" or "categorical" in problem.loss


def _other_losses(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """Another loss in place of the problem's."""
    plain = problem.loss in USUAL and problem.loss != "mean_absolute_error"
    if plain or "mean_absolute_error" in TAKEN_FOR.get(problem.loss, ()):
        yield "wrong-loss", "of the absolute error", _penalized(_mean_of(lambda y, y_hat: np.abs(y - y_hat)))
    for name in other_losses(problem):
        if name == "mean_absolute_error" or (plain and name == "binary_cross_entropy_with_logits"):
            continue
        element = ELEMENTS.get(name)
        yield "wrong-loss", f"of {name}", _penalized(_mean_of(element) if element else _value_of(name))


def _mean_of(element: Element) -> Factor:
    return lambda p: total(element(target(p), p.a[-1])) / p.averaged


def _value_of(name: str) -> Factor:
    value = LOSSES[name].value
    return lambda p: value(target(p), p.a[-1])


def _own_parts(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """The loss with a part left out."""
    if problem.loss == "binary_cross_entropy":
        yield (
            "missing-term",
            "without the term (1 - y) log(1 - y_hat)",
            _penalized(lambda p: -(p.y * np.log(p.a[-1])).sum((-2, -1)) / p.averaged),
        )
        yield (
            "missing-term",
            "without the term y log(y_hat)",
            _penalized(lambda p: -((1 - p.y) * np.log(1 - p.a[-1])).sum((-2, -1)) / p.averaged),
        )
    for text, element in PARTS.get(problem.loss, {}).items():
        yield "missing-term", text, _penalized(_mean_of(element))
    yield from _of_classes(problem)


def _of_classes(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """Class labels taken for others, and a softmax too many."""
    if problem.loss in SPARSE:
        texts = {1: "of the class after the right one: labels count from 0"}
        if problem.network.units[-1] > 2:
            texts[-1] = "of the class before the right one: labels count from 0"
        for by, text in texts.items():
            yield "wrong-index", text, _penalized(_of_class(by))
    if "categorical" in problem.loss and problem.loss.endswith("with_logits"):
        text = "with the softmax applied twice: the loss takes z"
        twice = _penalized(lambda p: _cross_entropy(p, softmax(prediction(p)), target(p)))
        yield "wrong-loss", text, twice


def _of_class(by: int) -> Factor:
    return lambda p: _cross_entropy(p, prediction(p), rolled(target(p), -by, -1))


def _cross_entropy(p: Passes, y_hat: Number, classes: Number) -> Number:
    return -total(classes * np.log(y_hat)) / p.averaged


PARTS: dict[str, dict[str, Element]] = {
    "mean_absolute_error": {"without |·|": lambda y, y_hat: y_hat - y},
    "huber": {
        "without the - ½ where |e| is above 1": lambda y, y_hat: _parts(np.abs(y - y_hat)),
        "with ½ e² also where |e| is above 1": lambda y, y_hat: 0.5 * (y - y_hat) ** 2,
    },
    "hinge": {"not held at 0 where y ŷ is above 1": lambda y, y_hat: 1 - y * y_hat},
}
ELEMENTS: dict[str, Element] = {
    "squared_hinge": lambda y, y_hat: np.maximum(1 - y * y_hat, 0) ** 2,
    "perceptron": lambda y, y_hat: np.maximum(-y * y_hat, 0),
}


def _parts(e: Number) -> Number:
    return np.where(e > 1, e, 0.5 * e**2)


def _penalties(problem: Problem) -> Iterator[tuple[str, str, Factor]]:
    """The penalty left out, without its ½, of the biases too, or averaged like the data."""
    l2 = problem.l2
    if not l2:
        return
    yield "missing-term", "without the penalty ½ l2 Σ W²", _data
    yield "factor", "with the penalty without its ½", lambda p: _data(p) + penalty(p.before, 2 * l2)
    yield "wrong-loss", "with the penalty on the biases too", lambda p: loss_value(p, {}) + _of_biases(p)
    if min(problem.batch_size, len(problem.x)) > 1:
        text = "with the penalty divided by the number of rows"
        yield "reduction", text, lambda p: _data(p) + penalty(p.before, l2) / p.rows


def _of_biases(p: Passes) -> Number:
    return sum(0.5 * p.problem.l2 * (b * b).sum((-2, -1)) for name, b in p.before.items() if name.startswith("b"))
