"""How large the numbers of a step can get, from the largest parameter, input and target alone.

Enough to see that an ordinary step stays within the range of its dtype without evaluating it once more.
"""

from __future__ import annotations

from collections.abc import Iterator

from problems.dtypes import COMPUTED
from problems.problem import Array, Parameters, Problem

MOST_AT_A_NODE = 2.0**40  # of a pre-activation: its cube, which the approximation of gelu takes, has a float32
MOST = 2.0**100  # of any other number of a step: 2^28 below the largest float32


def surely_in_range(problem: Problem, before: Parameters, x: Array, y: Array) -> bool:
    """Whether no number in an evaluation of these steps can overflow; False where that is not as easily said.

    before: (steps, n_in, n_out) each; x (steps, rows, n_in); y (steps, rows, n_out).
    """
    if problem.dtype not in COMPUTED:
        return False
    largest = {name: _largest(values) for name, values in before.items()}
    nodes = list(_nodes(problem, largest, _largest(x)))
    others = list(_others(problem, largest, nodes, x.shape[-2], _largest(y)))
    return all(size < MOST_AT_A_NODE for size in nodes) and all(size < MOST for size in others)


def _largest(values: Array) -> float:
    """NaN where any is, which is below nothing."""
    return max(float(values.max()), -float(values.min()))


def _nodes(problem: Problem, largest: dict[str, float], inputs: float) -> Iterator[float]:
    """The inputs, then |z| of every layer: a sum in any order. No activation is larger than |z| + 1."""
    size = inputs
    yield size
    for layer, n_in in zip(problem.network.layers, problem.network.sizes, strict=False):
        size = n_in * (size + 1) * largest[f"W{layer}"] + largest[f"b{layer}"]
        yield size


def _others(
    problem: Problem, largest: dict[str, float], nodes: list[float], rows: int, target: float
) -> Iterator[float]:
    """Loss, errors, gradients and updated parameters; no slope is larger than 2.

    The loss is at most a square of the distance to the target for each output, or target times logits; its
    derivative, also through softmax, at most 4 (distance + 1)(target + 1)(outputs + 1).
    """
    outputs, rate = problem.network.units[-1], problem.optimizer.learning_rate
    apart = nodes[-1] + target + 2
    yield rows * outputs * apart * apart * (target + 1)
    error = 4 * apart * (target + 1) * (outputs + 1)
    for layer in reversed(problem.network.layers):
        W = largest[f"W{layer}"]
        slope = rows * error * (nodes[layer - 1] + 1) + problem.l2 * W
        weights = problem.network.sizes[layer - 1] * problem.network.units[layer - 1]
        yield from (error, slope, W + largest[f"b{layer}"] + rate * slope, problem.l2 * weights * W * W)
        error *= 2 * problem.network.units[layer - 1] * W
