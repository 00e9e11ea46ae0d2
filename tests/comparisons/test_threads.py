"""Large matrices are multiplied in one thread while implementations are compared, and as before afterwards."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import threadpoolctl

from comparisons.audit import audit
from comparisons.compare import compare
from comparisons.judging import judged_blocks
from comparisons.threads import one_thread
from manual.train import train
from problems.block import stacked
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem
from problems.trace import Trace

SEVERAL = 2


def threads():
    """In how many threads each library multiplies matrices now."""
    return {one["num_threads"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def several_threads():
    """More than one from the start, on a machine of one processor too."""
    if not threads():
        pytest.skip("no library here tells its threads")
    with threadpoolctl.threadpool_limits(SEVERAL, user_api="blas"):
        yield


@pytest.fixture
def large():
    """One step of 32 rows through 64-64."""
    network = Network(inputs=64, units=(64,), activations=("relu",))
    rng = np.random.default_rng(0)
    return Problem(
        name="large",
        x=rng.normal(size=(32, 64)),
        y=rng.normal(size=(32, 64)),
        network=network,
        loss="mean_squared_error",
        initial=starting_parameters(network, "random:0"),
        optimizer=Optimizer(learning_rate=0.01),
        epochs=1,
        batch_size=32,
    )


@pytest.fixture
def seen(monkeypatch):
    """The threads at every loss that is evaluated with its bound."""
    import comparisons.reference

    found = []
    right = comparisons.reference.last_layer

    def looked_at(*arguments):
        found.append(threads())
        return right(*arguments)

    monkeypatch.setattr(comparisons.reference, "last_layer", looked_at)
    return found


def test_one_thread_and_afterwards_as_before(large):
    with one_thread([named_problem("regression"), large]):
        assert threads() == {1}
        with one_thread([large]):
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {SEVERAL}


def test_afterwards_as_before_also_where_something_is_raised(large):
    with pytest.raises(ZeroDivisionError), one_thread([large]):
        raise ZeroDivisionError
    assert threads() == {SEVERAL}


def test_small_problems_are_left_alone():
    with one_thread([named_problem("regression")]):
        assert threads() == {SEVERAL}


def test_an_audit_takes_one_thread(large, seen):
    audit(Trace.record(large, train(large), implementation="manual-matrix"))
    assert seen == [{1}]


def test_a_training_audited_as_it_comes_takes_one_thread(large, seen):
    judged_blocks(large, stacked(train(large), 1), implementation="manual-matrix")
    assert seen == [{1}]


def test_a_comparison_trains_by_hand_in_one_thread(large, monkeypatch):
    found = []

    def trained(problem):
        found.append(threads())
        return train(problem)

    monkeypatch.setattr(sys.modules["manual.train"], "train", trained)
    compare([large], ["manual-matrix"], timeout=60.0)
    assert found == [{1}]
    assert threads() == {SEVERAL}
