"""Columns of a CSV file become exact numbers, or the cell that cannot is named."""

from __future__ import annotations

import numpy as np
import pytest

from problems import ProblemError
from problems.datasets import packaged_columns, read_columns

INPUTS, TARGETS = ("a", "b"), ("y",)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


@pytest.fixture
def read(path):
    """A function that reads the columns of a file with this content."""

    def columns(content, inputs=INPUTS, targets=TARGETS):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_columns(path, inputs, targets)

    return columns


@pytest.fixture
def refusal(path, refused, read):
    """A function that returns why a file with this content is refused."""

    def check(content, *columns):
        return refused(ProblemError, f"{path}: ", read, content, *columns).removeprefix(f"{path}: ")

    return check


def test_packaged_table():
    x, y = packaged_columns("placement_package.csv", ("cgpa", "resume_score"), ("lpa",))
    assert x.tolist() == [[8, 8], [7, 9], [6, 10], [5, 12]]
    assert y.tolist() == [[4], [5], [6], [7]]
    assert x.dtype == y.dtype == np.float64


@pytest.mark.parametrize(
    "content",
    [
        "a,b,y\n1,2,3\n4,5,6\n",
        "a,b,y\r\n1,2,3\r\n4,5,6",
        "a,b,y\r1,2,3\r4,5,6\r",
        "\ufeffa,b,y\n1,2,3\n4,5,6\n",
        "\n\na,b,y\n\n1,2,3\n\n4,5,6\n\n",
        'a , "b", y \n 1 , "2", 3 \n4e0,+5,.6e1\n',
        'other,y,b,a\nx,3,2,1\n"two\nlines",6,5,4\n',
    ],
    ids=["unix", "windows", "old-mac", "byte-order-mark", "blank-lines", "spaces-and-quotes", "other-column"],
)
def test_same_table_in_other_clothes(read, content):
    x, y = read(content)
    assert (x.tolist(), y.tolist()) == ([[1, 2], [4, 5]], [[3], [6]])


def test_columns_come_in_the_order_asked_for(read):
    x, y = read("a,b,y\n1,2,3\n", ("y", "a"), ("b",))
    assert (x.tolist(), y.tolist()) == ([[3, 1]], [[2]])


def test_numbers_are_the_nearest_float64(read):
    values = np.random.default_rng(0).normal(size=(50, 3)) * 10.0 ** np.arange(-150, 150, 6)[:, None]
    content = "a,b,y\n" + "".join(",".join(map(repr, row)) + "\n" for row in values.tolist())
    assert np.array_equal(np.hstack(read(content)), values)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b,y\n", "has no rows below its header"),
        (b"a,b,y\n1,\xff,3\n", "is not UTF-8 text (byte 9)"),
        ("a,b,y\n1,2,3\n".encode("utf-16"), "is not UTF-8 text (byte 1)"),
        (b"a,b,y\n1,2,3\n4,5\n", "line 3 has 2 cells, the header has 3"),
        (b"a,b,y\n1,2,3\n4,5,6,7\n", "line 3 has 4 cells, the header has 3"),
        (b"a,b,y\n1,2,3,\n4,5,6,\n", "line 2 has 4 cells, the header has 3"),
        (b'\n\na,b,y\n1,"\n",3\n\n4,5,6,7\n', "line 7 has 4 cells, the header has 3"),
        (b'a,b,y\n1,2,"3\n4,5,6\n', "is not a CSV table: unexpected end of data"),
        (b"a;b;y\n1;2;3\n", "column 'a' is missing; the file has 'a;b;y'; separate the columns by commas, not by ';'"),
        (b"a,c,y\n1,2,3\n", "column 'b' is missing; the file has 'a', 'c', 'y'"),
        (b"a,b,y,b\n1,2,3,4\n", "column 'b' stands 2 times in the header"),
        (b"1,2,3\n4,5,6\n", "column 'a' is missing; the file has '1', '2', '3'"),
    ],
    ids=[
        "empty", "blank", "header-only", "not-utf-8", "utf-16", "short-line", "long-line", "all-lines-long",
        "long-after-two-line-cell", "open-quote", "semicolons", "missing-column", "doubled-column", "no-header",
    ],
)  # fmt: skip
def test_file_that_is_no_such_table(refusal, content, why):
    assert refusal(content) == why


def test_doubled_column_matters_only_where_it_is_asked_for(read):
    x, _ = read("a,b,y,c,c\n1,2,3,4,4\n")
    assert x.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("two", "is 'two'"),
        ("NA", "is 'NA'"),
        ("nan", "is 'nan'"),
        ("inf", "is 'inf'"),
        ("-Infinity", "is '-Infinity'"),
        ("1e999", "is '1e999'"),
        ("1_000", "is '1_000'"),
        ("٣", "is '٣'"),
        ('"1,5"', "is '1,5'"),
        ('"1\n2"', "is '1\\n2'"),
        ("0x10", "is '0x10'"),
        ("True", "is 'True'"),
        ("9" * 400, f"is '{'9' * 59} ... {'9' * 9}'"),
    ],
    ids=[
        "empty", "blank", "word", "NA", "nan", "inf", "minus-infinity", "overflow", "underscore", "arabic-digit",
        "comma", "line-break", "hexadecimal", "bool", "long",
    ],
)  # fmt: skip
def test_cell_that_is_no_finite_number(refusal, cell, what):
    assert refusal(f"a,b,y\n1,2,3\n4,{cell},6\n") == f"line 3, column 'b' {what}; expected a finite number"


@pytest.mark.parametrize(
    ("before", "line"),
    [("", 2), ("\n", 3), ("1,2,3,t\n\n\n", 5), ('1,2,3,"two\nlines"\n', 4), ('1,2,3,"a\r\nb\r\nc"\r\n\r\n', 6)],
    ids=["first", "after-blank", "after-blanks", "after-two-line-cell", "after-three-line-cell"],
)
def test_line_is_the_one_an_editor_shows(refusal, before, line):
    assert refusal(f"a,b,y,text\n{before}1,bad,3,t\n").startswith(f"line {line}, column 'b' is 'bad'")


def test_line_of_a_two_line_row_is_its_first(refusal):
    assert refusal('text,a,b,y\n"two\nlines",1,bad,3\n').startswith("line 2, column 'b'")


def test_missing_file(path, refused):
    assert "cannot be read: No such file" in refused(ProblemError, f"{path}: ", read_columns, path, INPUTS, TARGETS)


def test_folder(tmp_path, refused):
    assert "cannot be read: Is a dir" in refused(ProblemError, f"{tmp_path}: ", read_columns, tmp_path, INPUTS, TARGETS)


def test_name_with_a_null_byte(refused):
    assert "is not a file name" in refused(ProblemError, "a\\x00b: ", read_columns, "a\0b", INPUTS, TARGETS)
