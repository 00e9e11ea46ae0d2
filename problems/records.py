"""A problem as plain JSON values and back, exactly: what a worker is sent and a trace keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from problems.problem import Array, Network, Optimizer, Problem, ProblemError

PLAIN = ("name", "loss", "epochs", "batch_size", "order", "seed", "dtype", "start")


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Lists, numbers and texts only; every float reads back to the same number."""
    return {
        **{key: getattr(problem, key) for key in PLAIN},
        "x": problem.x.tolist(),
        "y": problem.y.tolist(),
        "network": {
            "inputs": problem.network.inputs,
            "units": list(problem.network.units),
            "activations": list(problem.network.activations),
        },
        "initial": {name: values.tolist() for name, values in problem.initial.items()},
        "optimizer": {"name": problem.optimizer.name, "learning_rate": problem.optimizer.learning_rate},
        "input_names": list(problem.input_names),
        "target_names": list(problem.target_names),
    }


def problem_from_json(record: Any) -> Problem:
    """The problem that `problem_to_json` told; raises ProblemError where keys are unknown or missing, or values do not fit."""
    keys = {*PLAIN, "x", "y", "network", "initial", "optimizer", "input_names", "target_names"}
    fields = dict(_object("problem", record, keys))
    network = _object("network", fields.pop("network"), {"inputs", "units", "activations"})
    optimizer = _object("optimizer", fields.pop("optimizer"), {"name", "learning_rate"})
    initial = fields.pop("initial")
    if not isinstance(initial, dict):
        raise ProblemError(f"initial: expected an object, got {type(initial).__name__}")
    try:
        return Problem(
            **{key: fields[key] for key in PLAIN},
            x=_array("x", fields["x"]),
            y=_array("y", fields["y"]),
            network=Network(
                inputs=network["inputs"],
                units=tuple(network["units"]),
                activations=tuple(network["activations"]),
            ),
            optimizer=Optimizer(**optimizer),
            initial={name: _array(f"initial.{name}", values) for name, values in initial.items()},
            input_names=tuple(fields["input_names"]),
            target_names=tuple(fields["target_names"]),
        )
    except (TypeError, KeyError) as error:
        raise ProblemError(f"problem: a value has the wrong type ({error})") from None


def _object(what: str, value: Any, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProblemError(f"{what}: expected an object, got {type(value).__name__}")
    wrong = sorted(keys ^ value.keys())
    if wrong:
        raise ProblemError(f"{what}: key {wrong[0]!r} is {'missing' if wrong[0] in keys else 'unknown'}")
    return value


def _array(key: str, values: Any) -> Array:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ProblemError(f"{key}: expected a table of numbers") from None
