"""JAX: a pure function of the parameters, value_and_grad of it, jit around the whole step.

The step is traced once for full batches and once more where an epoch ends in a short one. JAX computes in float32
until its 64-bit switch is on; configure() sets it for each problem, and the device that the process was started for, by
the variable BACKPROOF_DEVICE. JAX ships no losses: those that Optax has are
Optax's, the others are written out here.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from frameworks.jax_optimizers import made, require_expressible
from problems.form import KEPT, Form, form_of
from problems.order import batches
from problems.problem import Array, Problem
from problems.step import Step

Tree = dict[str, jax.Array]

DTYPES = {"float64": jnp.float64, "float32": jnp.float32, "bfloat16": jnp.bfloat16, "float16": jnp.float16}


def leaky_relu(z: jax.Array) -> jax.Array:
    """z above 0, else 0.01 z. The slope of jax.nn.leaky_relu at exactly 0 is 1; the problem's is 0.01."""
    return jnp.where(z > 0, z, 0.01 * z)


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "linear": lambda z: z,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "leaky_relu": leaky_relu,
    "elu": jax.nn.elu,
    "softplus": jax.nn.softplus,
    "gelu": functools.partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": functools.partial(jax.nn.gelu, approximate=True),
    "silu": jax.nn.silu,
    "softmax": jax.nn.softmax,
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
    return jnp.mean(optax.sigmoid_binary_cross_entropy(z, y))


def mean_absolute_error(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """Mean over rows and outputs of |y − ŷ|."""
    return jnp.mean(jnp.abs(y - y_hat))


def huber(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """Mean over rows and outputs of ½ e² for |e| ≤ 1, else |e| − ½, e = y − ŷ."""
    return jnp.mean(optax.huber_loss(y_hat, y, delta=1.0))


def categorical_cross_entropy(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """−Σ over classes of y log ŷ, mean over rows; a term whose y is 0 takes the logarithm of 1."""
    return -jnp.mean(jnp.sum(y * jnp.log(jnp.where(y == 0, 1, y_hat)), axis=1))


def categorical_cross_entropy_with_logits(y: jax.Array, z: jax.Array) -> jax.Array:
    """The same of ŷ = softmax(z)."""
    return jnp.mean(optax.softmax_cross_entropy(z, y))


def sparse_categorical_cross_entropy(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """−log ŷ of the right class, mean over rows."""
    return -jnp.mean(jnp.log(jnp.take_along_axis(y_hat, y.astype(int), axis=1)))


def sparse_categorical_cross_entropy_with_logits(y: jax.Array, z: jax.Array) -> jax.Array:
    """The same of ŷ = softmax(z)."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(z, y[:, 0].astype(int)))


def hinge(y: jax.Array, y_hat: jax.Array) -> jax.Array:
    """Mean over rows and outputs of max(0, 1 − y ŷ)."""
    return jnp.mean(optax.hinge_loss(y_hat, y))


LOSSES = {
    "mean_squared_error": mean_squared_error,
    "half_squared_error": half_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "categorical_cross_entropy": categorical_cross_entropy,
    "categorical_cross_entropy_with_logits": categorical_cross_entropy_with_logits,
    "sparse_categorical_cross_entropy": sparse_categorical_cross_entropy,
    "sparse_categorical_cross_entropy_with_logits": sparse_categorical_cross_entropy_with_logits,
    "hinge": hinge,
}


def versions(problem: Problem) -> dict[str, str]:
    """What training runs on, whatever the problem."""
    return {"jax": jax.__version__, "optax": optax.__version__}


def device() -> jax.Device:
    """What this process trains on; raises NotImplementedError where this JAX cannot."""
    name = os.environ.get("BACKPROOF_DEVICE", "cpu")
    try:
        return jax.devices(name)[0]
    except RuntimeError:
        pass
    raise NotImplementedError(
        f"jax: this JAX ({jax.__version__}) has no {name.upper()} plugin that finds a device; "
        "install one: pip install 'jax[cuda13]' or 'jax[cuda12]'"
    )


def configure(dtype: str) -> None:
    """Process-wide switches: 64-bit numbers where the run needs them, full matrix precision, the device."""
    jax.config.update("jax_default_device", device())
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
    )
    for what, names, choices in known:
        for name in names:
            if name not in choices:
                raise NotImplementedError(f"jax: {what} {name!r} is not written here")
    require_expressible(problem.optimizer)


def penalty(parameters: Tree, l2: float) -> jax.Array | float:
    """½ l2 Σ W² over all weights."""
    return 0.5 * l2 * sum(jnp.sum(jnp.square(w)) for name, w in parameters.items() if name[0] == "W") if l2 else 0.0


def held(values: jax.Array) -> Array:
    """The array's numbers; bfloat16's, which NumPy has not, in float32."""
    return np.asarray(values, dtype=np.float32 if values.dtype == jnp.bfloat16 else None)


def update_of(form: Form) -> optax.GradientTransformation:
    """The whole update of all parameters."""
    return made(form.optimizer, tuple(form.network.parameter_shapes))


@functools.lru_cache(maxsize=KEPT)
def step_function(form: Form) -> Callable[..., tuple[Any, ...]]:
    """(parameters, state, x, y) to (loss, gradients, new parameters, new state), compiled once for all of one form."""
    activations, loss, update = form.network.activations, LOSSES[form.loss], update_of(form)

    def objective(parameters: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        return loss(y, forward(parameters, x, activations)) + penalty(parameters, form.l2)

    @jax.jit
    def step(parameters: Tree, state: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Tree, Tree, Any]:
        value, gradients = jax.value_and_grad(objective)(parameters, x, y)
        updates, state = update.update(gradients, state, parameters)
        return value, gradients, optax.apply_updates(parameters, updates), state

    return step


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`."""
    require_known(problem)
    configure(problem.dtype)
    dtype = DTYPES[problem.dtype]
    parameters: Any = {name: jnp.asarray(values, dtype) for name, values in problem.initial.items()}
    x, y = (table.astype(dtype) for table in (problem.x, problem.y))
    form = form_of(problem)
    step, state = step_function(form), update_of(form).init(parameters)
    for rows in batches(problem):
        loss, gradients, parameters, state = step(parameters, state, x[rows], y[rows])
        yield Step(
            rows=rows,
            loss=held(loss),
            gradients={name: held(gradients[name]) for name in problem.initial},
            parameters={name: held(parameters[name]) for name in problem.initial},
        )
