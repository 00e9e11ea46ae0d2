"""What messages are made of."""

from __future__ import annotations

import pytest

from problems import ProblemError
from problems.requirements import did_you_mean, one_line, require_choice, require_count, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        (0.1, "0.1"),
        (16**5000, "a number too long to show"),
        ("x" * 100, f"'{'x' * 59} ... {'x' * 9}'"),
        ("x" * 78, f"'{'x' * 78}'"),
    ],
    ids=["line-break", "number", "huge", "long", "just-short-enough"],
)
def test_shown_value_is_one_short_line(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain é σ", "plain é σ"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\ud800", r"\ud800"),
        ("'\n'", r"'\n'"),
    ],
    ids=["printable", "white-space", "escape", "surrogate", "quotes"],
)
def test_one_line(value, text):
    assert one_line(value) == text


def test_error_is_one_line_by_construction():
    assert str(ProblemError("a\nb")) == r"a\nb"


@pytest.mark.parametrize(
    ("value", "text"),
    [("relo", ", did you mean 'relu'?"), ("softmax", ""), (5, ""), (None, "")],
    ids=["near", "far", "number", "none"],
)
def test_did_you_mean(value, text):
    assert did_you_mean(value, ("linear", "relu")) == text


NAMES = ("relu", "tanh", "sigmoid", "float64", "float32", "keras-tensorflow", "glorot_uniform", "seed")


@pytest.mark.parametrize(
    "value", ["gelu", "selu", "elu", "float16", "float128", "softmax", "mish", "s", "x" * 100, "ken"]
)
def test_another_name_is_no_slip(value):
    assert did_you_mean(value, NAMES) == ""


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("rleu", "relu"),
        ("rel", "relu"),
        ("sigmiod", "sigmoid"),
        ("Sigmoid", "sigmoid"),
        ("igmoid", "sigmoid"),
        ("float46", "float64"),
        ("flot32", "float32"),
        ("tensorflow", "keras-tensorflow"),
        ("glorot", "glorot_uniform"),
    ],
)
def test_a_slip_is_told(value, meant):
    assert did_you_mean(value, NAMES) == f", did you mean {meant!r}?"


def test_choice(refused):
    require_choice("key", "relu", ("linear", "relu"))
    message = refused(ProblemError, "", require_choice, "key", "relo", ("linear", "relu"))
    assert message == "key: 'relo' is not known, did you mean 'relu'?; choose one of: linear, relu"


@pytest.mark.parametrize("value", [2, 3, 5])
def test_count_within_its_limits(value):
    require_count("key", value, least=2, most=5)


@pytest.mark.parametrize(
    ("value", "why"),
    [(1, "1 is not a whole number of at least 2"), (6, "6 is too large; at most 5"), (2.0, "2.0 is not a whole")],
    ids=["below", "above", "float"],
)
def test_count_outside_its_limits(refused, value, why):
    refused(ProblemError, f"key: {why}", require_count, "key", value, 2, 5)
