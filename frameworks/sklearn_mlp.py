"""scikit-learn: MLPRegressor and MLPClassifier, one partial_fit a step; their backpropagation is NumPy by hand.

Expressible: hidden layers of linear, sigmoid, tanh or relu, all alike; half_squared_error behind a linear output;
binary_cross_entropy behind one sigmoid and labels 0 and 1; (sparse_)categorical_cross_entropy behind a softmax of
three classes or more, one right class a row; solver sgd with or without momentum, solver adam with the epsilon beside
the uncorrected root; a constant learning rate. alpha is divided by the rows of the batch, each gets l2 times its own.
Everything else is refused: its learning rate schedules are none of ours, and it has no clipping and no decay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from frameworks.absent import absent
from problems.order import batches
from problems.problem import Array, Problem
from problems.step import Step

with absent("pandas"):  # for data frames to train on: a fifth of the time that the import takes
    import sklearn
    from sklearn.neural_network import MLPClassifier, MLPRegressor

DTYPES = ("float64", "float32")
ACTIVATIONS = {"linear": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
# The output that each loss has here.
LOSSES = {
    "half_squared_error": "linear",
    "binary_cross_entropy": "sigmoid",
    "categorical_cross_entropy": "softmax",
    "sparse_categorical_cross_entropy": "softmax",
}


class Keeping:
    """What is mixed into an estimator so that it keeps the last loss and gradients, and starts from given numbers."""

    def _initialize(self, y: Array, layer_units: list[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)  # type: ignore[misc]
        self.coefs_, self.intercepts_ = ([values.copy() for values in given] for given in self.starting_numbers)

    def _backprop(self, *args: Any) -> Any:
        loss, coef_grads, intercept_grads = super()._backprop(*args)  # type: ignore[misc]
        self.kept = loss, [values.copy() for values in coef_grads], [values.copy() for values in intercept_grads]
        return loss, coef_grads, intercept_grads

    starting_numbers: tuple[list[Array], list[Array]]


class KeepingRegressor(Keeping, MLPRegressor):
    """MLPRegressor, keeping."""


class KeepingClassifier(Keeping, MLPClassifier):
    """MLPClassifier, keeping."""


def versions(problem: Problem) -> dict[str, str]:
    """What training runs on, whatever the problem."""
    return {"sklearn": sklearn.__version__}


def require_known(problem: Problem) -> None:
    """Raise NotImplementedError for the first thing in `problem` that scikit-learn does not express."""
    known = (
        ("dtype", [problem.dtype], DTYPES),
        ("activation", problem.network.activations[:-1], ACTIVATIONS),
        ("loss", [problem.loss], LOSSES),
        ("optimizer", [problem.optimizer.name], SOLVERS),
    )
    for what, names, choices in known:
        for name in names:
            if name not in choices:
                raise NotImplementedError(f"sklearn: {what} {name!r} is not in scikit-learn")
    for holds, text in (*_of_the_network(problem), *_of_the_targets(problem), *_of_the_optimizer(problem)):
        if not holds:
            raise NotImplementedError(f"sklearn: {text}")


def _of_the_network(problem: Problem) -> Iterator[tuple[bool, str]]:
    *hidden, last = problem.network.activations
    output = LOSSES[problem.loss]
    yield len(set(hidden)) <= 1, "all hidden layers have one activation"
    yield last == output, f"{problem.loss} stands behind a {output} output only, not {last!r}"


def _of_the_targets(problem: Problem) -> Iterator[tuple[bool, str]]:
    outputs = problem.network.units[-1]
    if problem.loss == "binary_cross_entropy":
        yield outputs == 1, "with more outputs than one, binary_cross_entropy is their sum, not their mean"
    if "categorical" in problem.loss:
        yield outputs > 2, "two classes are one sigmoid"
    if problem.loss in ("binary_cross_entropy", "categorical_cross_entropy"):
        yield bool(np.isin(problem.y, (0, 1)).all()), "labels are 0 or 1"


def _of_the_optimizer(problem: Problem) -> Iterator[tuple[bool, str]]:
    optimizer, settings = problem.optimizer, problem.optimizer.settings
    schedule = optimizer.schedule.name
    yield schedule == "constant", f"learning rate schedule {schedule!r} is none of its own"
    yield settings.get("epsilon_place") != "corrected", "adam has epsilon_place 'uncorrected' only"
    yield settings.get("epsilon") != 0, "adam needs an epsilon above 0"
    for key in ("weight_decay", "clip_value", "clip_norm", "clip_norm_each"):
        yield not settings.get(key), f"{key} is not in scikit-learn"


def sgd(settings: dict[str, Any]) -> dict[str, Any]:
    """θ ← θ − η g."""
    return {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}


def momentum(settings: dict[str, Any]) -> dict[str, Any]:
    """v ← μ v − η g, θ ← θ + v."""
    return {"solver": "sgd", "momentum": settings["momentum"], "nesterovs_momentum": False}


def nesterov(settings: dict[str, Any]) -> dict[str, Any]:
    """The same with μ v − η g for v in the step."""
    return {"solver": "sgd", "momentum": settings["momentum"], "nesterovs_momentum": True}


def adam(settings: dict[str, Any]) -> dict[str, Any]:
    """θ ← θ − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)."""
    return {"solver": "adam", **{name: settings[name] for name in ("beta_1", "beta_2", "epsilon")}}


SOLVERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
}


def build(problem: Problem) -> Any:
    """The estimator, which starts from the problem's numbers at its first partial_fit."""
    network, optimizer = problem.network, problem.optimizer
    hidden = ACTIVATIONS[network.activations[0]] if len(network.units) > 1 else "identity"
    model = (KeepingRegressor if problem.loss == "half_squared_error" else KeepingClassifier)(
        hidden_layer_sizes=network.units[:-1],
        activation=hidden,
        learning_rate_init=optimizer.learning_rate,
        shuffle=False,
        **SOLVERS[optimizer.name](dict(optimizer.settings)),
    )
    weights, biases = ([values for name, values in problem.initial.items() if name[0] == kind] for kind in "Wb")
    model.starting_numbers = weights, [b[0] for b in biases]
    return model


