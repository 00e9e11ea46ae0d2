"""Keras: keras.Sequential, compile, train_on_batch, on the backend that KERAS_BACKEND names for this process.

train_on_batch tells no gradients, and the loss it tells is float32 on PyTorch. An optimizer subclass keeps each
gradient in a slot variable and a Sequential subclass keeps the loss, penalties included, in a weight of its own; both
work in compiled mode on all three backends. Starting numbers go in by set_weights: keras.initializers.Constant rounds
0.1 to float32 on TensorFlow.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from frameworks import keras_backends
from frameworks.keras_alone import keras
from frameworks.keras_optimizers import made, require_expressible
from problems.order import batches
from problems.problem import Array, Network, Optimizer, Problem
from problems.step import Step

DTYPES = ("float64", "float32")


def leaky_relu(z: Any) -> Any:
    """z above 0, else 0.01 z. On JAX the slope of Keras's own at exactly 0 is 1; the problem's is 0.01."""
    if keras.backend.backend() == "jax":
        return keras.ops.where(z > 0, z, 0.01 * z)
    return keras.activations.leaky_relu(z, negative_slope=0.01)


ACTIVATIONS: dict[str, Any] = {
    **{name: name for name in ("linear", "sigmoid", "tanh", "relu", "elu", "softplus", "gelu", "silu", "softmax")},
    "leaky_relu": leaky_relu,
    "gelu_tanh": functools.partial(keras.activations.gelu, approximate=True),
}


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


def mean(elements: Any) -> Any:
    """Sum over all elements, divided by how many there are.

    keras.ops.mean rounds float64 to float32 on JAX and PyTorch, and the division that ends keras.losses.Loss does on
    PyTorch; the classes of keras.losses meet both, so what they average is averaged here.
    """
    return keras.ops.sum(elements) / keras.ops.cast(math.prod(keras.ops.shape(elements)), elements.dtype)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows and outputs of (y − ŷ)²."""
    return mean(keras.ops.square(y_pred - y_true))


def half_squared_error(y_true: Any, y_pred: Any) -> Any:
    """½ Σ over outputs of (y − ŷ)², mean over rows."""
    return mean(keras.ops.sum(0.5 * keras.ops.square(y_pred - y_true), axis=-1))


def binary_cross_entropy(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows and outputs of Keras's cross-entropy of probabilities.

    Keras clips them to [1e-7, 1 − 1e-7] on JAX and PyTorch; on TensorFlow it takes the sigmoid's input instead.
    """
    return mean(keras.ops.binary_crossentropy(y_true, y_pred))


def binary_cross_entropy_with_logits(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows and outputs of Keras's cross-entropy of logits."""
    return mean(keras.ops.binary_crossentropy(y_true, y_pred, from_logits=True))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows and outputs of |y − ŷ|."""
    return mean(keras.ops.abs(y_true - y_pred))


def huber(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows and outputs of ½ e² for |e| ≤ 1, else |e| − ½, e = ŷ − y, as keras.losses.huber has it."""
    error = y_pred - y_true
    size = keras.ops.abs(error)
    return mean(keras.ops.where(size <= 1, 0.5 * keras.ops.square(error), size - 0.5))


def categorical_cross_entropy(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows of Keras's cross-entropy of class probabilities.

    Keras divides them by their sum and clips them on JAX and PyTorch; on TensorFlow it takes the softmax's input.
    """
    return mean(keras.ops.categorical_crossentropy(y_true, y_pred))


def categorical_cross_entropy_with_logits(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows of Keras's cross-entropy of logits."""
    return mean(keras.ops.categorical_crossentropy(y_true, y_pred, from_logits=True))


def sparse_categorical_cross_entropy(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows of Keras's cross-entropy of class probabilities, y the number of the class."""
    return mean(keras.ops.sparse_categorical_crossentropy(y_true, y_pred))


def sparse_categorical_cross_entropy_with_logits(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows of Keras's cross-entropy of logits, y the number of the class."""
    return mean(keras.ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True))


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over rows and outputs of max(1 − y ŷ, 0), as keras.losses.hinge has it of labels −1 and 1."""
    return mean(keras.ops.maximum(1.0 - y_true * y_pred, 0.0))


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
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
    backend = keras.backend.backend()
    return {"keras": keras.__version__, backend: sys.modules[backend].__version__}


def configure(dtype: str) -> None:
    """Process-wide switches: the dtype of everything Keras makes, and the backend's own.

    floatx alone reaches no further than the first layer: the dtype policy made for it stays for later ones.
    """
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    keras_backends.configure(dtype)


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
                raise NotImplementedError(f"keras: {what} {name!r} is not written here")
    require_expressible(problem.optimizer)


def layered(network: Network, l2: float) -> KeepingSequential:
    """The layers, holding zeros."""
    penalty = keras.regularizers.L2(0.5 * l2) if l2 else None
    layers = [
        keras.layers.Dense(
            n_out, activation=ACTIVATIONS[activation], kernel_initializer="zeros", kernel_regularizer=penalty
        )
        for n_out, activation in zip(network.units, network.activations, strict=True)
    ]
    return KeepingSequential([keras.Input((network.inputs,)), *layers])


def compiled(model: KeepingSequential, optimizer: Optimizer, loss: str) -> KeepingSequential:
    """The same, to be trained."""
    model.keep_loss()
    model.compile(optimizer=made(optimizer), loss=LOSSES[loss])
    return model


def build(problem: Problem) -> KeepingSequential:
    """The compiled network, holding the problem's starting numbers exactly."""
    model = layered(problem.network, problem.l2)
    model.set_weights([w if name[0] == "W" else w[0] for name, w in problem.initial.items()])
    return compiled(model, problem.optimizer, problem.loss)


def as_numpy(variable: Any) -> Array:
    """A variable's numbers, copied."""
    return np.array(keras_backends.read(variable))


def canonical(problem: Problem, arrays: Iterable[Array]) -> dict[str, Array]:
    """Kernels and biases in order, of one step or stacked, as W (..., n_in, n_out) and b (..., 1, n_out)."""
    named = zip(problem.network.parameter_shapes, arrays, strict=True)
    return {name: values if name[0] == "W" else values[..., None, :] for name, values in named}


def ready(problem: Problem) -> KeepingSequential:
    """The network to train, in a process that is switched to what `problem` asks for.

    Raises NotImplementedError for what is not written here and for a device that is not there.
    """
    require_known(problem)
    keras_backends.require_device()
    configure(problem.dtype)
    with keras_backends.placed():
        return build(problem)


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`."""
    model = ready(problem)
    for rows in batches(problem):
        with keras_backends.placed():
            model.train_on_batch(problem.x[rows], problem.y[rows])
        yield Step(
            rows=rows,
            loss=as_numpy(model.last_loss),
            gradients=canonical(problem, map(as_numpy, model.optimizer.kept)),
            parameters=canonical(problem, map(as_numpy, model.trainable_variables)),
        )
