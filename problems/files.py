"""Problem files: TOML in and out, every mistake in one line that names the file and the key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from problems.data_section import Data, read_data, told_by_line
from problems.dtypes import rounded
from problems.initializers import SCALES, SEEDED, constant, drawn
from problems.npz import load_arrays
from problems.problem import Array, Network, Optimizer, Problem
from problems.reading import read_bytes
from problems.requirements import (
    MOST_SEED,
    ProblemError,
    require_choice,
    require_count,
    require_positive,
    shown,
)
from problems.schedule import Schedule, schedule_from
from problems.values import items, line, number, require_known, required, rows, table

SECTIONS = ("data", "network", "initial", "training")
PLAIN_TRAINING = ("batch_size", "order", "seed", "dtype")
TRAINING = ("optimizer", "learning_rate", "schedule", "epochs", *PLAIN_TRAINING)
INITIAL = ("weights", "biases", "npz", "initializer", "seed")
ALL = "all"
MOST_DIGITS = 4300  # of an integer that Python reads (sys.int_info.default_max_str_digits)


def load_problem(path: str | Path) -> Problem:
    """The problem in the TOML file at `path`; files that it names stand relative to it.

    docs/problem_files.md has every key. A file may leave out: name (the file's own), [initial] (weights 0.1,
    biases 0), l2 (0), optimizer (sgd), schedule (constant), batch_size (1), order (sequential), seed (0),
    dtype (float64). With x and y given, inputs and targets may name their columns.
    Raises ProblemError, one line that begins with the file, for anything that cannot be read or trained.
    """
    try:
        return _problem(_read(path), Path(path))
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from None


def _read(path: str | Path) -> dict[str, Any]:
    try:
        data = read_bytes(path)
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise ProblemError("is not a file name") from None
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ProblemError(f"is not UTF-8 text (byte {error.start + 1})") from None
    except RecursionError:
        raise ProblemError("is not valid TOML: nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"is not valid TOML: {error}") from None
    except ValueError:  # what Python says of an integer of too many digits is for programmers, and names no line
        where = _line_of_long_integer(data)
        raise ProblemError(
            f"is not valid TOML: line {where} holds a whole number of more than {MOST_DIGITS:,} digits"
        ) from None


def _line_of_long_integer(data: bytes) -> int:
    """The line that holds an integer of more digits than Python reads."""
    lines = data.decode("utf-8-sig").splitlines()
    return next(n for n, row in enumerate(lines, 1) if re.search(rf"[\d_]{{{MOST_DIGITS + 1}}}", row))


def _problem(document: Mapping[str, Any], path: Path) -> Problem:
    require_known("", document, ("name", *SECTIONS))
    data, network, training = (_section(document, name) for name in ("data", "network", "training"))
    require_known("training", training, TRAINING)
    given = read_data(data, path.parent)
    architecture, loss = _network(network, given.x.shape[1])
    parameters, start = _initial(table("initial", document.get("initial", {})), architecture, path.parent)
    plain = _plain(training, given)
    try:
        return Problem(
            name=line("name", document.get("name", path.stem)),
            x=given.x,
            y=given.y,
            network=architecture,
            loss=loss,
            l2=number("network.l2", network.get("l2", 0.0)),
            initial=parameters,
            start=start,
            optimizer=_optimizer(training),
            epochs=required("training", training, "epochs"),
            input_names=given.input_names,
            target_names=given.target_names,
            preparation=given.preparation,
            **plain,
        )
    except ProblemError as refused:
        raise told_by_line(data, path.parent, refused) from None


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in document:
        raise ProblemError(f"[{name}] is missing")
    return table(name, document[name])


def _plain(training: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """The training's fields that need no more than a look; `all` rows are one batch."""
    plain = {key: training[key] for key in PLAIN_TRAINING if key in training}
    if isinstance(plain.get("batch_size"), str):
        if plain["batch_size"] != ALL:
            raise ProblemError(
                f"training.batch_size: {shown(plain['batch_size'])} is not a whole number of at least 1, nor {ALL!r}"
            )
        plain["batch_size"] = len(data.x)
    return plain


def _network(network: Mapping[str, Any], inputs: int) -> tuple[Network, str]:
    """The architecture and the loss."""
    require_known("network", network, ("units", "activations", "loss", "l2"))
    units, activations = (
        items(f"network.{key}", required("network", network, key)) for key in ("units", "activations")
    )
    return Network(inputs=inputs, units=units, activations=activations), required("network", network, "loss")


def _initial(initial: Mapping[str, Any], network: Network, folder: Path) -> tuple[Mapping[str, Array], str]:
    """The starting parameters, and in a few words where they come from."""
    shapes = network.parameter_shapes
    scales = tuple(scale.key for scale in SCALES.values())
    require_known("initial", initial, (*INITIAL, *scales, *shapes))
    general = [key for key in (*INITIAL, *scales) if key in initial]
    if any(name in initial for name in shapes):
        if general:
            raise ProblemError(f"initial.{general[0]}: give either {', '.join(shapes)} or {general[0]}, not both")
        return {name: rows(f"initial.{name}", required("initial", initial, name)) for name in shapes}, "given"
    if "npz" in initial:
        return _kept(initial, folder), "given"
    if any(key in initial for key in ("initializer", "seed", *scales)):
        return _drawn(initial, network)
    return _constant(initial, network)


def _kept(initial: Mapping[str, Any], folder: Path) -> dict[str, Array]:
    """The parameters in an npz file; Problem looks at their names and shapes."""
    _require_alone("initial", initial, "npz", "an npz file")
    name = line("initial.npz", initial["npz"])
    try:
        return load_arrays(folder / name)
    except ProblemError as error:
        raise ProblemError(f"initial.npz: {error}") from None


