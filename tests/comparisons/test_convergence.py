"""--until-converged: the first epoch whose updates are all below the tolerance, and the cap."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.convergence import stop_line, until_converged, update_norm
from comparisons.requests import changed
from manual.train import train
from problems.catalogue import named_problem
from problems.problem import ProblemError

CASES = [
    pytest.param("regression", {"epochs": 300}, 0.01, id="regression"),
    pytest.param("regression", {"epochs": 300, "order": "shuffled", "seed": 3}, 0.01, id="shuffled"),
    pytest.param("regression", {"epochs": 300, "dtype": "float32", "batch_size": 3}, 0.01, id="float32-short-batches"),
    pytest.param("classification", {"epochs": 60, "initial": "random:2", "learning_rate": 0.03}, 0.0275, id="sigmoid"),
]


def largest_of_each_epoch(problem):
    """The largest ‖learning_rate · ∇L‖₂ of each epoch, computed the plain way."""
    rate = float(np.dtype(problem.dtype).type(problem.optimizer.learning_rate))
    moves = [[rate * g.astype(float).ravel() for g in step.gradients.values()] for step in train(problem)]
    norms = np.array([np.sqrt((np.concatenate(move) ** 2).sum()) for move in moves])
    return norms.reshape(problem.epochs, -1).max(axis=1)


@pytest.mark.parametrize(("name", "changes", "tolerance"), CASES)
def test_it_stops_after_the_first_epoch_whose_every_step_is_below(name, changes, tolerance):
    problem = changed(named_problem(name), changes)
    stop = until_converged(problem, tolerance)
    largest = largest_of_each_epoch(problem)
    assert stop.converged
    assert 1 < stop.problem.epochs < problem.epochs
    assert (largest[: stop.problem.epochs - 1] >= tolerance).all()
    assert largest[stop.problem.epochs - 1] < tolerance


def test_the_tolerance_itself_is_not_below_it():
    problem = named_problem("regression")
    largest = largest_of_each_epoch(problem).min()
    assert not until_converged(problem, largest * (1 - 1e-12)).converged
    assert until_converged(problem, largest * (1 + 1e-12)).converged


def test_a_diverging_training_never_converges():
    stop = until_converged(changed(named_problem("regression"), {"learning_rate": 0.5, "epochs": 20}), 1.0)
    assert (stop.converged, stop.problem.epochs) == (False, 20)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_not_positive_is_refused(tolerance):
    with pytest.raises(ProblemError, match=r"--until-converged: .* greater than 0"):
        until_converged(named_problem("regression"), tolerance)


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_the_norm_neither_overflows_nor_underflows(size):
    gradients = {"W1": np.full((2, 1, 2), size), "b1": np.full((2, 1, 2), -size)}
    assert np.allclose(update_norm(gradients, np.array([0.5, 1.0]).reshape(-1, 1, 1)) / size, [1.0, 2.0])


def test_the_line_says_after_how_many_epochs():
    problem = changed(named_problem("regression"), {"epochs": 2000})
    assert "regression: converged after 104 epochs of at most 2,000" in stop_line(until_converged(problem, 0.01))
    assert "did not converge within 5 epochs" in stop_line(until_converged(named_problem("regression"), 0.01))
