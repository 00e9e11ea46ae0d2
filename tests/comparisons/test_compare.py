"""Training and auditing side by side: rows in order, failures kept apart, averages of losses before their update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons import compare as module
from comparisons.compare import compare, judged_trace, train_here, trained
from comparisons.epochs import epoch_losses
from comparisons.implementations import load
from comparisons.verdict import Verdict
from manual import train as by_hand
from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Problem
from problems.step import Step
from problems.trace import Trace

BY_HAND = ("manual-scalar", "manual-matrix")


class Fake:
    """An implementation that yields what `steps` makes of the problem."""

    def __init__(self, steps: object) -> None:
        self.steps = steps

    def versions(self, problem: Problem) -> dict[str, str]:
        return {"fake": "1"}

    def train(self, problem: Problem) -> Iterator[Step]:
        if isinstance(self.steps, BaseException):
            raise self.steps
        yield from self.steps(problem)  # type: ignore[operator]


def judge_fake(steps: object, monkeypatch: pytest.MonkeyPatch, problem: str = "regression") -> tuple[Verdict, str]:
    """The verdict on an implementation that does `steps`, and its reason; the one beside it must still agree."""
    monkeypatch.setattr(module, "load", lambda name: Fake(steps) if name == "manual-scalar" else load(name))
    # has tests of its own, and takes its time
    monkeypatch.setattr("comparisons.trace_evidence.diagnosed", lambda trace, found: ())
    (comparison,) = compare([named_problem(problem)], BY_HAND)
    bad, good = comparison.results
    assert good.verdict is Verdict.AGREES
    return bad.verdict, bad.reason or ""


def test_one_comparison_a_problem_and_one_result_a_name_in_order() -> None:
    problems = [named_problem("classification"), named_problem("regression")]
    comparisons = compare(problems, BY_HAND)
    assert [comparison.problem for comparison in comparisons] == problems
    assert [[result.name for result in comparison.results] for comparison in comparisons] == [list(BY_HAND)] * 2


def test_both_by_hand_agree_on_the_lesson() -> None:
    for comparison in compare([named_problem("classification"), named_problem("regression")], BY_HAND):
        assert {result.verdict for result in comparison.results} == {Verdict.AGREES}


FAILURES = {
    "raises": (RuntimeError("one\ntwo"), Verdict.CRASHED, "RuntimeError: one two"),
    "cannot": (NotImplementedError("not written"), Verdict.SKIPPED, "not written"),
    "nothing": (lambda problem: iter(()), Verdict.DISAGREES, ""),
}


@pytest.mark.parametrize(("steps", "verdict", "reason"), FAILURES.values(), ids=FAILURES)
def test_failure_costs_its_own_row(
    steps: object, verdict: Verdict, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = judge_fake(steps, monkeypatch)
    assert found[0] is verdict
    assert reason in found[1]


def with_rate(factor: float) -> object:
    """Training by hand at another learning rate than the problem's."""

    def steps(problem: Problem) -> Iterator[Step]:
        rate = problem.optimizer.learning_rate * factor
        yield from by_hand.train(problem.changed(optimizer=replace(problem.optimizer, learning_rate=rate)))

    return steps


def reordered(problem: Problem) -> Iterator[Step]:
    """Shuffled rows where the problem has them in order; the steps tell which."""
    yield from by_hand.train(problem.changed(order="shuffled", seed=1))


def reordered_in_secret(problem: Problem) -> Iterator[Step]:
    """Shuffled rows, said to be in order."""
    for step, told in zip(reordered(problem), by_hand.train(problem), strict=True):
        yield Step(rows=told.rows, loss=step.loss, gradients=step.gradients, parameters=step.parameters)


def loss_after_update(problem: Problem) -> Iterator[Step]:
    """Every loss taken on the same row after its update."""
    for step in by_hand.train(problem):
        single = problem.changed(initial=step.parameters, x=problem.x[step.rows], y=problem.y[step.rows], epochs=1)
        after = next(iter(by_hand.train(single))).loss
        yield Step(rows=step.rows, loss=after, gradients=step.gradients, parameters=step.parameters)


