"""Whether nothing compared could have failed: the same answer as from every mistake in every state, and soon."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.blind_spots import blind_spots, total_blindness
from comparisons.sampled_states import first_state, sampled_states
from comparisons.sensitivity import looked_for
from problems.catalogue import named_problem
from problems.problem import Network, Optimizer, Problem

SATURATED = Problem(  # the sigmoid of 200 is 1, to the last bit, and so is the target: every gradient is 0
    name="saturated",
    x=np.ones((2, 1)),
    y=np.ones((2, 1)),
    network=Network(inputs=1, units=(1,), activations=("sigmoid",)),
    loss="mean_squared_error",
    initial={"W1": np.full((1, 1), 100.0), "b1": np.full((1, 1), 100.0)},
    optimizer=Optimizer(learning_rate=0.001),
    epochs=2,
)


@pytest.mark.parametrize("start", [100.0, 0.1, 1.0, 1e4])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["sigmoid", "linear", "relu"])
def test_total_blindness_is_that_of_all_the_states(start, dtype, optimizer, activation):
    one = SATURATED.changed(
        network=Network(inputs=1, units=(1,), activations=(activation,)),
        initial={name: np.full((1, 1), start) for name in ("W1", "b1")},
        optimizer=Optimizer(name=optimizer, learning_rate=0.001),
        dtype=dtype,
    )
    every, found = blind_spots(one), total_blindness(one)
    assert found == (every if every.total else None)


def test_total_blindness_is_found_where_it_is():
    assert total_blindness(SATURATED).looked_at == 45
    assert total_blindness(SATURATED.changed(y=np.zeros((2, 1)))) is None


def test_a_training_that_begins_blind_is_not_wholly_so():
    seeing = SATURATED.changed(x=np.array([[1.0], [-1.005]]))
    assert not any(visible for *_, visible in looked_for(seeing, *first_state(seeing)))
    assert total_blindness(seeing) is None


def test_total_blindness_is_not_looked_for_in_a_large_network(monkeypatch):
    wide = Network(inputs=200, units=(1,), activations=("sigmoid",))
    initial = {name: np.full(shape, 100.0) for name, shape in wide.parameter_shapes.items()}
    large = SATURATED.changed(network=wide, x=np.ones((2, 200)), initial=initial)
    monkeypatch.setattr("comparisons.blind_spots.looked_for", lambda *_: pytest.fail("looked for"))
    assert total_blindness(large) is None


@pytest.mark.parametrize("name", ["regression", "classification"])
def test_first_state_is_the_first_of_those_sampled(name):
    one = named_problem(name).changed(order="shuffled", seed=3)
    (before, x, y), (every, rows, targets) = first_state(one), sampled_states(one)
    np.testing.assert_array_equal(x, rows[:1])
    np.testing.assert_array_equal(y, targets[:1])
    for parameter, values in before.items():
        np.testing.assert_array_equal(values, every[parameter][:1])


def test_there_is_no_first_state_where_it_overflows():
    over = SATURATED.changed(
        network=Network(inputs=1, units=(1,), activations=("linear",)),
        initial={name: np.full((1, 1), 1e30) for name in ("W1", "b1")},
        dtype="float32",
    )
    before, x, _ = first_state(over)
    assert len(x) == len(before["W1"]) == len(sampled_states(over)[1]) == 0
    assert total_blindness(over).total
