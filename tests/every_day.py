"""Of many cases of a kind some are tested every day, drawn once and for all; the others are long tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
import pytest

SEED = 20261125
Name = TypeVar("Name", bound=Hashable)

# For tests that go through many cases themselves: parametrized by whether the cases are those of every day.
part = pytest.mark.parametrize(
    "every_day", [pytest.param(True, id="every day"), pytest.param(False, id="the others", marks=pytest.mark.long)]
)


def drawn(cases: Mapping[Name, Any], kind: Callable[[Any], Hashable], count: int = 1) -> dict[Name, Any]:
    """`count` cases of each kind, in the order of the cases; `kind` is a function of a case."""
    kinds: dict[Hashable, list[Name]] = {}
    for name, case in cases.items():
        kinds.setdefault(kind(case), []).append(name)
    rng = np.random.default_rng(SEED)
    picks = [(names, rng.permutation(len(names))[:count]) for names in kinds.values()]
    chosen = {names[k] for names, numbers in picks for k in numbers}
    return {name: case for name, case in cases.items() if name in chosen}


def divided(cases: Mapping[Name, Any], kind: Callable[[Any], Hashable], count: int = 1) -> list[dict[Name, Any]]:
    """What is not drawn, and what is: to be indexed by `every_day`."""
    chosen = drawn(cases, kind, count)
    return [{name: case for name, case in cases.items() if name not in chosen}, chosen]


def sampled(cases: Mapping[str, tuple[Any, ...]], kind: Callable[[Any], Hashable], count: int = 1) -> list[Any]:
    """Parameters of a test, all but `count` of each kind marked long."""
    chosen = drawn(cases, kind, count)
    return [
        pytest.param(*case, id=name, marks=() if name in chosen else pytest.mark.long) for name, case in cases.items()
    ]
