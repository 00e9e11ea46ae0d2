"""Keras without what it imports wherever that is installed, and what no training here uses.

That is scikit-learn (keras.wrappers), pandas (data frames to train on) and, beside another backend, JAX (Orbax's
checkpoints, TensorFlow Lite's converter): a third of the time that importing Keras takes. It does without them, as
where they are not installed; whoever imports them later finds them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

OPTIONAL = ("sklearn", "pandas")


@contextmanager
def absent(packages: Sequence[str]) -> Iterator[None]:
    """In the block, to import one of `packages` that is not imported yet fails as if it were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: see the import system's reference
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with absent((*OPTIONAL, "jax") if os.environ.get("KERAS_BACKEND") in ("tensorflow", "torch") else OPTIONAL):
    import keras as keras
