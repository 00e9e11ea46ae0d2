"""What is handed over of a training as it runs: blocks, or the steps that are looked at and no other."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import manual.train
from comparisons.block_file import load_block, save_block
from comparisons.compare import compare
from comparisons.excerpts import Excerpt
from comparisons.json_report import as_json
from comparisons.judging import Judging
from comparisons.report.markdown import as_markdown
from comparisons.report.page import as_page
from comparisons.streaming import BLOCK_BYTES, MOST_KEPT, Plan, Recording, plan_of, step_bytes
from comparisons.streaming_text import streamed_line
from comparisons.verdict import Verdict
from problems import Step, Trace, TraceError
from problems.block import Block
from problems.catalogue import named_problem
from problems.problem import Optimizer, Problem
from problems.step import Looks, looking

LESSON = named_problem("regression")


def recorded(problem: Problem) -> Trace:
    return Trace.record(problem, manual.train.train(problem), implementation="manual-matrix")


def excerpts(problem: Problem, every: int, train: Any = manual.train.train, length: int = 3) -> list[Any]:
    return list(Recording(problem, Plan(length=length, every=every), train))


def in_blocks(length: int) -> Any:
    """The training of an implementation that reports blocks."""
    return lambda problem: Recording(problem, Plan(length=length), manual.train.train)


def test_a_trace_that_is_small_is_kept_and_a_large_one_handed_over_in_blocks_of_bounded_size():
    assert plan_of(LESSON) is None
    most = MOST_KEPT // step_bytes(LESSON) // LESSON.steps_per_epoch
    assert plan_of(LESSON.changed(epochs=most)) is None
    plan = plan_of(LESSON.changed(epochs=most + 1))
    assert plan.length * step_bytes(LESSON) <= BLOCK_BYTES < (plan.length + 1) * step_bytes(LESSON)


def test_the_bytes_of_a_step_are_those_of_its_trace():
    trace = recorded(LESSON)
    arrays = [trace.rows, trace.loss, *trace.gradients.values(), *trace.parameters.values()]
    assert step_bytes(LESSON) * trace.steps == sum(values.nbytes for values in arrays)


@pytest.mark.parametrize(("every", "looked_at"), [(1, [1, 2, 3, 4, 5]), (2, [1, 3, 5]), (3, [1, 4, 5]), (9, [1, 5])])
def test_the_first_of_every_so_many_steps_and_the_last_are_looked_at(every, looked_at):
    looks = Looks(every, 5)
    assert [step for step in range(1, 6) if looks.at(step)] == looked_at


def test_a_step_that_nobody_looks_at_is_not_copied():
    tensors = {"W1": np.ones((2, 2))}
    with looking(Looks(4, 9)):
        steps = [Step(rows=[0], loss=0.5, gradients=tensors, parameters=tensors) for _ in range(9)]
    assert [number for number, step in enumerate(steps, 1) if step.gradients] == [1, 5, 9]
    assert [number for number, step in enumerate(steps, 1) if step.parameters] == [1, 4, 5, 8, 9]
    assert Step(rows=[0], loss=0.5, gradients=tensors, parameters=tensors).gradients


@pytest.mark.parametrize("train", [manual.train.train, in_blocks(4), in_blocks(7)], ids=["steps", "4", "7"])
@pytest.mark.parametrize("every", [2, 3, 7, 19, 100])
def test_an_excerpt_has_each_step_with_the_state_before_it_and_every_loss(every, train):
    trace, looks = recorded(LESSON), Looks(every, LESSON.steps)
    found = excerpts(LESSON, every, train)
    numbers = np.concatenate([one.numbers for one in found])
    assert numbers.tolist() == [k for k in range(LESSON.steps) if looks.at(k + 1)]
    assert (np.concatenate([one.losses for one in found]) == trace.loss).all()
    for one in found:
        for name in one.before:
            assert (one.before[name] == trace.before(name, one.numbers)).all()
            assert (one.block.parameters[name] == trace.parameters[name][one.numbers]).all()
            assert (one.block.gradients[name] == trace.gradients[name][one.numbers]).all()


def judged(problem: Problem, every: int, change: Any = lambda step, number: step) -> Any:
    def train(problem: Problem) -> Any:
        return (change(step, number) for number, step in enumerate(manual.train.train(problem), 1))

    judging = Judging(problem, "manual-matrix", every=every)
    for one in excerpts(problem, every, train):
        judging.add(one)
    return judging.result()


def changed(step: Step, **fields: Any) -> Step:
    """The same step: another one would be taken for the next."""
    for name, value in fields.items():
        object.__setattr__(step, name, value)
    return step


def doubled_at(wrong: int) -> Any:
    def change(step: Step, number: int) -> Step:
        return changed(step, loss=2 * step.loss) if number == wrong else step

    return change


def test_only_steps_that_are_looked_at_are_judged():
    right = judged(LESSON, 4)
    assert (right.verdict, right.audit.steps, right.audit.audited) == (Verdict.AGREES, 20, 6)
    assert judged(LESSON, 4, doubled_at(8)).verdict is Verdict.AGREES
    wrong = judged(LESSON, 4, doubled_at(9))
    assert (wrong.verdict, wrong.audit.deviations[0].step) == (Verdict.DISAGREES, 9)


def test_rows_of_a_step_looked_at_are_held_against_the_order():
    def other_row(step: Step, number: int) -> Step:
        return changed(step, rows=np.array([0])) if number == 15 else step

    assert judged(LESSON, 7, other_row).audit.faults == ("step 15 used row [1] where the order 'sequential' has [3]",)
    assert judged(LESSON, 4, other_row).audit.faults == ()


def test_epochs_are_averages_over_all_steps():
    assert judged(LESSON, 7).epochs == judged(LESSON, 1).epochs


def test_updates_of_an_optimizer_that_remembers_are_judged_only_where_every_step_is_looked_at():
    problem = LESSON.changed(optimizer=Optimizer(name="adam", learning_rate=0.01))
    names = {one.name for one in judged(problem, 3).audit.quantities}
    assert "gradient.W1" in names
    assert not any(name.startswith("parameter.") for name in names)
    assert "parameter.W1" in {one.name for one in judged(problem, 1).audit.quantities}


def test_a_training_that_diverges_is_compared_as_far_as_it_is_looked_at():
    problem = LESSON.changed(optimizer=Optimizer(learning_rate=1e100))
    with np.errstate(all="ignore"):
        whole, *some = (judged(problem, every) for every in (1, 2, 3, 7))
    assert (whole.verdict, whole.audit.divergence is None) == (Verdict.AGREES, False)
    for one in some:
        assert one.verdict is Verdict.AGREES
        assert one.audit.divergence.step >= whole.audit.divergence.step
        assert one.audit.compared + one.audit.not_compared == 19 * one.audit.audited


@pytest.mark.parametrize("length", [1, 3])
def test_blocks_and_excerpts_come_back_bit_for_bit_from_their_file(length, tmp_path):
    for every in (1, 2):
        for one in excerpts(LESSON, every, length=length):
            save_block(one, tmp_path / "block")
            same(load_block(tmp_path / "block"), one)


def same(one: Block | Excerpt, other: Block | Excerpt) -> None:
    assert type(one) is type(other)
    if isinstance(one, Excerpt):
        assert all((getattr(one, name) == getattr(other, name)).all() for name in ("numbers", "losses"))
        assert all((one.before[name] == other.before[name]).all() for name in other.before)
        one, other = one.block, other.block
    for found, due in zip((one.gradients, one.parameters), (other.gradients, other.parameters), strict=True):
        assert found.keys() == due.keys()
        assert all((found[name] == due[name]).all() and found[name].dtype == due[name].dtype for name in due)
    assert (one.rows == other.rows).all()
    assert (one.loss == other.loss).all()


@pytest.mark.parametrize("data", [b"", b"rubbish", b'["rows"]\n', b"[]\n", b'{"rows": 1}\n'])
def test_a_file_that_is_no_block_is_told_in_one_line(data, tmp_path):
    (tmp_path / "block").write_bytes(data)
    with pytest.raises(TraceError, match="a block of its steps cannot be read") as refused:
        load_block(tmp_path / "block")
    assert "\n" not in str(refused.value)


def test_what_a_comparison_without_traces_does_not_show_is_said_everywhere():
    (found,) = compare([LESSON], ["manual-matrix", "manual-scalar"], audit_every=4)
    line = streamed_line(found)
    assert "6 of 20 steps were audited" in line
    rerun = [{result.name: "again" for result in found.results}]
    assert line in re.sub("</?span.*?>", "", as_page([found], rerun, "again"))
    assert "6 of 20 steps were audited" in as_markdown([found], rerun)
    records = json.loads(as_json([found]))["comparisons"][0]["implementations"]
    assert [(one["verdict"], one["audited"]) for one in records] == [("agrees", 6)] * 2


def test_nothing_is_said_where_every_trace_is_kept():
    (found,) = compare([LESSON], ["manual-matrix"])
    assert streamed_line(found) is None
    assert found.results[0].trace is not None
