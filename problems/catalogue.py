"""The problems that have a name."""

from __future__ import annotations

import difflib

from problems.datasets import packaged_columns
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem, ProblemError

DESCRIPTIONS = {
    "regression": "cgpa, resume_score -> lpa: 2-2-1, linear nodes, (y - y_hat)^2, learning rate 0.001, 5 epochs",
    "classification": "cgpa, profile_score -> placed: 2-2-1, sigmoid nodes, binary cross-entropy, "
    "learning rate 0.0001, 50 epochs",
}
START = "constant:0.1"


def named_problem(name: str) -> Problem:
    """The lesson problem called `name`; raises ProblemError for any other name, with the choices."""
    if name == "regression":
        return _lesson(
            name, "placement_package.csv", ("cgpa", "resume_score"), "lpa", "linear", "mean_squared_error", 0.001, 5
        )
    if name == "classification":
        return _lesson(
            name, "placement.csv", ("cgpa", "profile_score"), "placed", "sigmoid", "binary_cross_entropy", 0.0001, 50
        )
    close = difflib.get_close_matches(name, DESCRIPTIONS, n=1)
    meant = f", did you mean {close[0]!r}?" if close else ""
    raise ProblemError(
        f"problem {name!r} is not known{meant}; choose from: {', '.join(DESCRIPTIONS)}, or give a .toml file"
    )


def _lesson(
    name: str,
    file: str,
    inputs: tuple[str, ...],
    target: str,
    activation: str,
    loss: str,
    learning_rate: float,
    epochs: int,
) -> Problem:
    x, y = packaged_columns(file, inputs, (target,))
    network = Network(inputs=2, units=(2, 1), activations=(activation, activation))
    return Problem(
        name=name,
        x=x,
        y=y,
        network=network,
        loss=loss,
        initial=starting_parameters(network, START),
        optimizer=Optimizer(learning_rate=learning_rate),
        epochs=epochs,
        input_names=inputs,
        target_names=(target,),
        start=START,
    )
