"""Agreement between training steps, and telling people about it."""

from comparisons.api import assert_agrees, check

__all__ = ["assert_agrees", "check"]
