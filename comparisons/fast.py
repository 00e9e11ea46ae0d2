"""Training many steps in one call, `--fast`: who can, and how a framework's process is told."""

from __future__ import annotations

from collections.abc import Mapping

from comparisons.implementations import IMPLEMENTATIONS

VARIABLE = "BACKPROOF_FAST"


def has_fast(name: str) -> bool:
    """Whether implementation `name` can train many steps in one call."""
    return IMPLEMENTATIONS[name].fast is not None


def fast_variables(name: str, asked: bool) -> dict[str, str]:
    """What a process of implementation `name` is started with where `asked` says that --fast was asked for."""
    return {VARIABLE: "1" if asked and has_fast(name) else "0"}


def told_fast(environment: Mapping[str, str]) -> bool:
    """Whether the process whose variables these are is to train many steps in one call."""
    return environment.get(VARIABLE) == "1"
