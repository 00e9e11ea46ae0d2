"""scikit-learn alone: what it expresses is what it says, and what it does not is refused in one line."""

from __future__ import annotations

import json

PROBLEM = """
import json
import numpy as np
from frameworks.sklearn_mlp import train
from problems import Network, Optimizer, Problem
def problem(activations=("tanh", "linear"), units=(2, 1), loss="half_squared_error", y=None, settings=None, **changes):
    rng = np.random.default_rng(3)
    network = Network(inputs=2, units=units, activations=activations)
    fields = {"optimizer": Optimizer(learning_rate=0.1)} | changes
    return Problem(
        name="sklearn", x=rng.uniform(-2, 2, (5, 2)), y=rng.uniform(-2, 2, (5, units[-1])) if y is None else y,
        network=network, loss=loss, epochs=2, batch_size=2,
        initial={name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()}, **fields,
    )
"""

REFUSED = {
    "problem(activations=('relu', 'tanh', 'linear'), units=(2, 2, 1))": "all hidden layers have one activation",
    "problem(activations=('gelu', 'linear'))": "activation 'gelu' is not in scikit-learn",
    "problem(loss='mean_squared_error')": "loss 'mean_squared_error' is not in scikit-learn",
    "problem(activations=('tanh', 'relu'))": "half_squared_error stands behind a linear output only, not 'relu'",
    "problem(('tanh', 'sigmoid'), (2, 2), 'binary_cross_entropy', np.ones((5, 2)))": (
        "with more outputs than one, binary_cross_entropy is their sum, not their mean"
    ),
    "problem(('tanh', 'softmax'), (2, 2), 'sparse_categorical_cross_entropy', np.ones((5, 1)))": (
        "two classes are one sigmoid"
    ),
    "problem(('tanh', 'sigmoid'), loss='binary_cross_entropy', y=np.full((5, 1), 0.5))": "labels are 0 or 1",
    "problem(optimizer=Optimizer(name='adagrad', learning_rate=0.1))": "optimizer 'adagrad' is not in scikit-learn",
    "problem(optimizer=Optimizer(name='adam', learning_rate=0.1))": "adam has epsilon_place 'uncorrected' only",
    "problem(optimizer=Optimizer(learning_rate=0.1, settings={'clip_value': 1}))": "clip_value is not in scikit-learn",
}


def test_what_is_not_expressible_is_refused_in_one_line(run):
    source = "".join(
        f"try: next(train({case}))\nexcept NotImplementedError as error: print(error)\n" for case in REFUSED
    )
    assert run("sklearn", PROBLEM + source).splitlines() == [f"sklearn: {reason}" for reason in REFUSED.values()]


CENTRAL = """
one = problem(l2=0.3)
def loss(parameters, rows):
    a = np.tanh(one.x[rows] @ parameters["W1"] + parameters["b1"]) @ parameters["W2"] + parameters["b2"]
    penalty = 0.5 * 0.3 * sum((w**2).sum() for name, w in parameters.items() if name[0] == "W")
    return 0.5 * ((one.y[rows] - a) ** 2).sum() / len(rows) + penalty
before, worst, h = dict(one.initial), 0.0, 1e-6
for step in train(one):
    worst = max(worst, abs(float(step.loss) - loss(before, step.rows)))
    for name, gradient in step.gradients.items():
        for index in np.ndindex(*gradient.shape):
            up, down = ({**before, name: before[name].copy()} for _ in range(2))
            up[name][index] += h
            down[name][index] -= h
            slope = (loss(up, step.rows) - loss(down, step.rows)) / (2 * h)
            worst = max(worst, abs(slope - gradient[index]))
    before = dict(step.parameters)
print(worst)
"""


def test_loss_and_gradients_have_the_penalty_of_their_own_batch(run):
    """The last batch has one row of two: alpha is divided by its rows too."""
    assert float(run("sklearn", PROBLEM + CENTRAL)) < 1e-8


FLOAT32 = """
y = np.array([[0], [1]] * 2 + [[1]])
step = next(train(problem(("relu", "sigmoid"), loss="binary_cross_entropy", y=y, dtype="float32")))
print(json.dumps(sorted({str(a.dtype) for a in (step.loss, *step.gradients.values(), *step.parameters.values())})))
"""


def test_float32_stays_float32(run):
    assert json.loads(run("sklearn", PROBLEM + FLOAT32)) == ["float32"]


DIVERGING = """
print(len(list(train(problem(activations=("linear", "linear"), optimizer=Optimizer(learning_rate=1e200))))))
"""


def test_a_training_that_diverges_is_told_to_its_end(run):
    assert int(run("sklearn", PROBLEM + DIVERGING)) == 6
