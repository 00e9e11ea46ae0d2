"""Agreement between training steps, and telling people about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comparisons.api import assert_agrees, check

__all__ = ["assert_agrees", "check"]


def __getattr__(name: str) -> Any:
    """The public names are imported where they are used first: every process of ours imports this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from comparisons import api

    return getattr(api, name)
