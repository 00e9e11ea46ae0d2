"""What is trained: frozen records that validate themselves and fix every convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from problems.dtypes import DTYPES as DTYPES
from problems.dtypes import rounded
from problems.network import ACTIVATIONS as ACTIVATIONS
from problems.network import Network as Network
from problems.optimizer import Optimizer as Optimizer
from problems.requirements import (
    MOST_SEED,
    frozen_table,
    listed,
    number_of,
    require_choice,
    require_count,
    require_kind,
    require_line,
    require_not_negative,
)
from problems.requirements import Array as Array
from problems.requirements import ProblemError as ProblemError
from problems.targets import LOSSES as LOSSES
from problems.targets import require_held_classes, require_matching_output, require_targets, target_width

Parameters = Mapping[str, Array]

ORDERS = ("sequential", "shuffled", "random")


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """One training, completely: data, network, loss, starting numbers, optimizer, row order and dtype.

    x: (rows, n_in) inputs; y: (rows, n_out) targets; both are stored read-only in `dtype`, as is `initial`: bfloat16,
    which NumPy has not, in float32 arrays.
    Losses (reduction in parentheses; n_out outputs):
      mean_squared_error                (y - y_hat)^2            (mean over rows and outputs)
      half_squared_error                1/2 (y - y_hat)^2        (sum over outputs, mean over rows)
      binary_cross_entropy              -y log y_hat - (1 - y) log(1 - y_hat), y_hat a probability in (0, 1)
                                        (mean over rows and outputs; no clipping)
      binary_cross_entropy_with_logits  the same with y_hat = sigmoid(z), z the network's output
      mean_absolute_error               |y - y_hat|, its slope 0 where they are equal (mean over rows and outputs)
      huber                             1/2 e^2 for |e| <= 1, else |e| - 1/2, e = y - y_hat (mean over rows and outputs)
                                        (Huber, 1964)
      categorical_cross_entropy         -sum over classes of y log y_hat, y_hat from softmax, each row of y a
                                        distribution (mean over rows)
      categorical_cross_entropy_with_logits  the same with y_hat = softmax(z), z the network's output
      sparse_...                        the same two with y (rows, 1) the number of the right class, from 0
      hinge                             max(0, 1 - y y_hat), y -1 or 1, its slope 0 at the kink (mean over rows and
                                        outputs)
    preparation: in one line, what was done to the inputs before; x is what came out. Empty where nothing was.
    l2: the loss has ½ l2 Σ W² over all weights, not biases, added to it; it is part of loss and gradients.
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
    l2: float = 0.0
    batch_size: int = 1
    order: str = "sequential"
    seed: int = 0
    dtype: str = "float64"
    input_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    start: str = "given"
    preparation: str = ""

    def __post_init__(self) -> None:
        require_kind("network", self.network, Network)
        require_kind("training.optimizer", self.optimizer, Optimizer)
        require_kind("initial", self.initial, Mapping)
        require_line("name", self.name)
        require_line("start", self.start)
        if self.preparation != "":
            require_line("data.preparation", self.preparation)
        require_choice("network.loss", self.loss, LOSSES)
        require_choice("training.order", self.order, ORDERS)
        require_choice("training.dtype", self.dtype, DTYPES)
        object.__setattr__(self, "l2", require_not_negative("network.l2", self.l2))
        self._validate_counts()
        given = self.y
        for key in ("x", "y"):
            object.__setattr__(self, key, frozen_table(f"data.{key}", getattr(self, key), self.dtype))
        require_held_classes(self.loss, given, self.y, self.dtype)
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
            raise ProblemError(
                f"data: {number_of(len(self.x), 'row')} of inputs but {number_of(len(self.y), 'row')} of targets"
            )
        for key, table, width in (
            ("x", self.x, self.network.inputs),
            ("y", self.y, target_width(self.loss, self.network)),
        ):
            if table.shape[1] != width:
                where = "its inputs" if key == "x" else "its last layer (network.units)"
                if key == "y" and self.loss.startswith("sparse"):
                    raise ProblemError(
                        f"data.y: {number_of(table.shape[1], 'column')}; {self.loss} needs one, the class's number"
                    )
                raise ProblemError(
                    f"data.{key}: {number_of(table.shape[1], 'column')} where the network has {width} in {where}"
                )
        self._validate_column_names()
        require_matching_output(self.loss, self.network)
        require_targets(self.loss, self.y, self.network.units[-1], self.target_names, self.dtype)

    def _validate_column_names(self) -> None:
        for key, table in (("input_names", self.x), ("target_names", self.y)):
            names = listed(f"data.{key}", getattr(self, key))
            object.__setattr__(self, key, names)
            for name in names:
                require_line(f"data.{key}", name)
                if names.count(name) > 1:
                    raise ProblemError(f"data.{key}: {name!r} is named twice")
            if names and len(names) != table.shape[1]:
                raise ProblemError(
                    f"data.{key}: {number_of(len(names), 'name')} for {number_of(table.shape[1], 'column')}"
                )

    def _validate_rate(self) -> None:
        rate, last = self.optimizer.learning_rate, self.optimizer.learning_rate_at(self.steps)
        self._require_held("training.learning_rate", rate)
        if not np.isfinite(self._held(last)):
            raise ProblemError(
                f"training.schedule: the learning rate of step {self.steps} is {self._held(last)!r} in {self.dtype}"
            )
        if self.l2:
            self._require_held("network.l2", self.l2)

    def _require_held(self, key: str, value: float) -> None:
        held = self._held(value)
        if not (np.isfinite(held) and held > 0):
            raise ProblemError(f"{key}: {value!r} is {held!r} in {self.dtype}")

    def _held(self, value: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            return float(rounded(value, self.dtype))

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one epoch; the last batch may be short."""
        return -(-len(self.x) // self.batch_size)

    @property
    def begin(self) -> int:
        """Updates of this training that were made before `initial`: none, unless it is a Continued one."""
        return 0

    @property
    def steps(self) -> int:
        """Updates in the whole training."""
        return self.epochs * self.steps_per_epoch

    def changed(self, **changes: Any) -> Problem:
        """The same problem with some fields replaced, validated anew."""
        return replace(self, **changes)
