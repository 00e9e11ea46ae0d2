"""Training in matrix form: every step reported as it was, from the parameters that the step before left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import manual.train
from manual.network import loss_routes, train_step
from problems.catalogue import named_problem
from problems.problem import Network, Optimizer, Problem
from problems.trace import Trace


def batch_problem(**changes: Any) -> Problem:
    """3-4-2 with tanh and relu, five rows in batches of two."""
    rng = np.random.default_rng(8)
    network = Network(inputs=3, units=(4, 2), activations=("tanh", "relu"))
    fields: dict[str, Any] = {
        "name": "batches",
        "x": rng.normal(size=(5, 3)),
        "y": rng.normal(size=(5, 2)),
        "network": network,
        "loss": "half_squared_error",
        "initial": {name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()},
        "optimizer": Optimizer(learning_rate=0.1),
        "epochs": 3,
        "batch_size": 2,
    }
    return Problem(**(fields | changes))


@pytest.mark.parametrize("order", ["sequential", "shuffled", "random"])
def test_every_step_goes_on_from_the_one_before(order):
    problem = batch_problem(order=order, seed=1)
    route, *_ = loss_routes(problem.network, problem.loss)
    held: Any = problem.initial
    for step in manual.train.train(problem):
        expected = train_step(problem.network, route, held, problem.x[step.rows], problem.y[step.rows], 0.1)
        assert step.loss == expected.loss
        assert all((step.parameters[name] == values).all() for name, values in expected.parameters.items())
        held = step.parameters


def test_the_last_batch_of_an_epoch_is_short():
    steps = list(manual.train.train(batch_problem()))
    assert [step.rows.tolist() for step in steps[:4]] == [[0, 1], [2, 3], [4], [0, 1]]
    assert len(steps) == 9


def test_parameters_move_against_their_gradients():
    problem = batch_problem()
    trace = Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")
    for name, after in trace.parameters.items():
        before = trace.before(name, np.arange(trace.steps))
        assert (after == before - 0.1 * trace.gradients[name]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_number_keeps_the_dtype(dtype):
    step = next(manual.train.train(batch_problem(dtype=dtype)))
    assert {values.dtype for values in (step.loss, *step.gradients.values(), *step.parameters.values())} == {
        np.dtype(dtype)
    }


def test_a_diverging_training_goes_on_in_silence():
    problem = named_problem("regression").changed(optimizer=Optimizer(learning_rate=1e3), epochs=10)
    *_, last = manual.train.train(problem)
    assert not np.isfinite(last.loss)


def test_versions_are_those_of_numpy():
    assert manual.train.versions(named_problem("regression")) == {"numpy": np.__version__}