def one_short(problem: Problem) -> Iterator[Step]:
    """All steps but the last."""
    yield from list(by_hand.train(problem))[:-1]


def from_elsewhere(problem: Problem) -> Iterator[Step]:
    """Right steps from another starting point."""
    yield from by_hand.train(problem.changed(initial=starting_parameters(problem.network, "random:1")))


def rounded_start(problem: Problem) -> Iterator[Step]:
    """Right steps from starting numbers that went through float32."""
    initial = {name: values.astype(np.float32) for name, values in problem.initial.items()}
    yield from by_hand.train(problem.changed(initial=initial))


def parameters_in_float32(problem: Problem) -> Iterator[Step]:
    """Right steps, reported in float32."""
    for step in by_hand.train(problem):
        single = {name: values.astype(np.float32) for name, values in step.parameters.items()}
        yield Step(rows=step.rows, loss=step.loss, gradients=step.gradients, parameters=single)


MISTAKES = {
    "rate-0.1-%-off": with_rate(1.001),
    "rate-0": with_rate(1e-30),
    "rows-shuffled": reordered,
    "rows-shuffled-in-secret": reordered_in_secret,
    "loss-after-update": loss_after_update,
    "one-step-short": one_short,
    "another-start": from_elsewhere,
    "start-rounded-to-float32": rounded_start,
    "parameters-in-float32": parameters_in_float32,
}


@pytest.mark.parametrize("problem", ["regression", "classification"])
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_planted_mistake_of_an_implementation_is_found(
    mistake: object, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judge_fake(mistake, monkeypatch, problem)[0] is Verdict.DISAGREES


@pytest.mark.parametrize("loss", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_judged_without_a_warning(loss: float) -> None:
    problem = named_problem("regression")
    trace = Trace.record(problem, by_hand.train(problem), implementation="manual-matrix")
    losses = trace.loss.copy()
    losses[2] = loss
    assert judged_trace(replace(trace, loss=losses), version=None).verdict is Verdict.DISAGREES


def test_epoch_losses_average_each_loss_before_its_own_update() -> None:
    problem = named_problem("regression")
    trace = Trace.record(problem, by_hand.train(problem), implementation="manual-matrix")
    assert epoch_losses(trace.loss, trace.problem.steps_per_epoch) == tuple(
        np.mean(trace.loss[k : k + 4]) for k in range(0, 20, 4)
    )


def test_epoch_losses_leave_out_an_unfinished_epoch() -> None:
    problem = named_problem("regression")
    trace = Trace.record(problem, list(by_hand.train(problem))[:7], implementation="manual-matrix")
    assert len(epoch_losses(trace.loss, trace.problem.steps_per_epoch)) == 1


def test_final_parameters_are_the_last_steps() -> None:
    problem = named_problem("regression")
    trace = Trace.record(problem, by_hand.train(problem), implementation="manual-matrix")
    result = judged_trace(trace, version=None)
    assert all(np.array_equal(result.final[name], trace.parameters[name][-1]) for name in problem.initial)


def test_seconds_tell_import_training_and_audit() -> None:
    (comparison,) = compare([named_problem("regression")], BY_HAND)
    for result in comparison.results:
        assert result.seconds.keys() == {"import", "train", "audit"}
        assert all(seconds >= 0 for seconds in result.seconds.values())


def test_not_installed_is_skipped_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "installed", lambda name: name != "jax")
    monkeypatch.setattr(module, "missing_packages", lambda name: ("jax",))
    (comparison,) = compare([named_problem("regression")], ["manual-matrix", "jax"])
    assert comparison.results[1].verdict is Verdict.SKIPPED
    assert "pip install 'backproof[jax]'" in (comparison.results[1].reason or "")


def test_trained_by_hand_is_the_same_in_this_process() -> None:
    problem = named_problem("classification")
    one, other = trained("manual-scalar", problem, timeout=1.0).trace, train_here("manual-scalar", problem).trace
    assert one is not None
    assert other is not None
    assert np.array_equal(one.loss, other.loss)


def test_compare_by_hand_starts_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    compare([named_problem("regression")], BY_HAND)
