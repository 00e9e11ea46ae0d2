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
        dW, db, da = dense.backward(a, parameters[f"W{layer}"], dz)
        gradients[f"W{layer}"], gradients[f"b{layer}"] = dW, db
        if layer > 1:
            slope = ACTIVATIONS[network.activations[layer - 2]].slope
            dz = da * slope(cache.z[layer - 2], a)
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
    _, cache = forward(network, parameters, x)
    loss, dz = route.loss(y, cache.z[-1]), route.delta(y, cache.z[-1])
    return completed_step(network, parameters, cache, loss, dz, learning_rate, l2)


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
    if l2:
        loss, gradients = loss + penalty(parameters, l2), penalized(gradients, parameters, l2)
    return StepResult(loss, gradients, sgd(parameters, gradients, learning_rate))
