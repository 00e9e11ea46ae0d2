"""Values from TOML and JSON: each kind takes its own and names what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from problems import ProblemError
from problems import values as kinds

EVERYTHING = {
    "null": None, "true": True, "whole": 3, "float": 0.5, "text": "a", "empty-text": "", "break": "a\nb", "list": [],
    "texts": ["a", "b"], "numbers": [1, 2], "rows": [[1, 2], [3, 4]], "text-row": [["1"]], "deep": [[[1]]], "table": {},
}  # fmt: skip
TAKEN = {
    "table": {"table"},
    "line": {"text"},
    "items": {"list", "texts", "numbers", "rows", "text-row", "deep"},
    "lines": {"list", "texts"},
    "number": {"whole", "float"},
    "rows": {"rows"},
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in TAKEN for name in EVERYTHING if name in TAKEN[kind]]
)
def test_right_kind_is_taken(kind, name):
    getattr(kinds, kind)("key", EVERYTHING[name])


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in TAKEN for name in EVERYTHING if name not in TAKEN[kind]]
)
def test_wrong_kind_is_refused(refused, kind, name):
    refused(ProblemError, "key: ", getattr(kinds, kind), "key", EVERYTHING[name])


def test_lists_become_tuples():
    assert kinds.items("key", [1, "a"]) == (1, "a")
    assert kinds.lines("key", ["a", "b"]) == ("a", "b")


def test_rows_become_float64():
    table = kinds.rows("key", [[1, 2.5]])
    assert (table.tolist(), table.dtype) == ([[1, 2.5]], np.float64)


def test_whole_number_beyond_float64(refused):
    assert "too large for float64" in refused(ProblemError, "key: 1000", kinds.number, "key", 10**400)


def test_required_names_the_key_with_its_table(refused):
    assert kinds.required("table", {"a": 1}, "a") == 1
    assert refused(ProblemError, "", kinds.required, "table", {}, "a") == "table.a is missing"
    assert refused(ProblemError, "", kinds.required, "", {}, "a") == "a is missing"


def test_known_keys_pass():
    kinds.require_known("table", {"a": 1}, ("a", "b"))


@pytest.mark.parametrize(
    ("table", "key", "why"),
    [
        ("table", "alpa", "'table.alpa' is not a known key, did you mean 'alpha'?; known are: alpha, beta"),
        ("", "alpa", "'alpa' is not a known key, did you mean 'alpha'?; known are: alpha, beta"),
        ("table", "x", "'table.x' is not a known key; known are: alpha, beta"),
    ],
    ids=["near", "at-the-top", "far"],
)
def test_unknown_key(refused, table, key, why):
    assert refused(ProblemError, "", kinds.require_known, table, {key: 1}, ("alpha", "beta")) == why
