"""Every derivative as a chain of named factors, each of which can be exchanged for a wrong one.

For layer k of a dense network (a_0 = x, row r):

    ∂L/∂W_k[i,j] = Σ_r a_{k−1}[r,i] · δ_k[r,j]          input · error signal
    ∂L/∂b_k[j]   = Σ_r δ_k[r,j]
    δ_last       = reduction · (ŷ − y) / N (· slope)     the slope cancels where the loss is cross-entropy of it
    δ_k          = (δ_{k+1} W_{k+1}ᵀ) · slope_k          weight · slope

A penalty adds l2 · W_k to ∂L/∂W_k; the whole is multiplied by a constant, which is 1.

The right factors give what `manual.network` gives (a test holds them together); a `Choice` puts another in place.
The formulas run over any number system of the manual formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from manual.activations import ACTIVATIONS, backward, sigmoid, softmax
from manual.losses import one_hot
from manual.network import Cache, forward, loss_routes
from manual.penalty import penalty
from manual.routes import Route
from problems.problem import Network, Problem
from problems.targets import SPARSE

Number = Any
Factor = Callable[["Passes"], Number]
Run = Callable[[Network, Mapping[str, Number], Number], tuple[Number, Cache]]
Choice = Mapping[str, Callable[..., Number]]  # site to what stands there; sites that are absent are right


@dataclass(frozen=True, kw_only=True, eq=False)
class Passes:
    """All that a formula may use, rightly or wrongly, over many steps at once.

    before, after: parameters around the update, (steps, n_in, n_out); `after` is what the candidate reported.
    x (steps, rows, n_in); y (steps, rows, n_out); learning_rate (steps, 1, 1).
    run: the forward pass; way: how the loss and its derivative are evaluated, the most accurate way unless given.
    """

    problem: Problem
    before: Mapping[str, Number]
    after: Mapping[str, Number]
    x: Number
    y: Number
    learning_rate: Number
    run: Run = forward
    way: Route | None = None

    @property
    def network(self) -> Network:
        """The problem's network."""
        return self.problem.network

    @cached_property
    def route(self) -> Route:
        """The way to evaluate the loss and its derivative."""
        return self.way or loss_routes(self.network, self.problem.loss)[0]

    @cached_property
    def _forward(self) -> tuple[list[Number], list[Number]]:
        y_hat, cache = self.run(self.network, self.before, self.x)
        return [*cache.inputs, y_hat], [self.x, *cache.z]

    @property
    def a(self) -> list[Number]:
        """Outputs by layer: a[0] is x, the last is ŷ."""
        return self._forward[0]

    @property
    def z(self) -> list[Number]:
        """Pre-activations by layer; z[0] stands for x."""
        return self._forward[1]

    def z_after_others(self, layer: int) -> Number:
        """The last pre-activation on the same rows once every layer but `layer` has been updated."""
        own = (f"W{layer}", f"b{layer}")
        mixed = {name: (self.before if name in own else self.after)[name] for name in self.before}
        return self.run(self.network, mixed, self.x)[1].z[-1]

    @cached_property
    def z_after(self) -> Number:
        """The last pre-activation on the same rows after the whole update."""
        return self.run(self.network, self.after, self.x)[1].z[-1]

    @cached_property
    def error(self) -> Number:
        """∂L/∂z of the last layer."""
        return self.route.delta(self.y, self.z[-1])

    @property
    def rows(self) -> int:
        """Rows per step."""
        return int(self.y.shape[-2])

    @property
    def averaged(self) -> int:
        """N, the number of elements that the loss averages over."""
        over_rows = self.problem.loss == "half_squared_error" or "categorical" in self.problem.loss
        return self.rows * (1 if over_rows else int(self.y.shape[-1]))


def last_layer(network: Network) -> int:
    """The number of the last layer."""
    return len(network.units)


def simplifies(problem: Problem) -> bool:
    """Whether the last activation's slope cancels against the loss's, leaving δ = (ŷ − y) / N."""
    return problem.loss.removeprefix("sparse_") in ("binary_cross_entropy", "categorical_cross_entropy")


def target(passes: Passes) -> Number:
    """y with a column for each output, (steps, rows, n_out)."""
    return one_hot(passes.y, passes.network.units[-1]) if passes.problem.loss in SPARSE else passes.y


def prediction(passes: Passes) -> Number:
    """What is held against the target: ŷ, or the probability that the loss makes of it."""
    if not passes.problem.loss.endswith("with_logits"):
        return passes.a[-1]
    return softmax(passes.a[-1]) if "categorical" in passes.problem.loss else sigmoid(passes.a[-1])


def through_output(passes: Passes, da: Number) -> Number:
    """∂L/∂z of the last layer from ∂L/∂ŷ."""
    return backward(passes.network.activations[-1], passes.z[-1], passes.a[-1], da)


def right_slope(layer: int) -> Factor:
    """The slope of layer `layer`'s activation where it belongs."""
    return lambda p: ACTIVATIONS[p.network.activations[layer - 1]].slope(p.z[layer], p.a[layer])


def right_weight(layer: int) -> Factor:
    """W of `layer`, before the update."""
    return lambda p: p.before[f"W{layer}"]


def right_input(layer: int) -> Factor:
    """What flows into `layer`."""
    return lambda p: p.a[layer - 1]


def right_error(passes: Passes) -> Number:
    """∂L/∂z of the last layer."""
    return passes.error


def delta(passes: Passes, layer: int, choice: Choice) -> Number:
    """δ of `layer`, (steps, rows, n_layer)."""
    if layer == last_layer(passes.network):
        signal = choice.get("error", right_error)(passes)
    else:
        weight = choice.get(f"weight {layer + 1}", right_weight(layer + 1))(passes)
        slope = choice.get(f"slope {layer}", right_slope(layer))(passes)
        signal = delta(passes, layer + 1, choice) @ weight.mT * slope
    return signal


def gradient(passes: Passes, name: str, choice: Choice) -> Number:
    """∂L/∂name, (steps, n_in, n_out), with the factors of `choice` in place of the right ones."""
    of_data, l2 = data_gradient(passes, name, choice), passes.problem.l2
    whole = of_data
    if "penalty" in choice:
        whole = of_data + choice["penalty"](passes)
    elif l2 and name.startswith("W"):
        whole = of_data + l2 * passes.before[name]
    return whole * choice["constant"](passes) if "constant" in choice else whole


def data_gradient(passes: Passes, name: str, choice: Choice) -> Number:
    """∂L/∂name without the penalty."""
    layer = int(name[1:])
    signal = delta(passes, layer, choice)
    if "reduction" in choice:
        signal = signal * choice["reduction"](passes)
    if name.startswith("b"):
        return choice["rows"](signal) if "rows" in choice else signal.sum(-2, keepdims=True)
    a = choice.get("input", right_input(layer))(passes)
    result = a.mT @ signal
    return choice["arrangement"](result) if "arrangement" in choice else result


def updated(passes: Passes, name: str, slope: Number, choice: Choice) -> Number:
    """The parameter after the update by gradient `slope`: base − rate · slope."""
    base = choice["base"](passes) if "base" in choice else passes.before[name]
    if "kept" in choice:
        return base
    rate = choice["rate"](passes) if "rate" in choice else passes.learning_rate
    return base - rate * slope


def loss_value(passes: Passes, choice: Choice) -> Number:
    """The loss of each step, (steps,)."""
    if "loss" in choice:
        return choice["loss"](passes)
    loss, l2 = passes.route.loss(passes.y, passes.z[-1]), passes.problem.l2
    return loss + penalty(passes.before, l2) if l2 else loss
