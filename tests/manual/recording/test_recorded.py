"""Every formula by hand, run on recorded numbers, gives code that gives what the formula gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from manual.activations import ACTIVATIONS
from manual.losses import LOSSES
from manual.recording.recorded import Recorded, as_lists, from_lists, inputs, places
from manual.recording.tape import INPUT, NUMBER, Tape


def evaluated(tape: Tape, values: dict[str, Any], result: Recorded) -> Any:
    """What the lines of the tape give where its inputs are `values`, line by line."""
    from scipy.special import erfc

    found: list[Any] = []
    for line in tape.lines:
        if line.operation == INPUT:
            found.append(values[line.text])
        elif line.operation == NUMBER:
            found.append(float(line.text))
        else:
            function = erfc if line.operation == "erfc" else getattr(np, line.operation)
            found.append(function(*(found[operand] for operand in line.operands)))
    return np.array([found[place] for place in places(result)]).reshape(result.shape)


def named(name: str, table: Any) -> dict[str, Any]:
    return {f"{name}_{i + 1}_{j + 1}": value for (i, j), value in np.ndenumerate(table)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_and_slope_is_recorded(name, rng):
    tape, z = Tape(), rng.normal(size=(3, 4)) * 4
    z[0, :2] = 0, -0.0
    symbols, activation = inputs(tape, "z", z.shape), ACTIVATIONS[name]
    a = activation.value(symbols)
    assert evaluated(tape, named("z", z), a) == pytest.approx(activation.value(z), rel=1e-14, abs=1e-300)
    if name not in ("softmax", "linear"):
        slope = activation.slope(z, activation.value(z))
        assert evaluated(tape, named("z", z), activation.slope(symbols, a)) == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_and_derivative_is_recorded(name, rng):
    y_hat = rng.uniform(0.1, 0.9, size=(5, 3))
    y = rng.integers(0, 3, size=(5, 1)) if name.startswith("sparse") else np.eye(3)[rng.integers(0, 3, 5)]
    tape = Tape()
    given = inputs(tape, "y", y.shape), inputs(tape, "p", y_hat.shape)
    values = named("y", y) | named("p", y_hat)
    for formula in LOSSES[name]:
        assert evaluated(tape, values, formula(*given)) == pytest.approx(formula(y, y_hat), rel=1e-13)


def test_a_product_of_matrices_is_written_as_products_and_sums():
    tape = Tape()
    product = inputs(tape, "a", (1, 2)) @ inputs(tape, "b", (2, 1))
    assert [line.operation for line in tape.lines[4:]] == ["multiply", "multiply", "add"]
    assert places(product) == [6]


def test_a_single_number_stays_recorded():
    tape = Tape()
    ((a, b),) = as_lists(inputs(tape, "a", (1, 2)))
    for result in (a + b, 1 / a, np.exp(-a), np.where(a > 0, 1, 0 * b), np.maximum(a, 0.5) ** 2):
        assert isinstance(result, Recorded)
        assert result.shape == ()


def test_lists_and_arrays_hold_the_same_places():
    table = inputs(Tape(), "a", (3, 2))
    assert places(from_lists(as_lists(table))) == places(table) == list(range(6))
