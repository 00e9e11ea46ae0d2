"""The named problems are the lesson's."""

from __future__ import annotations

import pytest

from problems import ProblemError
from problems.catalogue import DESCRIPTIONS, named_problem
from problems.order import batches


def told(problem):
    """Everything that the lesson fixes, beside its numbers."""
    network, optimizer = problem.network, problem.optimizer
    return (
        (network.sizes, network.activations, problem.loss),
        (optimizer.name, optimizer.learning_rate, problem.epochs, problem.batch_size, problem.order, problem.dtype),
        (problem.input_names, problem.target_names, problem.start),
    )


def test_regression():
    assert told(named_problem("regression")) == (
        ((2, 2, 1), ("linear", "linear"), "mean_squared_error"),
        ("sgd", 0.001, 5, 1, "sequential", "float64"),
        (("cgpa", "resume_score"), ("lpa",), "constant:0.1"),
    )


def test_classification():
    assert told(named_problem("classification")) == (
        ((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy"),
        ("sgd", 0.0001, 50, 1, "sequential", "float64"),
        (("cgpa", "profile_score"), ("placed",), "constant:0.1"),
    )


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("regression", [[8, 8], [7, 9], [6, 10], [5, 12]], [[4], [5], [6], [7]]),
        ("classification", [[8, 8], [7, 9], [6, 10], [5, 5]], [[1], [1], [0], [0]]),
    ],
)
def test_data(name, x, y):
    problem = named_problem(name)
    assert (problem.x.tolist(), problem.y.tolist()) == (x, y)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_weights_start_at_a_tenth_and_biases_at_0(name):
    for parameter, values in named_problem(name).initial.items():
        assert set(values.flat) == {0.1 if parameter.startswith("W") else 0.0}


@pytest.mark.parametrize(("name", "steps"), [("regression", 20), ("classification", 200)])
def test_rows_come_one_at_a_time_in_order(name, steps):
    assert [list(rows) for rows in batches(named_problem(name))] == [[step % 4] for step in range(steps)]


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_every_described_problem_exists_under_its_name(name):
    assert named_problem(name).name == name


@pytest.mark.parametrize("description", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_description_is_one_sentence(description):
    assert description.isprintable()
    assert description.endswith(".")
    assert ". " not in description


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("regresion", "problem 'regresion' is not known, did you mean 'regression'?; choose from"),
        (
            "xyz",
            "problem 'xyz' is not known; choose from: regression, classification, diabetes, breast_cancer, iris",
        ),
        ("", "problem '' is not known"),
        ("a\nb", "problem 'a\\nb' is not known"),
    ],
    ids=["near", "far", "empty", "line-break"],
)
def test_unknown_name(refused, name, why):
    assert why in refused(ProblemError, "problem ", named_problem, name)
