"""Small problems, and what every refusal must look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from problems import Network, Optimizer, Problem, Step, Trace, TraceError, trace_store, trace_writer
from problems.trace_file import load_trace, sealed, trace_arrays

NAMES = ("W1", "b1", "W2", "b2")


@pytest.fixture
def problem() -> Callable[..., Problem]:
    """A function that makes a 2-2-1 problem of five rows, with any field replaced."""

    def make(**changes: Any) -> Problem:
        rng = np.random.default_rng(3)
        network = Network(inputs=2, units=(2, 1), activations=("tanh", "linear"))
        fields: dict[str, Any] = {
            "name": "small",
            "x": rng.normal(size=(5, 2)),
            "y": rng.normal(size=(5, 1)),
            "network": network,
            "loss": "mean_squared_error",
            "initial": {name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()},
            "optimizer": Optimizer(learning_rate=0.1),
            "epochs": 2,
        }
        return Problem(**(fields | changes))

    return make


@pytest.fixture
def trace(problem) -> Callable[..., Trace]:
    """A function that records steps of arbitrary numbers: rows 0, 1, ... one at a time unless given."""

    def make(rows: Any = None, dtype: str = "float64", **changes: Any) -> Trace:
        trained = problem(dtype=dtype, **changes)
        rng = np.random.default_rng(5)
        taken = [[0], [1], [4]] if rows is None else rows

        def drawn() -> dict[str, Any]:
            return {name: rng.normal(size=values.shape).astype(dtype) for name, values in trained.initial.items()}

        steps = [
            Step(rows=np.array(row), loss=np.array(rng.normal(), dtype), gradients=drawn(), parameters=drawn())
            for row in taken
        ]
        return Trace.record(trained, steps, implementation="nobody", environment={"numpy": "2"}, seconds={"train": 0.5})

    return make


@pytest.fixture
def refused() -> Callable[..., str]:
    """A function that calls another and returns the one line of the error it must raise."""

    def check(error: type[Exception], begins: str, function: Callable[..., Any], *arguments: Any) -> str:
        with pytest.raises(error) as caught:
            function(*arguments)
        message = str(caught.value)
        assert type(caught.value) is error
        assert message.startswith(begins)
        assert message.isprintable()
        return message

    return check


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trace.npz"


@pytest.fixture
def file_of(trace):
    """A function that makes the bytes of a sealed file, with members replaced, added, or left out (None)."""

    def make(**changes):
        arrays = trace_arrays(trace()) | {key.replace("__", "."): values for key, values in changes.items()}
        return sealed({key: np.asarray(values) for key, values in arrays.items() if values is not None})

    return make


@pytest.fixture
def refusal(path, refused):
    """A function that returns why the file with these bytes is refused."""

    def check(data):
        path.write_bytes(data)
        return refused(TraceError, f"{path}: ", load_trace, path)

    return check


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of four steps of a small network, and of more for what is smaller still."""
    monkeypatch.setattr(trace_store, "BLOCK_BYTES", 800)
    monkeypatch.setattr(trace_writer, "SMALL_CHUNK", 64)


@pytest.fixture
def random_steps():
    """A function that makes as many steps of arbitrary numbers as the problem has."""

    def make(trained, dtype=None):
        rng = np.random.default_rng(5)
        held = np.dtype("float32" if trained.dtype == "bfloat16" else dtype or trained.dtype)

        def drawn():
            return {name: rng.normal(size=values.shape).astype(held) for name, values in trained.initial.items()}

        return [
            Step(rows=np.array([number % 5]), loss=np.array(rng.normal(), held), gradients=drawn(), parameters=drawn())
            for number in range(trained.steps)
        ]

    return make


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "trace.zarr"
