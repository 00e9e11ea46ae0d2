"""Keras: keras.Sequential, compile, train_on_batch, on the backend that KERAS_BACKEND names for this process.

train_on_batch tells no gradients, and the loss it tells is float32 on two backends. An optimizer
subclass keeps each gradient in a slot variable and a Sequential subclass keeps the loss in a weight of its own;
both work in compiled mode on all three backends. Starting numbers go in by set_weights: a Constant initializer
would round 0.1 to float32 on two backends.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import keras
import numpy as np

from problems.order import batches
from problems.problem import Array, Problem
from problems.step import Step

ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu")


class KeepingSGD(keras.optimizers.SGD):
    """Plain SGD that also keeps the last gradient of every variable."""

    def build(self, variables: list[Any]) -> None:
        """One slot variable per parameter."""
        super().build(variables)
        self.kept = [
            self.add_variable_from_reference(reference_variable=variable, name="gradient") for variable in variables
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keep the gradient, then update as SGD does."""
        self.assign(self.kept[self._get_variable_index(variable)], gradient)
        super().update_step(gradient, variable, learning_rate)


class KeepingSequential(keras.Sequential):
    """A Sequential that also keeps the last loss."""

    def keep_loss(self) -> None:
        """Make the weight that the loss is kept in; before compile."""
        self.last_loss = self.add_weight(name="last_loss", shape=(), initializer="zeros", trainable=False)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """The compiled loss, kept."""
        loss = super().compute_loss(*args, **kwargs)
        self.last_loss.assign(loss)
        return loss


class MeanSquaredError(keras.losses.Loss):
    """Mean over rows and outputs of (y − ŷ)².

    keras.losses.MeanSquaredError averages with keras.ops.mean, which rounds to float32 on JAX and PyTorch.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One number per row."""
        return keras.ops.sum(keras.ops.square(y_pred - y_true), axis=-1) / y_pred.shape[-1]


class HalfSquaredError(keras.losses.Loss):
    """½ Σ over outputs of (y − ŷ)², mean over rows; keras.losses has none of it."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One number per row."""
        return keras.ops.sum(0.5 * keras.ops.square(y_pred - y_true), axis=-1)


class BinaryCrossentropy(keras.losses.Loss):
    """Keras's own cross-entropy of every element; the mean over outputs without keras.ops.mean."""

    def __init__(self, from_logits: bool = False) -> None:
        super().__init__()
        self.from_logits = from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One number per row."""
        elements = keras.ops.binary_crossentropy(y_true, y_pred, from_logits=self.from_logits)
        return keras.ops.sum(elements, axis=-1) / y_pred.shape[-1]


LOSSES: dict[str, Any] = {
    "mean_squared_error": MeanSquaredError,
    "half_squared_error": HalfSquaredError,
    "binary_cross_entropy": BinaryCrossentropy,
    "binary_cross_entropy_with_logits": lambda: BinaryCrossentropy(from_logits=True),
}


def versions() -> dict[str, str]:
    """What this implementation runs on."""
    backend = keras.backend.backend()
    return {"keras": keras.__version__, backend: version(backend)}


def configure(dtype: str) -> None:
    """Process-wide switches: the dtype of everything Keras makes, and the backend's own.

    floatx alone reaches no further than the first layer: the dtype policy made for it stays for later ones.
    """
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", dtype == "float64")
        jax.config.update("jax_default_matmul_precision", "highest")


def build(problem: Problem) -> KeepingSequential:
    """The compiled network, holding the problem's starting numbers exactly."""
    network = problem.network
    unknown = {*network.activations} - {*ACTIVATIONS} | {problem.loss} - LOSSES.keys()
    if unknown:
        raise NotImplementedError(f"keras: {', '.join(sorted(unknown))} is not written here")
    layers = [
        keras.layers.Dense(n_out, activation=activation)
        for n_out, activation in zip(network.units, network.activations, strict=True)
    ]
    model = KeepingSequential([keras.Input((network.inputs,)), *layers])
    model.set_weights([w if name[0] == "W" else w[0] for name, w in problem.initial.items()])
    model.keep_loss()
    model.compile(
        optimizer=KeepingSGD(learning_rate=problem.optimizer.learning_rate),
        loss=LOSSES[problem.loss](),
    )
    return model


def as_numpy(variable: Any) -> Array:
    """A variable's value, copied."""
    return np.array(keras.ops.convert_to_numpy(variable))


def canonical(problem: Problem, variables: list[Any]) -> dict[str, Array]:
    """Kernels and biases in order, as W (n_in, n_out) and b (1, n_out)."""
    arrays = dict(zip(problem.network.parameter_shapes, map(as_numpy, variables), strict=True))
    return {name: values if name[0] == "W" else values[None, :] for name, values in arrays.items()}


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`."""
    configure(problem.dtype)
    model = build(problem)
    for rows in batches(problem):
        model.train_on_batch(problem.x[rows], problem.y[rows])
        yield Step(
            rows=rows,
            loss=as_numpy(model.last_loss),
            gradients=canonical(problem, model.optimizer.kept),
            parameters=canonical(problem, model.trainable_variables),
        )
