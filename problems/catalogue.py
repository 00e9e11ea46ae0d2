"""The problems that have a name: the lesson's two, and those on the tables of scikit-learn."""

from __future__ import annotations

from problems.datasets import packaged_columns
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem
from problems.requirements import ProblemError, did_you_mean, shown
from problems.tables import TABLES, table_problem

DESCRIPTIONS = {
    "regression": "The salary package (lpa) from cgpa and resume_score: 2-2-1, linear nodes, squared error, "
    "learning rate 0.001, 5 epochs.",
    "classification": "Placed or not from cgpa and profile_score: 2-2-1, sigmoid nodes, binary cross-entropy, "
    "learning rate 0.0001, 50 epochs.",
}
START = "constant:0.1"


def named_problem(name: str) -> Problem:
    """The lesson problem called `name`, or the one on a table of scikit-learn.

    Raises ProblemError for any other name, with the choices, and where scikit-learn is needed and missing.
    """
    if name == "regression":
        return _regression()
    if name == "classification":
        return _classification()
    if name in TABLES:
        return table_problem(name)
    meant = did_you_mean(name, (*DESCRIPTIONS, *TABLES))
    choices = ", ".join((*DESCRIPTIONS, *TABLES))
    raise ProblemError(f"problem {shown(name)} is not known{meant}; choose from: {choices}, or give a .toml file")


def _regression() -> Problem:
    inputs, targets = ("cgpa", "resume_score"), ("lpa",)
    x, y = packaged_columns("placement_package.csv", inputs, targets)
    network = Network(inputs=2, units=(2, 1), activations=("linear", "linear"))
    return Problem(
        name="regression",
        x=x,
        y=y,
        network=network,
        loss="mean_squared_error",
        initial=starting_parameters(network, START),
        optimizer=Optimizer(learning_rate=0.001),
        epochs=5,
        input_names=inputs,
        target_names=targets,
        start=START,
    )


def _classification() -> Problem:
    inputs, targets = ("cgpa", "profile_score"), ("placed",)
    x, y = packaged_columns("placement.csv", inputs, targets)
    network = Network(inputs=2, units=(2, 1), activations=("sigmoid", "sigmoid"))
    return Problem(
        name="classification",
        x=x,
        y=y,
        network=network,
        loss="binary_cross_entropy",
        initial=starting_parameters(network, START),
        optimizer=Optimizer(learning_rate=0.0001),
        epochs=50,
        input_names=inputs,
        target_names=targets,
        start=START,
    )
