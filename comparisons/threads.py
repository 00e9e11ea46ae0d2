"""In how many threads matrices are multiplied while implementations are compared: in one.

Several wait for each other at the end of every product. Where something else holds a processor, a framework that trains
meanwhile say, each such wait takes as long as the system lets that run on, and a step takes tens of times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from problems.order import batch_width
from problems.problem import Problem

LARGE = 2**16  # multiplications in one product, below which no library takes several threads


@contextmanager
def one_thread(problems: Iterable[Problem]) -> Iterator[None]:
    """Products of this block in one thread each, where any of `problems` has one that is large."""
    if not any(map(_large, problems)):
        yield
        return
    with _libraries().limit(limits=1, user_api="blas"):
        yield


def _large(problem: Problem) -> bool:
    weights = max(n_in * n_out for n_in, n_out in problem.network.parameter_shapes.values())
    return batch_width(problem) * weights >= LARGE


@cache
def _libraries() -> Any:
    """Those that are loaded; to look for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
