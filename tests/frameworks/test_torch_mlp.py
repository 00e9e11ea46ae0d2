"""PyTorch alone."""

from __future__ import annotations

SATURATED = """
import numpy as np
from frameworks.torch_mlp import train
from problems import Network, Optimizer, Problem
problem = Problem(
    name="saturated", x=[[1.0]], y=[[1.0]], network=Network(inputs=1, units=(1,), activations=("sigmoid",)),
    loss="binary_cross_entropy", initial={"W1": [[0.0]], "b1": [[-30.0]]},
    optimizer=Optimizer(learning_rate=0.1), epochs=1,
)
(step,) = train(problem)
print(float(step.loss), float(step.gradients["b1"][0, 0]))
"""


def test_cross_entropy_is_the_library_s_own_clamps_included(run):
    """nn.BCELoss holds p (1 − p) at 1e-12 in its derivative; the slope of the loss itself is −1 here."""
    loss, slope = map(float, run("torch", SATURATED).split())
    assert abs(loss - 30) < 1e-12
    assert -0.1 < slope < -0.09


def test_weights_are_not_shared_with_the_problem(run):
    source = SATURATED.replace(
        "(step,) = train(problem)", "before = problem.initial['b1'].copy(); (step,) = train(problem)"
    )
    assert run("torch", source + "print(np.array_equal(before, problem.initial['b1']))").split()[-1] == "True"
