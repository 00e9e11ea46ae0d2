"""Evaluate activations and their slopes with one library, in a process of its own: LIBRARY IN.npz OUT.npz.

IN.npz holds z under each dtype; OUT.npz gets `activation.dtype` and, by the library's own
differentiation, `activation.slope.dtype`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Evaluate = Callable[[Any], tuple[Any, Any]]


def torch_functions() -> dict[str, Evaluate]:
    """PyTorch, as torch.nn's modules compute."""
    import torch
    from torch.nn import functional as F

    functions = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "leaky_relu": F.leaky_relu,
        "elu": F.elu,
        "softplus": F.softplus,
        "gelu": F.gelu,
        "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
        "silu": F.silu,
    }

    def evaluate(f: Any, z: Any) -> tuple[Any, Any]:
        held = torch.tensor(z, requires_grad=True)
        a = f(held)
        a.sum().backward()
        return a.detach().numpy(), held.grad.numpy()

    return {name: lambda z, f=f: evaluate(f, z) for name, f in functions.items()}


def tensorflow_functions() -> dict[str, Evaluate]:
    """TensorFlow, eagerly."""
    import tensorflow as tf

    functions = {
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "leaky_relu": lambda z: tf.nn.leaky_relu(z, 0.01),
        "elu": tf.nn.elu,
        "softplus": tf.nn.softplus,
        "gelu": tf.nn.gelu,
        "gelu_tanh": lambda z: tf.nn.gelu(z, approximate=True),
        "silu": tf.nn.silu,
    }

    def evaluate(f: Any, z: Any) -> tuple[Any, Any]:
        held = tf.Variable(z)
        with tf.GradientTape() as tape:
            a = f(held)
        return a.numpy(), tape.gradient(a, held).numpy()

    return {name: lambda z, f=f: evaluate(f, z) for name, f in functions.items()}


def jax_functions() -> dict[str, Evaluate]:
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    functions = {
        "sigmoid": jax.nn.sigmoid,
        "tanh": jax.numpy.tanh,
        "leaky_relu": jax.nn.leaky_relu,
        "elu": jax.nn.elu,
        "softplus": jax.nn.softplus,
        "gelu": lambda z: jax.nn.gelu(z, approximate=False),
        "gelu_tanh": lambda z: jax.nn.gelu(z, approximate=True),
        "silu": jax.nn.silu,
    }

    def evaluate(f: Any, z: Any) -> tuple[Any, Any]:
        return np.asarray(jax.jit(f)(z)), np.asarray(jax.jit(jax.grad(lambda held: f(held).sum()))(z))

    return {name: lambda z, f=f: evaluate(f, z) for name, f in functions.items()}


LIBRARIES = {"torch": torch_functions, "tensorflow": tensorflow_functions, "jax": jax_functions}


def results(library: str, arguments: Any) -> Iterator[tuple[str, Any]]:
    """Every activation of every z."""
    for name, evaluate in LIBRARIES[library]().items():
        for dtype in arguments.files:
            a, slope = evaluate(arguments[dtype])
            yield f"{name}.{dtype}", a
            yield f"{name}.slope.{dtype}", slope


def main() -> None:
    """Evaluate everything in IN.npz."""
    library, source, target = sys.argv[1:]
    np.savez(target, **dict(results(library, np.load(source))))


if __name__ == "__main__":
    main()
