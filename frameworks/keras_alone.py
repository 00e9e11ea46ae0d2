"""Keras without scikit-learn, pandas and, beside another backend, JAX: a third of the time that its import takes.

They are for keras.wrappers, for data frames to train on, and for Orbax's checkpoints and TensorFlow Lite's converter.
"""

from __future__ import annotations

import os

from frameworks.absent import absent

OPTIONAL = ("sklearn", "pandas", *(["jax"] if os.environ.get("KERAS_BACKEND") in ("tensorflow", "torch") else []))

with absent(*OPTIONAL):
    import keras as keras
