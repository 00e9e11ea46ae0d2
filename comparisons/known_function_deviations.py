"""Known deviations in activations, losses and penalties that came with more of them than the lesson has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from comparisons.arithmetic.bounds import Bounded
from comparisons.arithmetic.precision import FLOAT32, Precision
from comparisons.known_deviation import KnownDeviation
from manual.activations import Number, sigmoid, softmax
from manual.losses import (
    Loss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits_derivative,
    categorical_cross_entropy,
    categorical_cross_entropy_derivative,
    categorical_cross_entropy_with_logits_derivative,
    half_squared_error,
    half_squared_error_derivative,
)
from manual.routes import Route, chain_of, of_classes
from problems.problem import Problem

CLASSES = "categorical_cross_entropy"


def _of_loss(name: str, *, dtypes: tuple[str, ...] = ("float64", "float32")) -> Callable[[Problem], bool]:
    return lambda problem: problem.loss == name and problem.dtype in dtypes


def _of_activation(*names: str) -> Callable[[Problem], bool]:
    return lambda problem: problem.dtype == "float64" and bool(set(names) & set(problem.network.activations))


def _of_several_outputs(problem: Problem) -> bool:
    return problem.loss == "half_squared_error" and problem.network.units[-1] > 1


def _of_penalty(problem: Problem) -> bool:
    return problem.dtype == "float64" and problem.l2 > 0


def penalty_in_float32(problem: Problem) -> Problem:
    """The same with ½ l2, which Keras is given, rounded to float32."""
    return problem.changed(l2=2 * float(np.float32(0.5 * problem.l2)))


def sklearn_mean_over_outputs(precision: Precision) -> Route:
    """½ (y − ŷ)² averaged over outputs too, and the derivative of its sum over them."""
    return Route(
        "scikit-learn's mean over outputs",
        lambda y, z: half_squared_error(y, z) / y.shape[-1],
        half_squared_error_derivative,
    )


def _within(precision: Precision, low: float, high: float) -> Callable[[Number], Number]:
    """Held between two numbers rounded to `precision`."""
    least: Number = Bounded.rounded(low, precision)
    most: Number = Bounded.rounded(high, precision)
    return lambda p: np.minimum(np.maximum(p, least), most)


def sklearn_clips(precision: Precision) -> Route:
    """ŷ clipped to [ε, 1 − ε], ε the distance from 1 to the next number, in the loss and not in its derivative."""
    epsilon = 2 * precision.unit
    clipped = _within(precision, epsilon, 1 - epsilon)
    return Route(
        "scikit-learn's clip",
        lambda y, z: binary_cross_entropy(y, clipped(sigmoid(z))),
        binary_cross_entropy_with_logits_derivative,
    )


def sklearn_clips_classes(precision: Precision) -> Route:
    """The same of class probabilities."""
    epsilon = 2 * precision.unit
    clipped = _within(precision, epsilon, 1 - epsilon)
    return Route(
        "scikit-learn's clip of classes",
        lambda y, z: categorical_cross_entropy(y, clipped(softmax(z))),
        categorical_cross_entropy_with_logits_derivative,
    )


def keras_clips_classes(precision: Precision) -> Route:
    """q = ŷ / Σ ŷ clipped to [1e-7, 1 − 1e-7] before the loss; nothing flows back through a q outside."""
    low, high = Bounded.rounded(1e-7, precision), Bounded.rounded(1 - 1e-7, precision)
    clipped = _within(precision, 1e-7, 1 - 1e-7)

    def value(y: Number, y_hat: Number) -> Number:
        return categorical_cross_entropy(y, clipped(y_hat / y_hat.sum(-1, keepdims=True)))

    def derivative(y: Number, y_hat: Number) -> Number:
        total = y_hat.sum(-1, keepdims=True)  # (..., rows, 1)
        q = y_hat / total
        inside = np.where(q > low, 1, 0) * np.where(high > q, 1, 0)
        dq = inside * categorical_cross_entropy_derivative(y, clipped(q))
        return (dq - (dq * q).sum(-1, keepdims=True)) / total

    return chain_of("Keras's clip of classes", Loss(value, derivative), "softmax")


def _of_numbers(route: Callable[[Precision], Route]) -> Callable[[Precision], Route]:
    """`route` where y is the number of the class."""
    return lambda precision: of_classes(route(precision))


CLIPPED_CLASSES = (
    (CLASSES, "one", keras_clips_classes),
    (f"sparse_{CLASSES}", "[1]", _of_numbers(keras_clips_classes)),
)
LOG_LOSSES = (
    ("binary_cross_entropy", sklearn_clips),
    (CLASSES, sklearn_clips_classes),
    (f"sparse_{CLASSES}", _of_numbers(sklearn_clips_classes)),
)

FUNCTION_DEVIATIONS = (
    KnownDeviation(
        implementation="sklearn",
        text="sklearn.neural_network.MLPRegressor tells its loss averaged over outputs, and descends their sum",
        seen_with="scikit-learn 1.9.1",
        reproduction=(
            "import numpy; from sklearn.neural_network._base import LOSS_FUNCTIONS\n"
            "print(LOSS_FUNCTIONS['squared_error'](numpy.ones((1, 2)), numpy.zeros((1, 2))) == 0.5)"
        ),
        concerns=_of_several_outputs,
        route=sklearn_mean_over_outputs,
    ),
    *(
        KnownDeviation(
            implementation="sklearn",
            text="sklearn.neural_network.MLPClassifier clips probabilities to [eps, 1 - eps] in the loss that it tells "
            f"(seen as {loss})",
            seen_with="scikit-learn 1.9.1",
            reproduction=(
                "import numpy; from sklearn.neural_network._base import LOSS_FUNCTIONS\n"
                "print(LOSS_FUNCTIONS['binary_log_loss'](numpy.ones((1, 1)), numpy.full((1, 1), 1e-30)) < 37)"
            ),
            concerns=_of_loss(loss),
            route=route,
        )
        for loss, route in LOG_LOSSES
    ),
    *(
        KnownDeviation(
            implementation=f"keras-{backend}",
            text=f"keras.ops.{loss.replace('cross_entropy', 'crossentropy')} divides probabilities by their sum and "
            f"clips them to [1e-7, 1 - 1e-7]: no gradient beyond (on Keras's {backend} backend)",
            seen_with=f"keras 3.15.1, {versions}",
            reproduction=(
                "import keras; one, p = ([keras.ops.convert_to_tensor([row]) for row in ([0.0, 1.0], [1.0, 1e-9])])\n"
                f"print(float(keras.ops.{loss.replace('cross_entropy', 'crossentropy')}({y}, p)[0]) < 17)"
            ),
            environment={"KERAS_BACKEND": backend},
            concerns=_of_loss(loss),
            route=route,
        )
        for backend, versions in (("torch", "torch 2.13.0"), ("jax", "jax 0.10.2"))
        for loss, y, route in CLIPPED_CLASSES
    ),
    KnownDeviation(
        implementation="keras-torch",
        text="keras.ops.maximum of a float64 tensor and a number is float32 on Keras's torch backend, so hinge is too",
        seen_with="keras 3.15.1, torch 2.13.0",
        reproduction=(
            "import keras, torch; one = torch.ones(1, dtype=torch.float64)\n"
            "print(keras.ops.maximum(one, 0.0).dtype == torch.float32)"
        ),
        environment={"KERAS_BACKEND": "torch"},
        concerns=_of_loss("hinge", dtypes=("float64",)),
        carries=FLOAT32,
    ),
    KnownDeviation(
        implementation="keras-tensorflow",
        text="tf.nn.leaky_relu keeps its slope in float32, whatever the dtype of what it is given",
        seen_with="keras 3.15.1, tensorflow 2.21.0",
        reproduction=(
            "import tensorflow as tf; z = tf.constant(-1.0, tf.float64)\n"
            "print(float(tf.nn.leaky_relu(z, 0.01)) != -0.01)"
        ),
        concerns=_of_activation("leaky_relu"),
        carries=FLOAT32,
    ),
    KnownDeviation(
        implementation="keras-tensorflow",
        text="tf.nn.gelu rounds its constants to float32, whatever the dtype of what it is given",
        seen_with="keras 3.15.1, tensorflow 2.21.0",
        reproduction=(
            "import math, tensorflow as tf; z = tf.constant(1.0, tf.float64)\n"
            "print(abs(float(tf.nn.gelu(z)) - 0.5 * (1 + math.erf(math.sqrt(0.5)))) > 1e-10)"
        ),
        concerns=_of_activation("gelu", "gelu_tanh"),
        carries=FLOAT32,
    ),
    KnownDeviation(
        implementation="keras-tensorflow",
        text="keras.regularizers.L2 has its factor in float32 on Keras's tensorflow backend",
        seen_with="keras 3.15.1, tensorflow 2.21.0",
        reproduction=(
            "import keras, numpy; one = keras.ops.ones((1, 1), dtype='float64')\n"
            "print(float(keras.regularizers.L2(0.1)(one)) == float(numpy.float32(0.1)))"
        ),
        environment={"KERAS_BACKEND": "tensorflow"},
        concerns=_of_penalty,
        problem=penalty_in_float32,
    ),
)