def labels(problem: Problem) -> Array:
    """The targets as scikit-learn wants them: a number of the class for classifiers, columns or one column else."""
    if problem.loss == "categorical_cross_entropy":
        return problem.y.argmax(axis=1)
    if problem.loss != "half_squared_error":
        return problem.y[:, 0].astype(int)
    return problem.y[:, 0] if problem.y.shape[1] == 1 else problem.y


def canonical(problem: Problem, weights: list[Array], biases: list[Array]) -> dict[str, Array]:
    """Weights (n_in, n_out) and biases (n_out,) by canonical name, biases as (1, n_out)."""
    pairs = zip(weights, biases, strict=True)
    return dict(zip(problem.initial, (values for W, b in pairs for values in (W, b[None, :])), strict=True))


def fit(model: Any, x: Array, y: Array, classes: dict[str, Array]) -> None:
    """One partial_fit, which is one step; it raises ValueError after a step that leaves a number not finite."""
    try:
        model.partial_fit(x, y, **classes)
    except ValueError:
        if all(np.isfinite(values).all() for values in (*model.coefs_, *model.intercepts_)):
            raise


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`."""
    require_known(problem)
    model, y = build(problem), labels(problem)
    classes = {} if problem.loss == "half_squared_error" else {"classes": np.arange(max(2, problem.network.units[-1]))}
    for rows in batches(problem):
        if model.batch_size != len(rows):
            model.set_params(batch_size=len(rows), alpha=problem.l2 * len(rows))
        fit(model, problem.x[rows], y[rows], classes)
        loss, *gradients = model.kept
        yield Step(
            rows=rows,
            loss=np.asarray(loss, dtype=problem.dtype),
            gradients=canonical(problem, *gradients),
            parameters=canonical(problem, model.coefs_, model.intercepts_),
        )
