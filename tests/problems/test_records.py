"""A problem survives JSON to the last bit; a record that is not one is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems import Network, Optimizer, Problem, ProblemError
from problems.catalogue import named_problem
from problems.records import problem_from_json, problem_to_json

SMALLEST = 5e-324
ODD = [0.1, -0.0, SMALLEST, 1.7976931348623157e308, 2**53 + 1.0, 1 / 3, 1e22, 123456789.123456789]


def through_text(problem):
    """The problem after a trip through JSON text."""
    return problem_from_json(json.loads(json.dumps(problem_to_json(problem))))


def tensors(problem):
    """Every array's name, dtype, shape and bits."""
    arrays = {"x": problem.x, "y": problem.y, **problem.initial}
    return [(name, values.dtype, values.shape, values.tobytes()) for name, values in arrays.items()]


def test_every_field_survives(problem):
    held = problem(
        name="näme \" 😀", loss="half_squared_error", epochs=7, batch_size=3, order="shuffled", seed=2**63 - 1,
        input_names=("a", "b"), target_names=("c d",), start="random:1",
    )  # fmt: skip
    again = through_text(held)
    assert problem_to_json(again) == problem_to_json(held)
    assert (again.network, again.optimizer) == (held.network, held.optimizer)
    assert (again.name, again.seed, again.order, again.input_names) == (held.name, held.seed, held.order, ("a", "b"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_survive_to_the_last_bit(problem, dtype):
    values = np.array(ODD if dtype == "float64" else [0.1, -0.0, 1e-45, 3.4e38, 2**24 + 1, 1 / 3]).reshape(-1, 2)
    held = problem(x=values, y=values[:, :1], dtype=dtype)
    assert tensors(through_text(held)) == tensors(held)


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=2))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_number_survives(dtype, values):
    held = Problem(
        name="any",
        x=np.array([values]),
        y=np.array([values[:1]]),
        network=Network(inputs=2, units=(1,), activations=("linear",)),
        loss="mean_squared_error",
        initial={"W1": np.array(values).reshape(2, 1), "b1": np.array([values[1:]])},
        optimizer=Optimizer(learning_rate=0.1),
        epochs=1,
        dtype=dtype,
    )
    assert tensors(through_text(held)) == tensors(held)


def test_numpy_counts_become_plain_numbers(problem):
    network = Network(inputs=np.int64(2), units=(np.int32(2), np.int64(1)), activations=("tanh", "linear"))
    held = problem(
        network=network, epochs=np.int64(3), seed=np.uint8(4), optimizer=Optimizer(learning_rate=np.float32(1))
    )
    assert problem_to_json(through_text(held)) == json.loads(json.dumps(problem_to_json(held)))


@pytest.fixture
def refusal(refused):
    """A function that returns why the regression problem's record, changed in place, is refused."""

    def check(change):
        record = problem_to_json(named_problem("regression"))
        change(record)
        return refused(ProblemError, "", problem_from_json, record)

    return check


KEYS = sorted(problem_to_json(named_problem("regression")).keys() - {"l2", "preparation"})  # older records have neither
NESTED = [("network", "units"), ("network", "inputs"), ("network", "activations"), ("optimizer", "learning_rate")]


@pytest.mark.parametrize("key", KEYS)
def test_missing_key(refusal, key):
    assert refusal(lambda record: record.pop(key)) == f"problem.{key} is missing"


@pytest.mark.parametrize(("section", "key"), NESTED)
def test_missing_nested_key(refusal, section, key):
    assert refusal(lambda record: record[section].pop(key)) == f"{section}.{key} is missing"


def test_unknown_key(refusal):
    message = refusal(lambda record: record.update(epoch=5))
    assert message.startswith("'problem.epoch' is not a known key, did you mean 'epochs'?")


@pytest.mark.parametrize("section", ["network", "optimizer"])
def test_unknown_nested_key(refusal, section):
    assert refusal(lambda record: record[section].update(beta=1)).startswith(f"'{section}.beta' is not a known key")


VALUES = [None, "text", True, [], [1], {}, {"a": 1}, [[]], [["a"]], 10**400, float("nan")]
RIGHT = [("name", "text"), ("start", "text"), ("input_names", []), ("target_names", [])]
WRONG = [(key, value) for key in KEYS for value in VALUES if (key, value) not in RIGHT]


@pytest.mark.parametrize(("key", "value"), WRONG, ids=lambda value: repr(value)[:15])
def test_wrong_type(refused, key, value):
    record = problem_to_json(named_problem("regression")) | {key: value}
    assert key in refused(ProblemError, "", problem_from_json, record)


@pytest.mark.parametrize("value", [None, "ab", True, [None], [["a"]], {}, 10**400], ids=lambda value: repr(value)[:9])
@pytest.mark.parametrize(("section", "key"), NESTED)
def test_wrong_nested_type(refusal, section, key, value):
    assert key in refusal(lambda record: record[section].update({key: value}))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([["8", 8], [7, 9]], "x: row 1, column 1: '8' is not a number"),
        ([[8, True], [7, 9]], "x: row 1, column 2: True is not a number"),
        ([[8, None], [7, 9]], "x: row 1, column 2: None is not a number"),
        ([[8, 8], [7]], "x: row 2 has 1 numbers, row 1 has 2"),
        ([[8, 8], [7, float("inf")]], "data.x: row 2, column 2 is inf; every number must be finite"),
    ],
    ids=["text", "bool", "null", "ragged", "inf"],
)
def test_wrong_cell(refusal, values, why):
    assert refusal(lambda record: record.update(x=values)) == why


@pytest.mark.parametrize("record", [None, [], "text", 5, {}], ids=lambda value: repr(value)[:9])
def test_record_that_is_no_object(refused, record):
    assert refused(ProblemError, "problem", problem_from_json, record)
