"""JAX: a pure function of the parameters, value_and_grad of it, jit around the whole step.

The step is traced once for full batches and once more where an epoch ends in a short one. JAX computes in float32
until its 64-bit switch is on; configure() sets it for each problem. JAX ships no losses: they are written out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from problems.order import batches
from problems.problem import Problem
from problems.step import Step

Tree = dict[str, jax.Array]

DTYPES = ("float64", "float32")
ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "linear": lambda z: z,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
}


def mean_squared_error(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """Mean over rows and outputs of (y − ŷ)²."""
    return jnp.mean(jnp.square(y - y_hat))


def half_squared_error(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """½ Σ over outputs of (y − ŷ)², mean over rows."""
    return jnp.mean(jnp.sum(0.5 * jnp.square(y - y_hat), axis=1))


def binary_cross_entropy(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """Mean of −y log ŷ − (1 − y) log(1 − ŷ), unclipped.

    A term whose weight y or 1 − y is 0 takes the logarithm of 1: its slope is 0 even where ŷ has rounded to 0 or 1.
    """
    log_y_hat = jnp.log(jnp.where(y == 0, 1, y_hat))
    log_rest = jnp.log1p(-jnp.where(y == 1, 0, y_hat))
    return -jnp.mean(y * log_y_hat + (1 - y) * log_rest)


def binary_cross_entropy_with_logits(y: jax.Array, z: jax.Array) -> jax.Array:
    """The same of ŷ = σ(z), through log σ."""
    return -jnp.mean(y * jax.nn.log_sigmoid(z) + (1 - y) * jax.nn.log_sigmoid(-z))


LOSSES = {
    "mean_squared_error": mean_squared_error,
    "half_squared_error": half_squared_error,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
}


def versions() -> dict[str, str]:
    """What this implementation runs on."""
    return {"jax": jax.__version__}


def configure(dtype: str) -> None:
    """Process-wide switches: 64-bit numbers where the run needs them, matrix products in full precision."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")


def forward(parameters: Tree, x: jax.Array, activations: tuple[str, ...]) -> jax.Array:
    """The prediction of every row."""
    a = x
    for number, name in enumerate(activations, 1):
        a = ACTIVATIONS[name](a @ parameters[f"W{number}"] + parameters[f"b{number}"])
    return a


def require_known(problem: Problem) -> None:
    """Raise NotImplementedError for the first thing in `problem` that is not written here."""
    known = (
        ("dtype", [problem.dtype], DTYPES),
        ("activation", problem.network.activations, ACTIVATIONS),
        ("loss", [problem.loss], LOSSES),
        ("optimizer", [problem.optimizer.name], ("sgd",)),
    )
    for what, names, choices in known:
        for name in names:
            if name not in choices:
                raise NotImplementedError(f"jax: {what} {name!r} is not written here")


def step_function(problem: Problem) -> Callable[..., tuple[jax.Array, Tree, Tree]]:
    """(parameters, x, y) to (loss, gradients, new parameters), compiled."""
    activations = problem.network.activations
    learning_rate, loss = problem.optimizer.learning_rate, LOSSES[problem.loss]

    def objective(parameters: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        return loss(y, forward(parameters, x, activations))

    @jax.jit
    def step(parameters: Tree, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Tree, Tree]:
        value, gradients = jax.value_and_grad(objective)(parameters, x, y)
        return value, gradients, jax.tree.map(lambda theta, slope: theta - learning_rate * slope, parameters, gradients)

    return step


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`."""
    require_known(problem)
    configure(problem.dtype)
    step = step_function(problem)
    parameters: Any = {name: jnp.asarray(values) for name, values in problem.initial.items()}
    for rows in batches(problem):
        loss, gradients, parameters = step(parameters, problem.x[rows], problem.y[rows])
        yield Step(
            rows=rows,
            loss=np.asarray(loss),
            gradients={name: np.asarray(gradients[name]) for name in problem.initial},
            parameters={name: np.asarray(parameters[name]) for name in problem.initial},
        )
