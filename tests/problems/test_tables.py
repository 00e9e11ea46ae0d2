"""Problems on scikit-learn's tables: the numbers are those of the library, prepared as it is said."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from problems import ProblemError, named_problem, tables
from problems.tables import TABLES

SHAPES = {"diabetes": (442, 10, 1), "breast_cancer": (569, 30, 1), "iris": (150, 4, 3), "digits": (1797, 64, 1)}
datasets = pytest.importorskip("sklearn.datasets")


@pytest.mark.parametrize("name", TABLES)
def test_problem_is_found_under_its_name(name):
    problem = named_problem(name)
    assert problem.name == name
    assert (len(problem.x), problem.x.shape[1], problem.y.shape[1]) == SHAPES[name]
    assert (len(problem.input_names), len(problem.target_names)) == SHAPES[name][1:]


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer", "iris"])
def test_inputs_are_standardized(name):
    problem = named_problem(name)
    assert "ddof 0" in problem.preparation
    assert np.abs(problem.x.mean(axis=0)).max() < 1e-14
    assert np.abs(problem.x.std(axis=0) - 1).max() < 1e-14


def test_standardized_inputs_are_the_librarys_own():
    x = named_problem("diabetes").x
    raw = datasets.load_diabetes(scaled=False).data
    assert np.allclose(x * raw.std(axis=0) + raw.mean(axis=0), raw, rtol=1e-12, atol=0)
    scaled = datasets.load_diabetes(scaled=True).data  # the library's own: columns of length 1
    assert np.allclose(x / np.sqrt(len(x)), scaled, rtol=0, atol=1e-12)


def test_pixels_are_divided_by_16():
    problem = named_problem("digits")
    assert problem.preparation.startswith("inputs divided by 16")
    assert np.array_equal(16 * problem.x, datasets.load_digits().data)
    assert problem.x.max() == 1


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer", "digits"])
def test_targets_are_the_librarys_own(name):
    target = getattr(datasets, f"load_{name}")().target
    assert np.array_equal(named_problem(name).y[:, 0], target)


def test_iris_labels_are_one_hot():
    problem = named_problem("iris")
    assert np.array_equal(problem.y.argmax(axis=1), datasets.load_iris().target)
    assert np.array_equal(problem.y.sum(axis=1), np.ones(150))


@pytest.mark.parametrize(
    ("name", "column", "label"),
    [("breast_cancer", "benign", 1), ("iris", "setosa", 1), ("iris", "virginica", 1)],
)
def test_target_columns_are_what_they_are_called(name, column, label):
    problem = named_problem(name)
    bunch = getattr(datasets, f"load_{name}")()
    of_this_class = bunch.target == list(bunch.target_names).index(column)
    assert np.array_equal(problem.y[:, problem.target_names.index(column)] == label, of_this_class)


@pytest.mark.parametrize("name", TABLES)
def test_description_says_the_network_and_the_rows(name):
    problem, description = named_problem(name), TABLES[name].description
    assert description.endswith(".")
    assert "-".join(map(str, problem.network.sizes)) in description
    assert f"{len(problem.x):,}" in description


def test_without_scikit_learn_one_line_says_how_to_install_it(monkeypatch, refused):
    monkeypatch.setattr(tables.importlib.util, "find_spec", lambda name: None)
    message = refused(ProblemError, "problem 'iris': needs", named_problem, "iris")
    assert message.endswith("install with: pip install 'backproof[sklearn]'")


@pytest.mark.parametrize(("name", "loaded"), [("regression", "False"), ("iris", "True")])
def test_scikit_learn_is_imported_only_where_its_table_is_asked_for(name, loaded):
    code = f"import sys, problems; problems.named_problem({name!r}); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded
