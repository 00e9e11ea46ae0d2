"""What a user asked for, made sure of."""

from __future__ import annotations

import pytest

from comparisons.requests import recordable
from problems.catalogue import named_problem
from problems.problem import ProblemError


def test_a_long_training_that_fits_is_taken():
    problem = named_problem("regression").changed(epochs=50_000)
    assert recordable(problem) is problem


@pytest.mark.parametrize("epochs", [1_000_000, 2**31 - 1])
def test_a_training_whose_trace_would_fill_the_memory_is_refused_in_one_line(epochs):
    with pytest.raises(ProblemError, match=r"steps, whose trace needs about [\d]+ GiB") as refused:
        recordable(named_problem("regression").changed(epochs=epochs))
    assert "\n" not in str(refused.value)
