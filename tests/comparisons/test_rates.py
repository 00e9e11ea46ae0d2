"""The bound of a learning rate covers its schedule as a power, as a chain of products and in a lower format."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.precision import FLOAT32, FLOAT64
from comparisons.rates import rates
from problems.problem import Optimizer
from problems.schedule import Schedule

STEPS = np.arange(1, 400)
SCHEDULES = {
    "constant": Schedule(),
    "step": Schedule(name="step", every=7, decay=0.3),
    "exponential": Schedule(name="exponential", every=1, decay=0.97),
    "slow": Schedule(name="exponential", every=13, decay=0.9),
    "growing": Schedule(name="exponential", every=5, decay=1.01),
    "cosine": Schedule(name="cosine", every=300, floor=0.1),
}
each_precision = pytest.mark.parametrize("precision", [FLOAT64, FLOAT32], ids=lambda one: one.name)
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


def evaluated(schedule, kind):
    """The rates of STEPS, every operation in `kind`."""
    k, eta = (STEPS - 1).astype(kind), kind(0.1)
    one, decay, every, floor = kind(1), kind(schedule.decay), kind(schedule.every), kind(schedule.floor)
    if schedule.name == "step":
        return [eta * decay ** np.floor(k / every)]
    if schedule.name == "exponential":
        chain = eta * np.cumprod(np.concatenate([[one], np.full(len(k) - 1, decay)]), dtype=kind)
        return [eta * decay ** (k / every), *([chain] if schedule.every == 1 else [])]
    if schedule.name == "cosine":
        cosine = np.cos(kind(np.pi) * np.minimum(k, every) / every)
        return [eta * (floor + kind(0.5) * (one - floor) * (one + cosine))]
    return [np.full(len(k), eta)]


@each_precision
@each_schedule
def test_every_way_to_evaluate_the_schedule_is_enclosed(schedule, precision):
    bound = rates(Optimizer(learning_rate=0.1, schedule=schedule), STEPS, precision)
    for way in evaluated(schedule, np.dtype(precision.name).type):
        assert (np.abs(way[:, None].astype(float) - bound.value) <= bound.error).all()


@each_precision
@each_schedule
def test_a_rate_of_the_next_step_or_a_thousandth_off_is_not(schedule, precision):
    bound = rates(Optimizer(learning_rate=0.1, schedule=schedule), STEPS, precision)
    assert (0.001 * bound.value > bound.error).all()
    if schedule.name != "constant":
        assert (np.abs(np.roll(bound.value, -1, 0) - bound.value) > bound.error)[:-1].any()
