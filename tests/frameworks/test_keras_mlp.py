"""Keras alone, on each backend."""

from __future__ import annotations

import json

import pytest

BACKENDS = ("keras-tensorflow", "keras-torch", "keras-jax")

# `stock` is what a user of Keras writes: its own Sequential, optimizer and loss, and fit.
FIT = """
import json
import keras
import numpy as np
from frameworks import keras_mlp
from problems import Network, Optimizer, Problem
rng = np.random.default_rng(4)
network = Network(inputs=2, units=(3, 1), activations=("sigmoid", "linear"))
problem = Problem(
    name="fit", x=rng.uniform(-2, 2, (6, 2)), y=rng.uniform(-2, 2, (6, 1)), network=network,
    loss="mean_squared_error", optimizer=Optimizer(learning_rate=0.1), epochs=3,
    initial={name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()},
)
def worst_difference(model):
    model.fit(problem.x, problem.y, batch_size=1, epochs=3, shuffle=False, verbose=0)
    fitted = [keras.ops.convert_to_numpy(variable.value) for variable in model.trainable_variables]
    return max(float(np.max(np.abs(a.ravel() / b.ravel() - 1))) for a, b in zip(fitted, trained, strict=True))
trained = [*list(keras_mlp.train(problem))[-1].parameters.values()]
ours = keras_mlp.build(problem)
stock = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "sigmoid"), keras.layers.Dense(1)])
stock.set_weights([values if name[0] == "W" else values[0] for name, values in problem.initial.items()])
stock.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error")
print(json.dumps([worst_difference(ours), worst_difference(stock)]))
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_fit_of_the_same_model_ends_at_the_same_parameters(name, run):
    assert json.loads(run(name, FIT)) == [0, 0]


READ = """
import json
import keras
import numpy as np
from frameworks.keras_mlp import as_numpy
values = np.random.default_rng(5).standard_normal((3, 2))
found = {}
for dtype in ("float64", "float32"):
    if keras.backend.backend() == "jax":
        import jax
        jax.config.update("jax_enable_x64", True)
    variable = keras.Variable(values, dtype=dtype)
    before, kept = as_numpy(variable), keras.ops.convert_to_numpy(variable.value)
    variable.assign(2 * values)
    found[dtype] = [str(before.dtype), bool((before == kept).all()), bool((as_numpy(variable) == 2 * kept).all())]
print(json.dumps(found))
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_a_variable_that_was_read_may_change(name, run):
    assert json.loads(run(name, READ)) == {dtype: [dtype, True, True] for dtype in ("float64", "float32")}
