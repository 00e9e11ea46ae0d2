"""What is trained: frozen records that validate themselves and fix every convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from problems.requirements import (
    MOST_SEED,
    frozen_table,
    listed,
    require_choice,
    require_count,
    require_kind,
    require_line,
    require_positive,
)
from problems.requirements import Array as Array
from problems.requirements import ProblemError as ProblemError

Parameters = Mapping[str, Array]

ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu")
LOSSES = (
    "mean_squared_error",
    "half_squared_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)
OPTIMIZERS = ("sgd",)
ORDERS = ("sequential", "shuffled", "random")
DTYPES = ("float64", "float32")
PROBABILITY_ACTIVATIONS = ("sigmoid",)
MOST_PARAMETERS = 10**8


@dataclass(frozen=True, kw_only=True)
class Network:
    """A dense network: `units[k]` nodes with `activations[k]` in layer k + 1, after `inputs` input columns.

    Layer k computes a = activation(a_previous @ Wk + bk), with Wk (n_in, n_out) and bk (1, n_out).
    The slope of relu at exactly 0 is 0.
    """

    inputs: int
    units: tuple[int, ...]
    activations: tuple[str, ...]

    def __post_init__(self) -> None:
        require_count("network.inputs", self.inputs)
        for key in ("units", "activations"):
            object.__setattr__(self, key, listed(f"network.{key}", getattr(self, key)))
        if not self.units:
            raise ProblemError("network.units: needs at least one layer, such as [2, 1]")
        for number in self.units:
            require_count("network.units", number)
        object.__setattr__(self, "inputs", int(self.inputs))
        object.__setattr__(self, "units", tuple(int(number) for number in self.units))
        self._require_sensible_size()
        if len(self.activations) != len(self.units):
            raise ProblemError(
                f"network.activations: {len(self.activations)} given for {len(self.units)} layers in network.units"
            )
        for name in self.activations:
            require_choice("network.activations", name, ACTIVATIONS)

    def _require_sensible_size(self) -> None:
        parameters = sum(n_in * n_out + n_out for n_in, n_out in pairwise(self.sizes))
        if parameters > MOST_PARAMETERS:
            raise ProblemError(f"network.units: {parameters} parameters are too many; at most {MOST_PARAMETERS}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes per layer, the inputs first: (2, 2, 1) for the lesson's network."""
        return (self.inputs, *self.units)

    @property
    def layers(self) -> range:
        """The numbers of the layers, counted from 1 as in W1, b1."""
        return range(1, len(self.units) + 1)

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, int]]:
        """Canonical name to shape, in order: W1 (n_in, n_out), b1 (1, n_out), W2, b2, ..."""
        shapes: dict[str, tuple[int, int]] = {}
        for layer in self.layers:
            shapes[f"W{layer}"] = (self.sizes[layer - 1], self.sizes[layer])
            shapes[f"b{layer}"] = (1, self.sizes[layer])
        return shapes


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """Plain stochastic gradient descent: parameter - learning_rate * gradient."""

    name: str = "sgd"
    learning_rate: float

    def __post_init__(self) -> None:
        require_choice("training.optimizer", self.name, OPTIMIZERS)
        object.__setattr__(self, "learning_rate", require_positive("training.learning_rate", self.learning_rate))


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """One training, completely: data, network, loss, starting numbers, optimizer, row order and dtype.

    x: (rows, n_in) inputs; y: (rows, n_out) targets; both are stored read-only in `dtype`, as is `initial`.
    Losses (reduction in parentheses; n_out outputs):
      mean_squared_error                (y - y_hat)^2            (mean over rows and outputs)
      half_squared_error                1/2 (y - y_hat)^2        (sum over outputs, mean over rows)
      binary_cross_entropy              -y log y_hat - (1 - y) log(1 - y_hat), y_hat a probability in (0, 1)
                                        (mean over rows and outputs; no clipping)
      binary_cross_entropy_with_logits  the same with y_hat = sigmoid(z), z the network's output
    Raises ProblemError, one line, for anything that cannot be trained.
    """

    name: str
    x: Array
    y: Array
    network: Network
    loss: str
    initial: Parameters
    optimizer: Optimizer
    epochs: int
    batch_size: int = 1
    order: str = "sequential"
    seed: int = 0
    dtype: str = "float64"
    input_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    start: str = "given"

    def __post_init__(self) -> None:
        require_kind("network", self.network, Network)
        require_kind("training.optimizer", self.optimizer, Optimizer)
        require_kind("initial", self.initial, Mapping)
        require_line("name", self.name)
        require_line("start", self.start)
        require_choice("network.loss", self.loss, LOSSES)
        require_choice("training.order", self.order, ORDERS)
        require_choice("training.dtype", self.dtype, DTYPES)
        self._validate_counts()
        for key in ("x", "y"):
            object.__setattr__(self, key, frozen_table(f"data.{key}", getattr(self, key), self.dtype))
        object.__setattr__(self, "initial", self._validated_initial())
        self._validate_data()
        self._validate_rate()

    def _validate_counts(self) -> None:
        require_count("training.epochs", self.epochs)
        require_count("training.batch_size", self.batch_size)
        require_count("training.seed", self.seed, least=0, most=MOST_SEED)
        for key in ("epochs", "batch_size", "seed"):
            object.__setattr__(self, key, int(getattr(self, key)))

    def _validated_initial(self) -> dict[str, Array]:
        shapes = self.network.parameter_shapes
        missing, unknown = shapes.keys() - self.initial.keys(), self.initial.keys() - shapes.keys()
        if missing or unknown:
            names = ", ".join(sorted(map(str, missing or unknown)))
            expected = ", ".join(shapes)
            raise ProblemError(f"initial: {names} {'missing' if missing else 'unknown'}; expected {expected}")
        initial = {}
        for name, shape in shapes.items():
            values = frozen_table(f"initial.{name}", self.initial[name], self.dtype)
            if values.shape != shape:
                raise ProblemError(f"initial.{name}: shape {values.shape} where the network needs {shape}")
            initial[name] = values
        return initial

    def _validate_data(self) -> None:
        if len(self.x) != len(self.y):
            raise ProblemError(f"data: {len(self.x)} rows of inputs but {len(self.y)} rows of targets")
        for key, table, width in (("x", self.x, self.network.inputs), ("y", self.y, self.network.units[-1])):
            if table.shape[1] != width:
                where = "its inputs" if key == "x" else "its last layer (network.units)"
                raise ProblemError(f"data.{key}: {table.shape[1]} columns where the network has {width} in {where}")
        self._validate_column_names()
        if self.loss.startswith("binary_cross_entropy"):
            self._validate_binary()

    def _validate_column_names(self) -> None:
        for key, table in (("input_names", self.x), ("target_names", self.y)):
            names = listed(f"data.{key}", getattr(self, key))
            object.__setattr__(self, key, names)
            for name in names:
                require_line(f"data.{key}", name)
                if names.count(name) > 1:
                    raise ProblemError(f"data.{key}: {name!r} is named twice")
            if names and len(names) != table.shape[1]:
                raise ProblemError(f"data.{key}: {len(names)} names for {table.shape[1]} columns")

    def _validate_rate(self) -> None:
        rate = self.optimizer.learning_rate
        with np.errstate(over="ignore", under="ignore"):
            held = float(np.array(rate).astype(self.dtype))
        if not (np.isfinite(held) and held > 0):
            raise ProblemError(f"training.learning_rate: {rate!r} is {held!r} in {self.dtype}")

    def _validate_binary(self) -> None:
        outside = np.argwhere((self.y < 0) | (self.y > 1))
        if len(outside):
            row, column = (int(i) for i in outside[0])
            named = repr(self.target_names[column]) if self.target_names else str(column + 1)
            value = float(self.y[row, column])
            raise ProblemError(
                f"data.y: data row {row + 1}, column {named} is {value!r}; {self.loss} needs labels from 0 to 1"
            )
        last = self.network.activations[-1]
        if self.loss == "binary_cross_entropy" and last not in PROBABILITY_ACTIVATIONS:
            raise ProblemError(
                f"network.loss: binary_cross_entropy needs a probability, but the last activation is {last!r}; "
                "use 'sigmoid', or binary_cross_entropy_with_logits"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one epoch; the last batch may be short."""
        return -(-len(self.x) // self.batch_size)

    @property
    def steps(self) -> int:
        """Updates in the whole training."""
        return self.epochs * self.steps_per_epoch

    def changed(self, **changes: Any) -> Problem:
        """The same problem with some fields replaced, validated anew."""
        return replace(self, **changes)
