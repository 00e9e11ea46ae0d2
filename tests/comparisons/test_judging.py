"""A training that is audited as its blocks arrive has the record of one that is audited whole, right or wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import comparisons.audit
import manual.train
from comparisons import own_states, running_evidence
from comparisons.audit import RunningAudit, audit
from comparisons.compare import judged_trace
from comparisons.judging import judged_blocks
from comparisons.running_evidence import RunningEvidence, Sample
from comparisons.verdict import Audit, Result, Verdict
from problems.block import Block
from problems.catalogue import named_problem
from problems.problem import Network, Optimizer, Problem
from problems.trace import Trace

EVERY = {
    "sgd": Optimizer(learning_rate=0.01),
    "momentum": Optimizer(name="momentum", learning_rate=0.01),
    "nesterov": Optimizer(name="nesterov", learning_rate=0.01),
    "adagrad": Optimizer(name="adagrad", learning_rate=0.01),
    "rmsprop": Optimizer(name="rmsprop", learning_rate=0.01),
    "adam": Optimizer(name="adam", learning_rate=0.01),
    "adamw": Optimizer(name="adamw", learning_rate=0.01),
    "adamax": Optimizer(name="adamax", learning_rate=0.01),
    "nadam": Optimizer(name="nadam", learning_rate=0.01),
}
LENGTHS = (1, 2, 7, 10_000)


def problem(**changes: Any) -> Problem:
    """Five rows in batches of 2, 2 and 1; tanh, so that nothing is linear."""
    rng = np.random.default_rng(4)
    network = Network(inputs=3, units=(3, 2), activations=("tanh", "linear"))
    initial = {name: rng.uniform(-1, 1, shape) for name, shape in network.parameter_shapes.items()}
    fields = {
        "name": "five",
        "x": rng.uniform(-2, 2, (5, 3)),
        "y": rng.uniform(-2, 2, (5, 2)),
        "network": network,
        "loss": "mean_squared_error",
        "initial": initial,
        "optimizer": EVERY["sgd"],
        "epochs": 8,
        "batch_size": 2,
        "order": "shuffled",
    }
    return Problem(**(fields | changes))


def recorded(chosen: Problem) -> Trace:
    with np.errstate(all="ignore"):
        return Trace.record(chosen, manual.train.train(chosen), implementation="manual-matrix")


def blocks(trace: Trace, length: int) -> Iterator[Block]:
    whole = Block(rows=trace.rows, loss=trace.loss, gradients=trace.gradients, parameters=trace.parameters)
    for begin in range(0, trace.steps, length):
        part = whole.part(begin, begin + length)
        used = int((part.rows >= 0).sum(axis=1).max())
        yield replace(part, rows=part.rows[:, :used]) if part.rows.shape[1] == 2 else part  # as `stacked` has them


def streamed(trace: Trace, length: int) -> Result:
    return judged_blocks(
        trace.problem, blocks(trace, length), implementation=trace.implementation, initial=trace.initial
    )


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of five steps of `problem()`, so that there are several."""
    monkeypatch.setattr(comparisons.audit, "CHUNK_ELEMENTS", 5 * (2 * 3 + 20))
    monkeypatch.setattr(own_states, "BLOCK_ELEMENTS", 5 * (2 * 3 + 20))


def audited(trace: Trace, length: int) -> str:
    """What the audit of the blocks finds; its text, since NaN is not equal to itself."""
    running = RunningAudit(trace.problem, trace.initial)
    for block in blocks(trace, length):
        list(running.add(block))
    list(running.rest())
    return text_of(running.concluded())


def text_of(found: Audit) -> str:
    """In full, but for the exact value of an update that depends on steps which have passed."""
    untold = found.untold
    if untold and untold.quantity.startswith("parameter.") and not np.isfinite(untold.actual):
        found = replace(found, untold=None)
    return repr(found)


def changed(trace: Trace, group: str, name: str, step: int, value: Callable[[Any], Any]) -> Trace:
    tensors = getattr(trace, group)
    values = tensors[name].copy()
    values[step - 1] = value(values[step - 1])
    return replace(trace, **{group: {**tensors, name: values}})


