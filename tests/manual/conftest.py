"""What the tests of backpropagation by hand share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from comparisons.arithmetic.exact import working_bits


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator, the same for every test."""
    return np.random.default_rng(1986)


@pytest.fixture
def many_digits() -> Iterator[None]:
    """Balls of 600 bits, for differences of nearly equal numbers."""
    with working_bits(600):
        yield
