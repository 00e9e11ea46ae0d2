"""A problem as plain JSON values and back, exactly: what a worker is sent and a trace keeps."""

from __future__ import annotations

from typing import Any

from problems.problem import Array, Network, Optimizer, Parameters, Problem
from problems.schedule import schedule_from
from problems.values import items, lines, number, require_known, required, rows, table

PLAIN = ("name", "loss", "epochs", "batch_size", "order", "seed", "dtype", "start")
NAMES = ("input_names", "target_names")
SETTINGS = (*PLAIN, *NAMES, "network", "optimizer")
TABLES = ("x", "y", "initial")
LATER = ("l2", "preparation")  # what older records do not hold, and what it is then: see Problem


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Lists, numbers and texts only; every float reads back to the same number, float32 too."""
    return {
        **settings_to_json(problem),
        "x": problem.x.tolist(),
        "y": problem.y.tolist(),
        "initial": {name: values.tolist() for name, values in problem.initial.items()},
    }


def settings_to_json(problem: Problem) -> dict[str, Any]:
    """The same without the tables: data and starting numbers."""
    return {
        **{key: getattr(problem, key) for key in PLAIN},
        **{key: list(getattr(problem, key)) for key in NAMES},
        "network": {
            "inputs": problem.network.inputs,
            "units": list(problem.network.units),
            "activations": list(problem.network.activations),
        },
        "optimizer": _optimizer_to_json(problem.optimizer),
        "l2": problem.l2,
        "preparation": problem.preparation,
    }


def problem_from_json(record: object) -> Problem:
    """The problem that `problem_to_json` told; raises ProblemError where a key is unknown, missing or does not fit."""
    fields = _exactly("problem", record, (*SETTINGS, *TABLES), LATER)
    initial = {name: rows(f"initial.{name}", values) for name, values in table("initial", fields["initial"]).items()}
    settings = {key: value for key, value in fields.items() if key not in TABLES}
    return problem_of(settings, rows("x", fields["x"]), rows("y", fields["y"]), initial)


def problem_of(record: object, x: Array, y: Array, initial: Parameters) -> Problem:
    """The problem of settings that `settings_to_json` told, and its tables; raises ProblemError as above."""
    fields = _exactly("problem", record, SETTINGS, LATER)
    later: dict[str, Any] = {key: fields[key] for key in LATER if key in fields}
    plain: dict[str, Any] = {key: fields[key] for key in PLAIN}
    names: dict[str, Any] = {key: lines(key, fields[key]) for key in NAMES}
    return Problem(
        **plain,
        **names,
        **later,
        x=x,
        y=y,
        network=_network(fields["network"]),
        initial=initial,
        optimizer=_optimizer(fields["optimizer"]),
    )


def _network(record: object) -> Network:
    fields = _exactly("network", record, ("inputs", "units", "activations"))
    return Network(
        inputs=fields["inputs"],
        units=items("network.units", fields["units"]),
        activations=items("network.activations", fields["activations"]),
    )


def _optimizer_to_json(optimizer: Optimizer) -> dict[str, Any]:
    schedule = optimizer.schedule
    return {
        "name": optimizer.name,
        "learning_rate": optimizer.learning_rate,
        "settings": dict(optimizer.settings),
        "schedule": {"name": schedule.name, **schedule.settings},
    }


def _optimizer(record: object) -> Optimizer:
    fields = _exactly("optimizer", record, ("name", "learning_rate"), ("settings", "schedule"))
    return Optimizer(
        name=fields["name"],
        learning_rate=number("optimizer.learning_rate", fields["learning_rate"]),
        settings=table("optimizer.settings", fields.get("settings", {})),
        schedule=schedule_from("optimizer.schedule", fields.get("schedule", "constant")),
    )


def _exactly(key: str, record: object, keys: tuple[str, ...], later: tuple[str, ...] = ()) -> dict[str, Any]:
    """The object at `key`, which must hold these keys, may hold those of `later`, and holds no other."""
    fields = table(key, record)
    require_known(key, fields, (*keys, *later))
    for name in keys:
        required(key, fields, name)
    return fields
