"""A large step, some rows of a matrix at a time: gradient and update are judged and dropped before the next ones.

The same formulas as `reference`, with the same bounds. What a processor's cache holds costs least, and a network of
millions of parameters needs no more memory than a few copies of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from comparisons.arithmetic.precision import Precision
from comparisons.compiled_tensors import tensors
from comparisons.reference import given, last_layer
from comparisons.tensors import BEST, EVERY, Piece, Tensor, expectation_of, of_plane
from manual.network import backward, forward
from manual.penalty import penalty
from problems.problem import Array, Parameters, Problem

LARGE = 2**17  # numbers in one matrix of parameters


def in_pieces(problem: Problem) -> bool:
    """Whether a step has a matrix that is large enough, and an update that needs nothing but its own gradient."""
    sizes = (rows * columns for rows, columns in problem.network.parameter_shapes.values())
    return problem.optimizer.plain and max(sizes) >= LARGE


def pieces(
    problem: Problem,
    before: Parameters,
    x: Array,
    y: Array,
    actual: Parameters,
    carried: Precision,
    learning_rate: Array | None = None,
    *,
    compiled: bool = True,
) -> Iterator[Piece]:
    """What `expectations` gives, in pieces; of what is compiled, where that is worth it, only what was counted.

    actual: quantity name to what was reported; an update that is not told follows from reported gradients all the same.
    compiled: False for the same pieces whatever the precision.
    """
    start = given(problem, before, x, y, carried, learning_rate)
    _, cache = forward(problem.network, start.state, start.x)
    loss, delta = last_layer(problem, start.y, cache.z[-1])
    if problem.l2:
        loss = loss + penalty(start.state, problem.l2)
    found = backward(problem.network, start.state, cache, delta)
    expected = expectation_of(of_plane(loss, EVERY), lambda: of_plane(loss, BEST).error)
    yield Piece(name="loss", at=slice(None), found=expected)
    tensor = tensors(problem, start) if compiled else Tensor
    for name in problem.network.parameter_shapes:
        yield from tensor(problem, name, start, found.pop(name), actual).pieces()
