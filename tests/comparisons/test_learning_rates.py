"""Learning rates as a user writes them."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.learning_rates import MOST_RATES, chosen_rates
from problems.problem import ProblemError

UNDERSTOOD = [
    ("0.1", (0.1,)),
    ("0.001,0.01,0.1,0.5,1.0", (0.001, 0.01, 0.1, 0.5, 1.0)),
    (" 1 , 0.5 ", (0.5, 1.0)),
    ("1e-4:10:6", (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)),
    ("0.1:1:2", (0.1, 1.0)),
    ("0.01:1:3,0.5", (0.01, 0.1, 0.5, 1.0)),
]


@pytest.mark.parametrize(("text", "rates"), UNDERSTOOD)
def test_rates_are_read_in_rising_order(text, rates):
    assert chosen_rates(text) == rates


def test_a_range_is_spaced_logarithmically_and_used_as_printed():
    rates = chosen_rates("1e-4:1:13")
    assert rates[0] == 1e-4
    assert rates[-1] == 1.0
    assert np.allclose(np.diff(np.log10(rates)), 1 / 3, atol=1e-5)
    assert [float(f"{rate:g}") for rate in rates] == list(rates)


REFUSED = [
    ("", "is neither a number nor a range"),
    ("x", "'x' is neither a number nor a range"),
    ("0.1,,0.2", "'' is neither a number nor a range"),
    ("0", "greater than 0"),
    ("-0.1", "greater than 0"),
    ("nan", "greater than 0"),
    ("inf", "greater than 0"),
    ("0.1,0.2,0.1", "0.1 is given twice"),
    ("0.1:1", "is neither a number nor a range"),
    ("0.1:1:x", "is neither a number nor a range"),
    ("0.1:1:2:3", "is neither a number nor a range"),
    ("1:0.1:3", "FIRST below LAST"),
    ("1:1:3", "FIRST below LAST"),
    ("0.1:1:1", "COUNT from 2"),
    ("0:1:3", "greater than 0"),
    (f"0.1:1:{MOST_RATES + 1}", f"COUNT from 2 to {MOST_RATES}"),
    (f"0.1:1:{MOST_RATES},2", "are too many"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_anything_else_is_refused_in_one_line(text, message):
    with pytest.raises(ProblemError, match=message) as refusal:
        chosen_rates(text)
    assert str(refusal.value).startswith("--learning-rates: ")
    assert str(refusal.value).isprintable()
