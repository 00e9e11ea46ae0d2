"""A dense network of any depth: forward, loss, and backward through every layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from manual import dense
from manual.activations import ACTIVATIONS, Number
from manual.optimizers import sgd
from manual.penalty import penalized, penalty
from manual.routes import Route, routes
from problems.problem import Network


class Cache(NamedTuple):
    """What backward needs of forward: inputs[k] (..., rows, n_in) and pre-activation z[k] of layer k + 1."""

    inputs: list[Number]
    z: list[Number]


class StepResult(NamedTuple):
    """loss (...), gradients and the updated parameters, by canonical name."""

    loss: Number
    gradients: dict[str, Number]
    parameters: dict[str, Number]


def forward(network: Network, parameters: Mapping[str, Number], x: Number) -> tuple[Number, Cache]:
    """ŷ (..., rows, n_out) and the cache; x (..., rows, n_in)."""
    cache = Cache([], [])
    a = x
    for layer, name in zip(network.layers, network.activations, strict=True):
        z = dense.forward(a, parameters[f"W{layer}"], parameters[f"b{layer}"])
        cache.inputs.append(a)
        cache.z.append(z)
        a = ACTIVATIONS[name].value(z)
    return a, cache


def backward(network: Network, parameters: Mapping[str, Number], cache: Cache, dz: Number) -> dict[str, Number]:
    """Every ∂L/∂W, ∂L/∂b from dz = ∂L/∂z of the last layer, walking back layer by layer."""
    gradients: dict[str, Number] = {}
    for layer in reversed(network.layers):
        a = cache.inputs[layer - 1]
        gradients[f"W{layer}"], gradients[f"b{layer}"] = dense.backward(a, dz)
        if layer > 1:
            slope = ACTIVATIONS[network.activations[layer - 2]].slope
            dz = dense.backward_to_inputs(parameters[f"W{layer}"], dz) * slope(cache.z[layer - 2], a)
    return {name: gradients[name] for name in network.parameter_shapes}


def loss_routes(network: Network, loss: str) -> tuple[Route, ...]:
    """The routes to evaluate `loss` on this network, the most accurate first."""
    return routes(loss, network.activations[-1])


def train_step(
    network: Network,
    route: Route,
    parameters: Mapping[str, Number],
    x: Number,
    y: Number,
    learning_rate: Number,
    l2: Number = 0.0,
) -> StepResult:
    """One step of stochastic gradient descent: loss and gradients before the update, parameters after it.

    l2: of Problem, whose penalty is part of loss and gradients.
    """
    loss, gradients = loss_and_gradients(network, route, parameters, x, y, l2)
    return StepResult(loss, gradients, sgd(parameters, gradients, learning_rate))


def loss_and_gradients(
    network: Network, route: Route, parameters: Mapping[str, Number], x: Number, y: Number, l2: Number = 0.0
) -> tuple[Number, dict[str, Number]]:
    """What an update starts from: the loss and every ∂L/∂W, ∂L/∂b."""
    _, cache = forward(network, parameters, x)
    loss, dz = route.loss(y, cache.z[-1]), route.delta(y, cache.z[-1])
    return with_penalty(parameters, loss, backward(network, parameters, cache, dz), l2)


def with_penalty(
    parameters: Mapping[str, Number], loss: Number, gradients: dict[str, Number], l2: Number
) -> tuple[Number, dict[str, Number]]:
    """The loss on the data and its gradients, with those of the penalty added."""
    if l2:
        return loss + penalty(parameters, l2), penalized(gradients, parameters, l2)
    return loss, gradients


def completed_step(
    network: Network,
    parameters: Mapping[str, Number],
    cache: Cache,
    loss: Number,
    dz: Number,
    learning_rate: Number,
    l2: Number = 0.0,
) -> StepResult:
    """The rest of a step after the loss on the data and ∂L/∂z of the last layer are known."""
    gradients = backward(network, parameters, cache, dz)
    loss, gradients = with_penalty(parameters, loss, gradients, l2)
    return StepResult(loss, gradients, sgd(parameters, gradients, learning_rate))
