"""Evaluate elementary functions with one library, in a process of its own: LIBRARY IN.npz OUT.npz.

IN.npz holds arguments under `function.dtype`; OUT.npz gets the library's results under the same keys.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Evaluate = Callable[[Any], Any]


def numpy_functions() -> dict[str, Evaluate]:
    """NumPy, with the sigmoid as the lesson writes it."""
    from scipy.special import erfc

    functions = {name: getattr(np, name) for name in ("exp", "log", "tanh", "sqrt", "expm1", "log1p", "arctan")}
    functions["erfc"] = erfc
    return {**functions, "power": lambda z: z**0.75, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}


def torch_functions() -> dict[str, Evaluate]:
    """PyTorch on the processor."""
    import torch

    names = ("exp", "log", "tanh", "sqrt", "sigmoid", "expm1", "log1p", "arctan")
    functions = {name: getattr(torch, name) for name in names}
    functions["erfc"] = lambda z: 1 - torch.erf(z)
    functions["power"] = lambda z: z**0.75
    return {name: lambda z, f=f: f(torch.tensor(z)).numpy() for name, f in functions.items()}


def tensorflow_functions() -> dict[str, Evaluate]:
    """TensorFlow, eagerly."""
    import tensorflow as tf

    names = ("exp", "log", "tanh", "sqrt", "sigmoid", "expm1", "log1p")
    functions = {name: getattr(tf.math, name) for name in names}
    functions |= {"arctan": tf.math.atan, "erfc": lambda z: 1 - tf.math.erf(z)}
    functions["power"] = lambda z: z**0.75
    return {name: lambda z, f=f: f(tf.constant(z)).numpy() for name, f in functions.items()}


def jax_functions() -> dict[str, Evaluate]:
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    names = ("exp", "log", "tanh", "sqrt", "expm1", "log1p", "arctan")
    functions = {name: getattr(jax.numpy, name) for name in names}
    functions["erfc"] = jax.scipy.special.erfc
    functions |= {"power": lambda z: z**0.75, "sigmoid": jax.nn.sigmoid}
    return {name: lambda z, f=f: np.asarray(jax.jit(f)(z)) for name, f in functions.items()}


LIBRARIES = {
    "numpy": numpy_functions,
    "torch": torch_functions,
    "tensorflow": tensorflow_functions,
    "jax": jax_functions,
}


def main() -> None:
    """Evaluate everything in IN.npz."""
    library, source, target = sys.argv[1:]
    functions = LIBRARIES[library]()
    arguments = np.load(source)
    with np.errstate(all="ignore"):
        np.savez(target, **{key: functions[key.split(".")[0]](arguments[key]) for key in arguments.files})


if __name__ == "__main__":
    main()
