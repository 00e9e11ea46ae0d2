"""A problem written as a problem file is read back as the same problem."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from problems import Network, Optimizer, Problem
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.files import load_problem, problem_to_toml
from problems.initializers import constant, starting_parameters
from problems.records import problem_to_json

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1) | st.sampled_from(
    ['"', "\\", "#'=", "a b", "é😀"]
)
NETWORK = Network(inputs=1, units=(1,), activations=("linear",))


@pytest.fixture(scope="module")
def read_back(tmp_path_factory):
    """A function that writes a problem as a file and loads it."""
    path = tmp_path_factory.mktemp("toml") / "other name.toml"

    def written_and_loaded(problem):
        path.write_text(problem_to_toml(problem), encoding="utf-8")
        return load_problem(path)

    return written_and_loaded


def told(problem, start=True):
    """Everything in a problem as text, so that equal means equal to the last bit."""
    record = problem_to_json(problem)
    return repr(sorted((record if start else record | {"start": ""}).items()))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_lesson_problems(read_back, name, dtype):
    problem = named_problem(name).changed(dtype=dtype)
    assert told(read_back(problem)) == told(problem)


@pytest.mark.parametrize("start", ["constant:-2.5", "random:3", "glorot_uniform:0"])
def test_start_is_kept_in_words(read_back, start):
    problem = named_problem("regression")
    problem = problem.changed(initial=starting_parameters(problem.network, start), start=start)
    assert told(read_back(problem)) == told(problem)
    assert "W1" not in problem_to_toml(problem)


def test_biases_are_kept_in_words(read_back):
    problem = named_problem("regression")
    problem = problem.changed(initial=constant(problem.network, 0.1, -0.5), start="constant:0.1, biases -0.5")
    assert told(read_back(problem)) == told(problem)
    assert "biases = -0.5" in problem_to_toml(problem)


@pytest.mark.parametrize(
    "start", ["constant:0.2", "constant:-0.1", "random:1", "random:x", "constant:x", "constant:0.10", "else"]
)
def test_start_that_is_not_what_it_says_is_given_outright(read_back, start):
    problem = named_problem("regression").changed(start=start)
    assert read_back(problem).start == "given"
    assert told(read_back(problem), start=False) == told(problem, start=False)


def test_every_other_field(read_back):
    problem = named_problem("regression").changed(
        name="x", batch_size=3, order="random", seed=2**63 - 1, epochs=9, optimizer=Optimizer(learning_rate=1e-300)
    )
    assert told(read_back(problem)) == told(problem)


@given(name=LINES, column=LINES, x=FINITE, y=FINITE, weight=FINITE, rate=st.floats(1e-30, 1e30))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_names_and_numbers(read_back, dtype, name, column, x, y, weight, rate):
    problem = Problem(
        name=name,
        x=np.array([[x]]),
        y=np.array([[y]]),
        network=NETWORK,
        loss="half_squared_error",
        initial={"W1": np.array([[weight]]), "b1": np.array([[-0.0]])},
        optimizer=Optimizer(learning_rate=rate),
        epochs=1,
        dtype=dtype,
        input_names=(column,),
    )
    assert told(read_back(problem)) == told(problem)
