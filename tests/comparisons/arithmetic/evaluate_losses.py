"""Evaluate losses and ∂L/∂z with one library, in a process of its own: LIBRARY IN.npz OUT.npz LOSS=TARGETS...

IN.npz holds z by spread (z1.dtype, z10.dtype, ...) and the targets by kind; OUT.npz gets `loss.LOSS.spread.dtype` of
every batch and, by the library's own differentiation, `delta.LOSS.spread.dtype`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Evaluate = Callable[[Any, Any], tuple[Any, Any]]


def torch_functions() -> dict[str, Evaluate]:
    """PyTorch, as its modules compute."""
    import torch
    from torch.nn import functional as F

    def cross_entropy(z: Any, y: Any) -> Any:
        return torch.stack([F.cross_entropy(one, of_one) for one, of_one in zip(z, y, strict=True)])

    functions = {
        "cross entropy": lambda z, y: cross_entropy(z, y.argmax(-1)),
        "cross entropy of doubts": cross_entropy,
        "log of softmax": lambda z, y: -(y * torch.log(torch.softmax(z, -1))).sum(-1).mean(-1),
        "huber": lambda z, y: F.huber_loss(z, y, reduction="none").mean((-2, -1)),
        "absolute": lambda z, y: F.l1_loss(z, y, reduction="none").mean((-2, -1)),
    }

    def evaluate(f: Any, z: Any, y: Any) -> tuple[Any, Any]:
        held = torch.tensor(z, requires_grad=True)
        losses = f(held, torch.tensor(y))
        losses.sum().backward()
        return losses.detach().numpy(), held.grad.numpy()

    return {name: lambda z, y, f=f: evaluate(f, z, y) for name, f in functions.items()}


def by_jax(functions: dict[str, Any]) -> dict[str, Evaluate]:
    """Losses of each batch with their derivatives, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def evaluate(f: Any, z: Any, y: Any) -> tuple[Any, Any]:
        delta = jax.grad(lambda held, targets: f(held, targets).sum())
        return np.asarray(jax.jit(f)(z, y)), np.asarray(jax.jit(delta)(z, y))

    return {name: lambda z, y, f=f: evaluate(f, z, y) for name, f in functions.items()}


def jax_functions() -> dict[str, Evaluate]:
    """JAX alone, compiled."""
    import jax

    return by_jax({"log of softmax": lambda z, y: -(y * jax.numpy.log(jax.nn.softmax(z))).sum(-1).mean(-1)})


def optax_functions() -> dict[str, Evaluate]:
    """Optax on JAX."""
    import jax
    import optax

    return by_jax(
        {
            "cross entropy": lambda z, y: optax.softmax_cross_entropy_with_integer_labels(z, y.argmax(-1)).mean(-1),
            "cross entropy of doubts": lambda z, y: optax.softmax_cross_entropy(z, y).mean(-1),
            "log of softmax": lambda z, y: -(y * jax.numpy.log(jax.nn.softmax(z))).sum(-1).mean(-1),
            "huber": lambda z, y: optax.huber_loss(z, y).mean((-2, -1)),
            "absolute": lambda z, y: abs(z - y).mean((-2, -1)),
            "hinge": lambda z, y: optax.hinge_loss(z, y).mean((-2, -1)),
        }
    )


LIBRARIES = {"torch": torch_functions, "jax": jax_functions, "optax": optax_functions}


def main() -> None:
    """Evaluate everything in IN.npz."""
    library, source, target, *pairs = sys.argv[1:]
    functions, tables, found = LIBRARIES[library](), np.load(source), {}
    for pair in pairs:
        name, targets = pair.split("=")
        for key in (key for key in tables.files if key.startswith("z")):
            spread, dtype = key[1:].split(".")
            loss, delta = functions[name](tables[key], tables[f"{targets}.{dtype}"])
            found |= {f"loss.{name}.{spread}.{dtype}": loss, f"delta.{name}.{spread}.{dtype}": delta}
    np.savez(target, **found)


if __name__ == "__main__":
    main()
