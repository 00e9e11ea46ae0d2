"""Problems on the tables that ship with scikit-learn, which is imported only when one of them is asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from problems.initializers import starting_parameters
from problems.network import Network
from problems.optimizer import Optimizer
from problems.preparation import STANDARDIZED, standardized
from problems.problem import Problem
from problems.requirements import Array, ProblemError

INSTALL = "pip install 'backproof[sklearn]'"
PIXELS = "inputs divided by 16: pixels from 0 to 1"


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table and how it is trained.

    loader: scikit-learn's function; prepare: what is done to the inputs, in words `preparation`; targets: from
    scikit-learn's numbers (rows,) to y; target_names: of the columns of y.
    """

    description: str
    loader: str
    units: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    start: str
    optimizer: Optimizer
    epochs: int
    batch_size: int
    target_names: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Array], Array] = standardized
    preparation: str = STANDARDIZED
    targets: Callable[[Array], Array] = lambda targets: targets[:, None]


def one_hot(classes: Array) -> Array:
    """A column for each class, 1 where the row is of that class."""
    return np.eye(int(classes.max()) + 1)[classes]


def sixteenths(pixels: Array) -> Array:
    """Pixels from 0 to 16 as shares, exactly."""
    return pixels / 16


TABLES = {
    "diabetes": Table(
        description="How far diabetes has progressed after a year (25 to 346) from ten measurements of 442 patients: "
        "10-8-1, relu and a linear node, huber, rmsprop, inputs standardized.",
        loader="load_diabetes",
        options={"scaled": False},
        units=(8, 1),
        activations=("relu", "linear"),
        loss="huber",
        start="he_normal:0",
        optimizer=Optimizer(name="rmsprop", learning_rate=0.03),
        epochs=10,
        batch_size=34,
        target_names=("progression",),
    ),
    "breast_cancer": Table(
        description="Benign (1) or malignant (0) from thirty measurements of 569 tumors: 30-8-1, tanh and a sigmoid "
        "node, binary cross-entropy, sgd with momentum, inputs standardized.",
        loader="load_breast_cancer",
        units=(8, 1),
        activations=("tanh", "sigmoid"),
        loss="binary_cross_entropy",
        start="glorot_uniform:0",
        optimizer=Optimizer(name="momentum", learning_rate=0.01),
        epochs=5,
        batch_size=32,
        target_names=("benign",),
    ),
    "iris": Table(
        description="Which of three kinds an iris is from four lengths of 150 flowers: 4-8-3, tanh nodes and softmax, "
        "categorical cross-entropy on one-hot labels, sgd, inputs standardized.",
        loader="load_iris",
        units=(8, 3),
        activations=("tanh", "softmax"),
        loss="categorical_cross_entropy",
        start="glorot_uniform:0",
        optimizer=Optimizer(learning_rate=0.1),
        epochs=10,
        batch_size=10,
        target_names=("setosa", "versicolor", "virginica"),
        targets=one_hot,
    ),
    "digits": Table(
        description="Which digit 8 by 8 pixels show, 1,797 of them: 64-32-10, relu nodes, sparse categorical "
        "cross-entropy with logits on the digit itself, adam, pixels divided by 16.",
        loader="load_digits",
        units=(32, 10),
        activations=("relu", "linear"),
        loss="sparse_categorical_cross_entropy_with_logits",
        start="he_normal:0",
        optimizer=Optimizer(name="adam", learning_rate=0.01),
        epochs=3,
        batch_size=64,
        target_names=("digit",),
        prepare=sixteenths,
        preparation=PIXELS,
    ),
}


def installed() -> bool:
    """Whether scikit-learn is there; it is not imported to find out."""
    return importlib.util.find_spec("sklearn") is not None


def table_problem(name: str) -> Problem:
    """The problem on the table called `name`, rows shuffled each epoch: the tables are sorted.

    Raises ProblemError, with the command that installs it, where scikit-learn is missing.
    """
    if not installed():
        raise ProblemError(
            f"problem {name!r}: needs a table of scikit-learn, which is missing; install with: {INSTALL}"
        )
    table = TABLES[name]
    x, targets, names = _loaded(table)
    network = Network(inputs=x.shape[1], units=table.units, activations=table.activations)
    return Problem(
        name=name,
        x=table.prepare(x),
        y=table.targets(targets),
        network=network,
        loss=table.loss,
        initial=starting_parameters(network, table.start),
        start=table.start,
        optimizer=table.optimizer,
        epochs=table.epochs,
        batch_size=table.batch_size,
        order="shuffled",
        input_names=names,
        target_names=table.target_names,
        preparation=table.preparation,
    )


def _loaded(table: Table) -> tuple[Array, Array, tuple[str, ...]]:
    """Inputs (rows, columns), targets (rows,) and the names of the inputs, as scikit-learn has them."""
    from sklearn import datasets

    bunch = getattr(datasets, table.loader)(**table.options)
    return bunch.data, bunch.target, tuple(map(str, bunch.feature_names))
