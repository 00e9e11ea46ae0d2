"""JAX alone."""

from __future__ import annotations

import json

import pytest

PROBLEM = """
import json
import numpy as np
from frameworks import jax_mlp
from problems import Network, Optimizer, Problem, batches
from problems.form import form_of
def problem(loss="mean_squared_error", rows=1, z=0.1, y=1.0, **changes):
    last = "sigmoid" if loss == "binary_cross_entropy" else "linear"
    return Problem(
        name="one node", x=np.ones((rows, 1)), y=np.full((rows, 1), y), loss=loss,
        network=Network(inputs=1, units=(1,), activations=(last,)),
        initial={"W1": [[0.0]], "b1": [[z]]}, optimizer=Optimizer(learning_rate=0.1), **changes,
    )
"""

TRACES = """
one = problem(rows=7, epochs=4, batch_size=3)
jax_mlp.configure(one.dtype)
form = form_of(one)
step, state = jax_mlp.step_function(form), jax_mlp.update_of(form).init(one.initial)
for rows in batches(one):
    step(one.initial, state, one.x[rows], one.y[rows])
print(step._cache_size())
"""

SLOPES = """
def slope(z, y):
    return float(next(jax_mlp.train(problem("binary_cross_entropy", z=z, y=y, epochs=1))).gradients["b1"][0, 0])
print(json.dumps([slope(z, y) for z, y in ((800.0, 1.0), (40.0, 1.0), (-800.0, 0.0), (-40.0, 1.0), (0.0, 0.25))]))
"""


def test_step_is_traced_once_for_full_batches_and_once_for_the_short_one(run):
    assert int(run("jax", PROBLEM + TRACES)) == 2


def test_slope_of_cross_entropy_where_the_probability_rounds_to_0_or_1(run):
    assert json.loads(run("jax", PROBLEM + SLOPES)) == pytest.approx([0, 0, 0, -1, 0.25], abs=1e-15)
