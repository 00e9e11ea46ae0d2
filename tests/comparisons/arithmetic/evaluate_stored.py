"""Evaluate functions, activations and their slopes in a format for storage: LIBRARY DTYPE IN.npz OUT.npz.

IN.npz holds `z`, numbers of DTYPE in an array that holds them; OUT.npz gets `function` and `activation`, and by the
library's own differentiation `activation.slope`, as float32.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

FUNCTIONS = ("exp", "log", "tanh", "sqrt", "expm1", "log1p", "erfc", "arctan", "power")
ACTIVATIONS = ("sigmoid", "tanh", "leaky_relu", "elu", "softplus", "gelu", "silu")
Results = Iterator[tuple[str, Any]]


def torch_results(dtype: str, z: Any) -> Results:
    """PyTorch on the processor."""
    import torch
    from torch.nn import functional as F

    activations = {name: getattr(F, name) for name in ACTIVATIONS}
    activations["gelu_tanh"] = lambda held: F.gelu(held, approximate="tanh")
    held = torch.tensor(z, dtype=getattr(torch, dtype))
    for name in FUNCTIONS:
        yield name, (held**0.75 if name == "power" else getattr(torch, name)(held)).float().numpy()
    for name, f in activations.items():
        leaf = held.clone().requires_grad_()
        a = f(leaf)
        a.backward(torch.ones_like(a))
        yield name, a.detach().float().numpy()
        yield f"{name}.slope", leaf.grad.float().numpy()


def jax_results(dtype: str, z: Any) -> Results:
    """JAX, compiled."""
    import jax

    own = {"erfc": jax.scipy.special.erfc, "power": lambda held: held**0.75}
    activations = {name: getattr(jax.nn, name) for name in ("sigmoid", "leaky_relu", "elu", "softplus", "silu")}
    activations |= {"tanh": jax.numpy.tanh, "gelu": lambda held: jax.nn.gelu(held, approximate=False)}
    activations["gelu_tanh"] = lambda held: jax.nn.gelu(held, approximate=True)
    held = jax.numpy.asarray(z, dtype)
    for name in FUNCTIONS:
        yield name, np.asarray(jax.jit(own.get(name) or getattr(jax.numpy, name))(held), dtype=np.float32)
    for name, f in activations.items():
        yield name, np.asarray(jax.jit(f)(held), dtype=np.float32)
        yield f"{name}.slope", np.asarray(jax.jit(jax.vmap(jax.grad(f)))(held), dtype=np.float32)


def main() -> None:
    """Evaluate everything at IN.npz's z."""
    library, dtype, source, target = sys.argv[1:]
    results = {"torch": torch_results, "jax": jax_results}[library]
    np.savez(target, **dict(results(dtype, np.load(source)["z"])))


if __name__ == "__main__":
    main()
