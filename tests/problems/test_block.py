"""Steps go into blocks of a given length, and blocks into one."""

from __future__ import annotations

import numpy as np
import pytest

from problems import Step, Trace, TraceError
from problems.block import Block, joined, stacked


def step(number, **changes):
    fields = {"rows": [0], "loss": float(number), "gradients": {"W1": np.full((2, 2), number)}, "parameters": {}}
    return Step(**(fields | changes))


def steps(count, begin=0):
    return [step(number) for number in range(begin, begin + count)]


def block(count, begin=0):
    (one,) = stacked(steps(count, begin), count)
    return one


@pytest.mark.parametrize(
    ("reported", "lengths"),
    [
        ([], []),
        (steps(6), [3, 3]),
        (steps(7), [3, 3, 1]),
        ([*steps(2), block(5, 2), *steps(1, 7)], [2, 5, 1]),
        ([block(2), block(4, 2)], [2, 4]),
    ],
    ids=["none", "whole", "rest", "mixed", "blocks"],
)
@pytest.mark.parametrize("together", [1, 2, 3, 256])
def test_lengths_of_blocks_and_order_of_steps(reported, lengths, together, monkeypatch):
    monkeypatch.setattr("problems.block.TOGETHER", together)
    blocks = list(stacked(reported, 3))
    assert [one.steps for one in blocks] == lengths
    assert [loss for one in blocks for loss in one.loss] == list(range(sum(lengths)))


def test_every_step_is_told_as_it_arrives():
    arrived = []

    def training():
        for one in steps(4):
            arrived.append(one)
            yield one

    next(stacked(training(), 2))
    assert len(arrived) == 2


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"gradients": {"W1": np.ones((2, 1))}}, "gradient.W1: shape (2, 1) at step 4, (2, 2) at step 1"),
        ({"gradients": {"b1": np.ones((2, 2))}}, "gradient: step 4 reports ['b1'], step 1 reports ['W1']"),
        ({"loss": [1.0]}, "loss: shape (1,) at step 4, () at step 1"),
        ({"rows": [0.5]}, "rows: step 4 reports float64"),
    ],
    ids=["shape", "name", "loss", "rows"],
)
@pytest.mark.parametrize("together", [1, 256])
def test_a_later_block_has_to_be_like_step_1(refused, changes, begins, together, monkeypatch):
    monkeypatch.setattr("problems.block.TOGETHER", together)
    refused(TraceError, begins, lambda: list(stacked([*steps(3), step(3, **changes)], 2)))


def test_blocks_that_do_not_join(refused):
    other = Block(rows=np.zeros((1, 1), int), loss=np.zeros(1), gradients={"W1": np.zeros((1, 3))}, parameters={})
    refused(TraceError, "gradient.W1: shape (3,) at step 3, (2, 2) at step 1", joined, [block(2), other])


def test_joined_rows_are_as_wide_as_the_widest():
    narrow, wide = ([step(0, rows=rows)] for rows in ([1], [2, 3]))
    assert joined([*stacked(narrow, 1), *stacked(wide, 1)]).rows.tolist() == [[1, -1], [2, 3]]


def test_a_step_of_another_dtype_is_not_rounded_to_the_first():
    single, double = (step(0, loss=np.asarray(0.1, dtype)) for dtype in ("float32", "float64"))
    assert joined(list(stacked([single, double], 2))).loss.dtype == np.float64


def test_a_trace_of_blocks_is_the_trace_of_their_steps(problem):
    of_steps, of_blocks = (
        Trace.record(problem(), reported, implementation="nobody") for reported in (steps(4), [block(3), block(1, 3)])
    )
    assert np.array_equal(of_steps.gradients["W1"], of_blocks.gradients["W1"])
    assert np.array_equal(of_steps.rows, of_blocks.rows)


def test_a_part_of_a_block():
    part = block(5).part(1, 4)
    assert (part.steps, part.loss.tolist(), part.rows.shape) == (3, [1, 2, 3], (3, 1))
    assert part.gradients["W1"].shape == (3, 2, 2)
