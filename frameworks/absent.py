"""Libraries imported without what they import wherever that is installed, and what no training here uses.

They do without it, as where it is not installed, and for good: keras.wrappers asks for scikit-learn from then on.
Whoever imports it later finds it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*packages: str) -> Iterator[None]:
    """In the block, to import one of `packages` that is not imported yet fails as if it were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: see the import system's reference
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
