"""What a step keeps of what was reported."""

from __future__ import annotations

import numpy as np
import pytest

from problems import Step


@pytest.mark.parametrize("shape", [(300, 401), (401, 300), (70_000, 1), (3, 5)])
def test_a_matrix_that_lies_in_columns_is_copied_into_rows(shape):
    columns = np.asfortranarray(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    step = Step(rows=[0], loss=0.0, gradients={"W1": columns}, parameters={"W1": columns})
    for kept in (step.gradients["W1"], step.parameters["W1"]):
        assert np.array_equal(kept, columns)
        assert kept.dtype == np.float32
        assert not np.shares_memory(kept, columns)
        assert not kept.flags.writeable
        assert kept.flags.c_contiguous or kept.size < 2**16