def same(one: Result, other: Result) -> None:
    """The same in every field but the trace and how long it took."""
    assert text_of(one.audit) == text_of(other.audit)
    assert (one.verdict, one.reason, one.known_deviation) == (other.verdict, other.reason, other.known_deviation)
    np.testing.assert_array_equal(one.epochs, other.epochs)
    assert one.final.keys() == other.final.keys()
    assert all(np.array_equal(one.final[name], other.final[name], equal_nan=True) for name in one.final)
    assert one.diagnoses == other.diagnoses


PLANTED: dict[str, Callable[[Trace], Trace]] = {
    "right": lambda trace: trace,
    "loss": lambda trace: replace(trace, loss=np.where(np.arange(trace.steps) == 12, 1.01 * trace.loss, trace.loss)),
    "gradient": lambda trace: changed(trace, "gradients", "W1", 8, lambda values: 1.001 * values),
    "update": lambda trace: changed(trace, "parameters", "b2", 17, lambda values: values + 1e-3),
    "every-gradient": lambda trace: replace(trace, gradients={n: -v for n, v in trace.gradients.items()}),
    "nan": lambda trace: changed(trace, "gradients", "W2", 9, lambda values: np.nan * values),
    "float32": lambda trace: replace(trace, loss=trace.loss.astype(np.float32).astype(np.float64)),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("optimizer", EVERY.values(), ids=EVERY)
def test_blocks_of_any_length_give_the_record_of_the_whole(optimizer, planted, small_parts):
    trace = planted(recorded(problem(optimizer=optimizer)))
    whole = audit(trace)
    assert whole.verdict is (Verdict.AGREES if planted is PLANTED["right"] else Verdict.DISAGREES)
    assert [audited(trace, length) for length in LENGTHS] == [text_of(whole)] * len(LENGTHS)


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_result_has_the_same_epochs_final_parameters_and_diagnoses(name, planted, small_parts):
    trace = planted(recorded(problem(optimizer=EVERY[name])))
    same(streamed(trace, 7), judged_trace(trace, version=None))


WRONG_AT_LARGE: dict[str, Callable[[Trace], Trace]] = {
    "no-step": lambda trace: trace.part(0, 0),
    "too-few-steps": lambda trace: trace.part(0, 11),
    "another-start": lambda trace: replace(trace, initial={**trace.initial, "b1": trace.initial["b1"] + 1}),
    "other-rows": lambda trace: replace(trace, rows=trace.rows[::-1]),
    "no-such-row": lambda trace: replace(trace, rows=np.where(trace.rows == 3, 7, trace.rows)),
    "wide-rows": lambda trace: replace(trace, rows=np.pad(trace.rows, ((0, 0), (0, 1)), constant_values=-1)),
    "one-row-each": lambda trace: replace(trace, rows=trace.rows[:, :1]),
    "another-dtype": lambda trace: replace(trace, loss=trace.loss.astype(np.float32)),
    "not-numbers": lambda trace: replace(trace, loss=trace.loss.astype(complex)),
    "no-gradient": lambda trace: replace(trace, gradients={n: v for n, v in trace.gradients.items() if n != "W1"}),
}


@pytest.mark.parametrize("wrong", WRONG_AT_LARGE.values(), ids=WRONG_AT_LARGE)
def test_what_is_wrong_beside_the_values_is_told_alike(wrong, small_parts):
    trace = wrong(recorded(problem()))
    whole = audit(trace)
    assert whole.verdict is Verdict.DISAGREES
    assert whole.faults
    assert [audited(trace, length) for length in LENGTHS] == [text_of(whole)] * len(LENGTHS)


@pytest.mark.parametrize("rate", [50.0, 1e150], ids=["later", "at-once"])
@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_a_training_that_diverges_is_compared_as_far(rate, name, small_parts):
    trace = recorded(
        problem(
            optimizer=Optimizer(name=name, learning_rate=rate),
            network=Network(inputs=3, units=(3, 2), activations=("linear", "linear")),
        )
    )
    whole = audit(trace)
    assert whole.divergence is not None
    assert [audited(trace, length) for length in LENGTHS] == [text_of(whole)] * len(LENGTHS)


def test_products_in_a_shorter_format_are_named_over_all_blocks(small_parts):
    chosen = problem(dtype="float32")
    trace = recorded(chosen)
    rounded = {name: (values.view(np.uint32) & 0xFFFF0000).view(np.float32) for name, values in trace.gradients.items()}
    wrong = replace(trace, gradients=rounded)
    assert [audited(wrong, length) for length in LENGTHS] == [text_of(audit(wrong))] * len(LENGTHS)


def saturated(**changes: Any) -> Problem:
    """An output so sure of itself that no bound says anything of it."""
    lesson = named_problem("classification")
    initial = {**lesson.initial, "W2": np.zeros((2, 1)), "b2": np.full((1, 1), -700.0)}
    return lesson.changed(**({"x": lesson.x[:2], "y": lesson.y[:2], "initial": initial, "epochs": 4} | changes))


def test_the_farthest_untold_element_is_held_against_its_exact_value_though_its_step_has_passed(small_parts):
    trace = changed(recorded(saturated()), "gradients", "b2", 3, lambda values: 0 * values - 1.5e-7)
    whole = audit(trace)
    assert whole.untold is not None
    assert [audited(trace, length) for length in LENGTHS] == [text_of(whole)] * len(LENGTHS)


def test_the_exact_value_of_an_update_of_a_passed_step_is_not_known_where_the_optimizer_remembers():
    trace = recorded(problem(optimizer=EVERY["momentum"]))
    huge = changed(trace, "gradients", "b2", 3, lambda values: np.inf + values)
    found = streamed(huge, 4).audit
    assert found.untold.quantity.startswith("parameter.")
    assert not found.untold.enclosed


def test_parts_of_one_row_count_do_not_change_what_is_found(small_parts):
    trace = PLANTED["gradient"](recorded(problem()))
    found = audit(trace)
    assert (found.deviations[0].step, found.wrong_steps) == (8, 1)


def test_what_is_held_does_not_grow_with_the_steps(small_parts):
    def held(epochs: int) -> list[int]:
        trace = recorded(problem(epochs=epochs))
        running, evidence = RunningAudit(trace.problem), RunningEvidence(trace.problem)
        most = 0
        for block in blocks(trace, 2):
            for seen in running.add(block):
                evidence.add(seen)
            most = max(most, sum(one.steps for one in running.parts.held))
        return [most, max(len(one.steps) for one in evidence.samples.values())]

    assert held(400) == held(100)


def test_a_sample_is_spread_over_all_steps_and_never_larger(small_parts):
    trace = recorded(problem(epochs=100, batch_size=5))
    sample, running = Sample(8), RunningAudit(trace.problem)
    for block in blocks(trace, 3):
        for seen in running.add(block):
            sample.add(seen.observed)
            assert len(sample.steps) <= 8
    numbers = [number for number, _, _ in sample.steps]
    assert numbers == list(range(1, 101, sample.stride))
    assert len(numbers) > 4


def test_a_wrong_step_long_after_the_first_is_diagnosed(small_parts):
    trace = recorded(problem(epochs=200))
    flipped = {n: np.where(np.arange(600)[:, None, None] >= 500, -v, v) for n, v in trace.gradients.items()}
    found = streamed(replace(trace, gradients=flipped), 7)
    assert found.audit.deviations[0].step == 501
    assert {one.of for one in found.diagnoses} >= {"gradient"}


def test_a_network_too_large_to_be_searched_keeps_no_step(monkeypatch):
    monkeypatch.setattr(running_evidence, "searched", lambda network: False)
    trace = PLANTED["gradient"](recorded(problem()))
    found = streamed(trace, 7)
    assert (found.verdict, found.diagnoses) == (Verdict.DISAGREES, ())
