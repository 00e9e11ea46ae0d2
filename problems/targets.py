"""The losses by name, and what each demands of the output and of the targets."""

from __future__ import annotations

import numpy as np

from problems.dtypes import epsilon
from problems.network import Network
from problems.requirements import Array, ProblemError, row_error

LOSSES = (
    "mean_squared_error",
    "half_squared_error",
    "mean_absolute_error",
    "huber",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "categorical_cross_entropy",
    "categorical_cross_entropy_with_logits",
    "sparse_categorical_cross_entropy",
    "sparse_categorical_cross_entropy_with_logits",
    "hinge",
)
SPARSE = ("sparse_categorical_cross_entropy", "sparse_categorical_cross_entropy_with_logits")
SUM_TOLERANCE = 1e-6  # how far from 1 the sum of a row of class probabilities may be: they may be float32


def target_width(loss: str, network: Network) -> int:
    """Columns of y: one for each output, or the number of the class alone."""
    return 1 if loss in SPARSE else network.units[-1]


def require_matching_output(loss: str, network: Network) -> None:
    """Raise ProblemError where the last layer does not give what the loss takes."""
    last = network.activations[-1]
    needed = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax", SPARSE[0]: "softmax"}.get(loss)
    if needed and last != needed:
        raise ProblemError(
            f"network.loss: {loss} needs a probability, but the last activation is {last!r}; "
            f"use {needed!r}, or {loss}_with_logits"
        )
    if "categorical" in loss and network.units[-1] < 2:
        raise ProblemError(f"network.units: {loss} needs an output for each class, at least 2, not {network.units[-1]}")


def require_targets(loss: str, y: Array, classes: int, names: tuple[str, ...], dtype: str = "float64") -> None:
    """Raise ProblemError for the first target that is outside the loss's domain."""
    if loss.startswith("binary_cross_entropy"):
        _require_all((y >= 0) & (y <= 1), y, names, f"{loss} needs labels from 0 to 1")
    elif loss in SPARSE:
        whole = (y == np.floor(y)) & (y >= 0) & (y < classes)
        _require_all(whole, y, names, f"{loss} needs the number of a class, 0 to {classes - 1}")
    elif loss.startswith("categorical"):
        _require_all((y >= 0) & (y <= 1), y, names, f"{loss} needs class probabilities from 0 to 1")
        _require_distributions(loss, y, dtype)
    elif loss == "hinge":
        _require_all(np.abs(y) == 1, y, names, "hinge needs labels -1 or 1")


def require_held_classes(loss: str, given: object, y: Array, dtype: str) -> None:
    """Raise ProblemError for the first class whose number `dtype` does not hold: rounded it would be another class."""
    if loss in SPARSE:
        lost = np.argwhere(np.asarray(given) != y)
        if len(lost):
            row, column = (int(i) for i in lost[0])
            value = np.asarray(given)[row, column].item()
            raise row_error(row, f" is {value!r}, which {dtype} does not hold; use float32")


def _require_all(fits: Array, y: Array, names: tuple[str, ...], needs: str) -> None:
    outside = np.argwhere(~fits)
    if len(outside):
        row, column = (int(i) for i in outside[0])
        named = repr(names[column]) if names else str(column + 1)
        raise row_error(row, f", column {named} is {float(y[row, column])!r}; {needs}")


def _require_distributions(loss: str, y: Array, dtype: str) -> None:
    sums = y.sum(axis=1, dtype=np.float64)
    outside = np.flatnonzero(np.abs(sums - 1) > max(SUM_TOLERANCE, epsilon(dtype)))
    if len(outside):
        row = int(outside[0])
        raise row_error(row, f" sums to {float(sums[row])!r}; {loss} needs rows that sum to 1")
