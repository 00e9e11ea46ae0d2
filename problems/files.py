"""Problem files: TOML in, Problem out, every mistake in one line that names the file and the key."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from problems.datasets import read_columns
from problems.initializers import constant, starting_parameters
from problems.problem import Array, Network, Optimizer, Problem, ProblemError

SECTIONS = {
    "": ("name", "data", "network", "initial", "training"),
    "data": ("csv", "inputs", "targets", "x", "y"),
    "network": ("units", "activations", "loss"),
    "initial": ("weights", "biases", "initializer", "seed"),
    "training": ("optimizer", "learning_rate", "epochs", "batch_size", "order", "seed", "dtype"),
}
NAMED_INITIALIZERS = ("random", "glorot_uniform")


def load_problem(path: str | Path) -> Problem:
    """The problem in the TOML file at `path`.

    Raises ProblemError, one line that begins with the file, for anything that cannot be read or trained.
    """
    try:
        return _problem(_read(Path(path)), Path(path))
    except ProblemError as error:
        message = " ".join(str(error).split())
        raise ProblemError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ProblemError(f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ProblemError("is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ProblemError(f"is not valid TOML: {error}") from None


def _problem(document: Mapping[str, Any], path: Path) -> Problem:
    _require_known("", document)
    data, network, initial, training = (_section(document, name) for name in ("data", "network", "initial", "training"))
    x, y, names = _data(data, path)
    architecture = Network(
        inputs=x.shape[1],
        units=tuple(_list(network, "network", "units")),
        activations=tuple(_texts(network, "network", "activations")),
    )
    parameters, start = _initial(initial, architecture)
    return Problem(
        name=_name(document, path),
        x=x,
        y=y,
        network=architecture,
        loss=_text(network, "network", "loss"),
        initial=parameters,
        start=start,
        optimizer=_optimizer(training),
        epochs=_required(training, "training", "epochs"),
        **{key: training[key] for key in ("batch_size", "order", "seed", "dtype") if key in training},
        **names,
    )


def _name(document: Mapping[str, Any], path: Path) -> str:
    name = document.get("name", path.stem)
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ProblemError(f"name: {name!r} is not a line of text")
    return name


def _require_known(section: str, table: Mapping[str, Any], also: tuple[str, ...] = ()) -> None:
    known = (*SECTIONS[section], *also)
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f", did you mean {close[0]!r}?" if close else ""
            where = f"{section}.{key}" if section else key
            raise ProblemError(f"{where!r} is not a known key{meant}; known are: {', '.join(known)}")


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = document.get(name, {} if name == "initial" else None)
    if section is None:
        raise ProblemError(f"[{name}] is missing")
    if not isinstance(section, dict):
        raise ProblemError(f"{name}: expected a table [{name}], got {section!r}")
    if name != "initial":
        _require_known(name, section)
    return section


def _required(section: Mapping[str, Any], name: str, key: str) -> Any:
    if key not in section:
        raise ProblemError(f"{name}.{key} is missing")
    return section[key]


def _text(section: Mapping[str, Any], name: str, key: str) -> str:
    value = _required(section, name, key)
    if not isinstance(value, str):
        raise ProblemError(f"{name}.{key}: {value!r} is not a text")
    return value


def _list(section: Mapping[str, Any], name: str, key: str) -> list[Any]:
    value = _required(section, name, key)
    if not isinstance(value, list):
        raise ProblemError(f"{name}.{key}: {value!r} is not a list")
    return value


def _texts(section: Mapping[str, Any], name: str, key: str) -> list[str]:
    values = _list(section, name, key)
    for value in values:
        if not isinstance(value, str):
            raise ProblemError(f"{name}.{key}: {value!r} is not a text")
    return values


def _data(data: Mapping[str, Any], path: Path) -> tuple[Array, Array, dict[str, tuple[str, ...]]]:
    """x, y and the names of their columns."""
    if "csv" in data:
        clash = [key for key in ("x", "y") if key in data]
        if clash:
            raise ProblemError(f"data.{clash[0]}: give either csv, inputs and targets, or x and y, not both")
        inputs, targets = (tuple(_columns(data, key)) for key in ("inputs", "targets"))
        x, y = read_columns(path.parent / _text(data, "data", "csv"), inputs, targets)
        return x, y, {"input_names": inputs, "target_names": targets}
    clash = [key for key in ("inputs", "targets") if key in data]
    if clash:
        raise ProblemError(f"data.{clash[0]}: names columns of a csv file, but data.csv is missing")
    if "x" not in data and "y" not in data:
        raise ProblemError("data: give csv, inputs and targets, or x and y")
    return _table("data.x", _required(data, "data", "x")), _table("data.y", _required(data, "data", "y")), {}


def _columns(data: Mapping[str, Any], key: str) -> list[str]:
    columns = _texts(data, "data", key)
    if not columns:
        raise ProblemError(f"data.{key}: names no column")
    if len(set(columns)) != len(columns):
        raise ProblemError(f"data.{key}: names a column twice")
    return columns


def _table(key: str, rows: Any) -> Array:
    """A list of rows of numbers as a float64 array."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise ProblemError(f"{key}: expected a list of rows, such as [[8, 8], [7, 9]]")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise ProblemError(f"{key}: its rows have different lengths: {', '.join(map(str, sorted(widths)))}")
    for number, row in enumerate(rows, 1):
        for value in row:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ProblemError(f"{key}: row {number} holds {value!r}, which is not a number")
    try:
        return np.array(rows, dtype=np.float64)
    except OverflowError:
        raise ProblemError(f"{key}: holds a number too large for float64") from None


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProblemError(f"{key}: {value!r} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ProblemError(f"{key}: the number is too large for float64") from None


def _initial(initial: Mapping[str, Any], network: Network) -> tuple[dict[str, Array], str]:
    """The starting parameters, and in a few words where they come from."""
    shapes = network.parameter_shapes
    _require_known("initial", initial, also=tuple(shapes))
    given = [name for name in shapes if name in initial]
    general = [key for key in SECTIONS["initial"] if key in initial]
    if given and general:
        raise ProblemError(f"initial.{general[0]}: give either {', '.join(shapes)} outright or {general[0]}, not both")
    if given:
        return {name: _table(f"initial.{name}", _required(initial, "initial", name)) for name in shapes}, "given"
    if "initializer" in initial:
        return _initialized(initial, network)
    if "seed" in initial:
        raise ProblemError("initial.seed: belongs to an initializer, but initial.initializer is missing")
    weight = _number("initial.weights", initial.get("weights", 0.1))
    bias = _number("initial.biases", initial.get("biases", 0.0))
    return constant(network, weight, bias), f"constant:{weight:g}" + (f", biases {bias:g}" if bias else "")


def _initialized(initial: Mapping[str, Any], network: Network) -> tuple[dict[str, Array], str]:
    clash = [key for key in ("weights", "biases") if key in initial]
    if clash:
        raise ProblemError(f"initial.{clash[0]}: give either an initializer or {clash[0]}, not both")
    name, seed = _text(initial, "initial", "initializer"), initial.get("seed", 0)
    if name not in NAMED_INITIALIZERS:
        choices = ", ".join(NAMED_INITIALIZERS)
        raise ProblemError(f"initial.initializer: {name!r} is not known; choose one of: {choices}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ProblemError(f"initial.seed: {seed!r} is not a whole number of at least 0")
    start = f"{name}:{seed}"
    return starting_parameters(network, start), start


def _optimizer(training: Mapping[str, Any]) -> Optimizer:
    """A name, or a table with the name and the learning rate."""
    given = training.get("optimizer", "sgd")
    table = {"name": given} if isinstance(given, str) else given
    if not isinstance(table, dict):
        raise ProblemError(f"training.optimizer: {given!r} is neither a name nor a table")
    for key in table:
        if key not in ("name", "learning_rate"):
            raise ProblemError(f"training.optimizer.{key} is not a known key; known are: name, learning_rate")
    if "learning_rate" in table and "learning_rate" in training:
        raise ProblemError("training.learning_rate: is given twice, here and in training.optimizer")
    rate = table.get("learning_rate", training.get("learning_rate"))
    if rate is None:
        raise ProblemError("training.learning_rate is missing")
    return Optimizer(
        name=_text(table, "training.optimizer", "name"), learning_rate=_number("training.learning_rate", rate)
    )
