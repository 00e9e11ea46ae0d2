"""Why mistakes stay hidden in a training: what is alike, zero or constant in every step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comparisons.messages import place
from comparisons.sampled_states import first_state, sampled_states
from comparisons.sensitivity import looked_for, unseen
from comparisons.verdict import BlindSpots
from manual.activations import ACTIVATIONS
from manual.network import forward
from problems.problem import Array, Parameters, Problem

MOST_PARAMETERS = 200  # the catalogue grows with the square of a network; above this it is not gone through


def blind_spots(problem: Problem) -> BlindSpots | None:
    """What auditing the right training of `problem` could not have noticed; None for a large network."""
    return None if too_large(problem) else unnoticed(problem, *sampled_states(problem))


def total_blindness(problem: Problem) -> BlindSpots | None:
    """The same where auditing the right training could have noticed nothing at all; else None, which is soon known.

    The first mistake that shows in the first step decides it, and nearly every training has one.
    """
    if too_large(problem) or any(visible for *_, visible in looked_for(problem, *first_state(problem))):
        return None
    spots = blind_spots(problem)
    return spots if spots is not None and spots.total else None


def unnoticed(problem: Problem, before: Parameters, x: Array, y: Array) -> BlindSpots | None:
    """What could not have been noticed from these states; None for a large network."""
    if too_large(problem):
        return None
    hidden, looked_at = unseen(problem, before, x, y)
    with np.errstate(all="ignore"):
        causes = tuple(_causes(problem, before, x, y)) if hidden else ()
    described = tuple(f"{place(mutant.quantity, index)} {mutant.text}" for mutant, index in hidden)
    return BlindSpots(hidden=described, looked_at=looked_at, causes=causes)


def too_large(problem: Problem) -> bool:
    """Whether the catalogue of this problem is not gone through."""
    return problem.network.parameter_count > MOST_PARAMETERS


def _causes(problem: Problem, before: Parameters, x: Array, y: Array) -> Iterator[str]:
    if not len(x):
        yield "no step could be compared"
        return
    network = problem.network
    _, cache = forward(network, before, x)
    for layer in network.layers[:-1]:
        alike = [
            (i + 1, j + 1) for i in range(network.sizes[layer]) for j in range(i) if _same_nodes(before, layer, i, j)
        ]
        if alike:
            i, j = alike[0][1], alike[0][0]
            yield f"nodes {i} and {j} of layer {layer} are equal in every step (a random start separates them)"
        z, a = cache.z[layer - 1], cache.inputs[layer]
        slope = ACTIVATIONS[network.activations[layer - 1]].slope(z, a)
        dead = np.flatnonzero(~np.broadcast_to(slope != 0, z.shape).any(axis=(0, 1)))
        if len(dead):
            yield f"node {dead[0] + 1} of layer {layer} passes nothing back in any step (its slope is 0)"
    if x.shape[-1] > 1 and (x[..., :1] == x).all():
        yield "all inputs of a row are equal in every step"
    if len(np.unique(x.reshape(-1, x.shape[-1]), axis=0)) == 1:
        yield "every step uses the same row of inputs"
    if not x.any():
        yield "all inputs are 0"


def _same_nodes(before: Parameters, layer: int, i: int, j: int) -> bool:
    incoming, bias, outgoing = before[f"W{layer}"], before[f"b{layer}"], before[f"W{layer + 1}"]
    return bool(
        (incoming[..., i] == incoming[..., j]).all()
        and (bias[..., i] == bias[..., j]).all()
        and (outgoing[..., i, :] == outgoing[..., j, :]).all()
    )