def _require_alone(section: str, values: Mapping[str, Any], key: str, what: str) -> None:
    other = next((other for other in values if other != key), None)
    if other is not None:
        raise ProblemError(f"{section}.{other}: give either {what} or {other}, not both")


def _constant(initial: Mapping[str, Any], network: Network) -> tuple[dict[str, Array], str]:
    weight, bias = (number(f"initial.{key}", initial.get(key, at)) for key, at in (("weights", 0.1), ("biases", 0.0)))
    return constant(network, weight, bias), f"constant:{_short(weight)}" + (f", biases {_short(bias)}" if bias else "")


def _short(value: float) -> str:
    return repr(value).removesuffix(".0")


def _drawn(initial: Mapping[str, Any], network: Network) -> tuple[dict[str, Array], str]:
    for key in ("weights", "biases"):
        if key in initial:
            raise ProblemError(f"initial.{key}: give either an initializer or {key}, not both")
    name, seed = required("initial", initial, "initializer"), initial.get("seed", 0)
    require_choice("initial.initializer", name, SEEDED)
    require_count("initial.seed", seed, least=0, most=MOST_SEED)
    scale = _scale(initial, name)
    start = f"{name}:{seed}" + ("" if scale is None else f":{_short(scale)}")
    return drawn(network, name, seed, scale), start


def _scale(initial: Mapping[str, Any], name: str) -> float | None:
    """The setting of the initializer called `name` where it has one and it is given."""
    for kind, (key, _) in SCALES.items():
        if key in initial and kind != name:
            raise ProblemError(f"initial.{key}: is no setting of {name}; it belongs to {kind}")
        if key in initial:
            return require_positive(f"initial.{key}", initial[key])
    return None


def _optimizer(training: Mapping[str, Any]) -> Optimizer:
    """A name, or a table with the name, its settings and perhaps the learning rate."""
    given = training.get("optimizer", "sgd")
    settings = {"name": given} if isinstance(given, str) else dict(table("training.optimizer", given))
    if "learning_rate" in settings and "learning_rate" in training:
        raise ProblemError("training.learning_rate: is given twice, here and in training.optimizer")
    name = required("training.optimizer", settings, "name")
    rate = settings["learning_rate"] if "learning_rate" in settings else required("training", training, "learning_rate")
    return Optimizer(
        name=name,
        learning_rate=number("training.learning_rate", rate),
        settings={key: value for key, value in settings.items() if key not in ("name", "learning_rate")},
        schedule=schedule_from("training.schedule", training.get("schedule", "constant")),
    )


def problem_to_toml(problem: Problem) -> str:
    """A problem file with the data in it, which `load_problem` reads back to an equal problem, for a user to edit.

    Where the starting parameters are what `problem.start` says, it says so too; else they are given outright, and
    the problem read back starts from what was "given".
    """
    sections = {
        "data": _data_of(problem),
        "network": {
            "units": problem.network.units,
            "activations": problem.network.activations,
            "loss": problem.loss,
            **({"l2": problem.l2} if problem.l2 else {}),
        },
        "initial": _initial_of(problem),
        "training": {
            "optimizer": _optimizer_of(problem.optimizer),
            "learning_rate": problem.optimizer.learning_rate,
            **_schedule_of(problem.optimizer.schedule),
            "epochs": problem.epochs,
            **{key: getattr(problem, key) for key in PLAIN_TRAINING},
        },
    }
    parts = [_toml_lines({"name": problem.name})]
    parts += [f"[{name}]\n{_toml_lines(values)}" for name, values in sections.items()]
    return "\n".join(parts)


def _optimizer_of(optimizer: Optimizer) -> str | dict[str, Any]:
    return {"name": optimizer.name, **optimizer.settings} if optimizer.settings else optimizer.name


def _schedule_of(schedule: Schedule) -> dict[str, Any]:
    return {} if schedule == Schedule() else {"schedule": {"name": schedule.name, **schedule.settings}}


def _data_of(problem: Problem) -> dict[str, Any]:
    names = {"inputs": problem.input_names, "targets": problem.target_names}
    done = {"preparation": problem.preparation}
    return {**{key: value for key, value in (names | done).items() if value}, "x": problem.x, "y": problem.y}


def _initial_of(problem: Problem) -> Mapping[str, Any]:
    """The few keys that give the starting parameters again, or the parameters outright."""
    kind, _, value = problem.start.partition(":")
    try:
        short = _seeded(kind, value) if kind in SEEDED else _constants(kind, value)
        parameters, start = _initial(short, problem.network, Path())
    except ValueError:
        return problem.initial
    held = {name: rounded(values, problem.dtype) for name, values in parameters.items()}
    again = all(values.tobytes() == problem.initial[name].tobytes() for name, values in held.items())
    return short if again and start == problem.start else problem.initial


def _constants(kind: str, value: str) -> dict[str, Any]:
    if kind != "constant":
        raise ValueError(kind)
    weight, _, bias = value.partition(", biases ")
    return {"weights": float(weight), "biases": float(bias or 0)}


def _seeded(kind: str, value: str) -> dict[str, Any]:
    seed, colon, scale = value.partition(":")
    given = {"initializer": kind, "seed": int(seed)}
    return given | {SCALES[kind].key: float(scale)} if colon and kind in SCALES else given


def _toml_lines(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # printable text needs no other escapes than JSON's
    if isinstance(value, np.ndarray):
        return "".join(["[\n", *(f"    {row},\n" for row in value.tolist()), "]"])
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}"
    return repr(value)
