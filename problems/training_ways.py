"""How a trace was trained, by its environment's own word: many steps in one call, or a step at a time."""

from __future__ import annotations

from collections.abc import Mapping

TRAINING, FAST = "training", "fast"  # in a trace's environment; a trace of single steps has no such entry


def trained_fast(environment: Mapping[str, str]) -> bool:
    """Whether the trace that has this environment came of many steps in one call."""
    return environment.get(TRAINING) == FAST


def way_label(implementation: str, *, fast: bool) -> str:
    """An implementation where it is shown, such as `jax (fast)`."""
    return f"{implementation} (fast)" if fast else implementation
