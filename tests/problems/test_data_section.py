"""The [data] of a problem file: where a table comes from, and what is done to it."""

from __future__ import annotations

import numpy as np
import pytest

from problems import ProblemError, load_problem
from problems.preparation import STANDARDIZED, standardized

REST = """
[network]
units = [2, 1]
activations = ["tanh", "linear"]
loss = "mean_squared_error"
[training]
learning_rate = 0.1
epochs = 1
"""
X, Y = [[8.0, 8.0], [7.0, 9.5], [1.0, 2.0]], [[4.0], [5.0], [6.0]]
OUTRIGHT = f"x = {X}\ny = {Y}"


@pytest.fixture
def load(tmp_path):
    """A function that loads a problem with these lines in [data] and files beside it."""

    def problem(lines, rest=REST, **arrays):
        np.savez(tmp_path / "table.npz", **arrays)
        (tmp_path / "p.toml").write_text(f"[data]\n{lines}\n{rest}")
        return load_problem(tmp_path / "p.toml")

    return problem


@pytest.fixture
def refusal(load, refused, tmp_path):
    """A function that returns why such a problem is refused, without the problem file's name."""

    def check(lines, **arrays):
        start = f"{tmp_path / 'p.toml'}: "
        return refused(ProblemError, start, lambda: load(lines, **arrays)).removeprefix(start)

    return check


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", ">f8"])
def test_npz_holds_x_and_y(load, dtype):
    problem = load('npz = "table.npz"', x=np.array(X, dtype), y=np.array(Y, dtype))
    assert problem.x.tolist() == np.array(X, dtype).tolist()
    assert problem.y.tolist() == np.array(Y, dtype).tolist()
    assert problem.preparation == ""


def test_targets_in_an_npz_file_may_be_one_number_a_row(load):
    assert load('npz = "table.npz"', x=np.array(X), y=np.array(Y)[:, 0]).y.tolist() == Y


def test_columns_of_an_npz_file_may_be_named(load):
    problem = load('npz = "table.npz"\ninputs = ["a", "b"]\ntargets = ["c"]', x=np.array(X), y=np.array(Y))
    assert (problem.input_names, problem.target_names) == (("a", "b"), ("c",))


@pytest.mark.parametrize(
    "lines",
    [OUTRIGHT, 'npz = "table.npz"', 'csv = "t.csv"\ninputs = ["a", "b"]\ntargets = ["y"]'],
    ids=["outright", "npz", "csv"],
)
def test_standardize_changes_the_inputs_only_and_is_stated(load, tmp_path, lines):
    (tmp_path / "t.csv").write_text("a,b,y\n8,8,4\n7,9.5,5\n1,2,6\n")
    problem = load(f"{lines}\nstandardize = true", x=np.array(X), y=np.array(Y))
    assert problem.x.tolist() == standardized(np.array(X)).tolist()
    assert problem.y.tolist() == Y
    assert problem.preparation == STANDARDIZED


def test_standardize_false_is_as_good_as_nothing(load):
    problem = load(f"{OUTRIGHT}\nstandardize = false")
    assert (problem.x.tolist(), problem.preparation) == (X, "")


def test_what_was_done_before_may_be_stated(load):
    problem = load(f'{OUTRIGHT}\npreparation = "pixels divided by 16"')
    assert (problem.x.tolist(), problem.preparation) == (X, "pixels divided by 16")


@pytest.mark.parametrize(("size", "held"), [('"all"', 3), ("2", 2), ("3", 3), ("50", 50)])
def test_batch_size_is_a_number_of_rows_or_all_of_them(load, size, held):
    problem = load(OUTRIGHT, f"{REST}batch_size = {size}")
    assert problem.batch_size == held
    assert problem.steps_per_epoch == (2 if held == 2 else 1)


def named(**arrays):
    return {"x": np.array(X), "y": np.array(Y)} | arrays


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({}, "holds nothing; expected x and y"),
        ({"x": np.array(X)}, "holds x; expected x and y"),
        (named(z=np.zeros(1)), "holds x, y, z; expected x and y"),
        (named(x=np.array([1.0, 2.0])), "x: expected a table of numbers (rows, columns), got shape (2,) of float64"),
        (named(x=np.zeros((0, 2))), "x: expected a table of numbers (rows, columns), got shape (0, 2) of float64"),
        (named(x=np.array([["8", "9"]])), "x: expected a table of numbers (rows, columns), got shape (1, 2) of <U1"),
        (named(x=np.array(X) > 3), "x: expected a table of numbers (rows, columns), got shape (3, 2) of bool"),
        (named(y=np.array([[1.0], [np.nan], [2]])), "y: row 2, column 1 is nan; every number must be finite"),
        (named(x=np.array([[{}]], dtype=object)), "x is not a plain array of numbers or text (pickled objects are"),
    ],
    ids=["none", "no-y", "more", "flat", "no-rows", "text", "bool", "nan", "pickle"],
)
def test_npz_that_holds_no_table(refusal, tmp_path, arrays, why):
    assert refusal('npz = "table.npz"', **arrays).startswith(f"data.npz: {tmp_path / 'table.npz'}: {why}")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('npz = "none.npz"', "none.npz: cannot be read: No such file or directory"),
        ('npz = "."', ": cannot be read: Is a directory"),
        ('npz = "p.toml"', "p.toml: is no npz file; save it with numpy.savez"),
        ("npz = 5", "data.npz: 5 is not one line of printable text"),
        ('npz = "table.npz"\ncsv = "t.csv"', "data.npz: is one source too many; give one of: csv with"),
        ('npz = "table.npz"\nx = [[1]]', "data.x: is one source too many"),
        ('npz = "table.npz"\ny = [[1]]', "data.y: is one source too many"),
        ('npz = "table.npz"\ninputs = ["a"]', "data.inputs: 1 name for 2 columns"),
        (f'{OUTRIGHT}\nstandardize = "yes"', "data.standardize: 'yes' is neither true nor false"),
        (f"{OUTRIGHT}\nstandardize = 1", "data.standardize: 1 is neither true nor false"),
        (f"{OUTRIGHT}\npreparation = 1", "data.preparation: 1 is not one line of printable text"),
        (f'{OUTRIGHT}\npreparation = ""', "data.preparation: '' is not one line of printable text"),
        (f'{OUTRIGHT}\nstandardize = true\npreparation = "x"', "data.preparation: is said by standardize itself"),
        ("x = [[1, 2], [3, nan]]\ny = [[1], [2]]\nstandardize = true", "data.x: row 2, column 2 is nan"),
    ],
    ids=[
        "no-file", "folder", "no-npz", "number", "csv-too", "x-too", "y-too", "names", "text", "one", "no-text",
        "empty", "both", "nan",
    ],
)  # fmt: skip
def test_wrong_data(refusal, lines, why):
    assert why in refusal(lines, x=np.array(X), y=np.array(Y))
