"""--fast: who trains many steps in one call, that it is told apart, and that nothing else changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons import cli
from comparisons.compare import compare, judged, judged_trace, train_here
from comparisons.fast import fast_variables, has_fast, told_fast
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.json_report import result_record
from comparisons.report.page import section
from comparisons.report.traces import side_by_side, versions
from comparisons.requests import rerun_command
from comparisons.verdict import Comparison, Verdict
from comparisons.workers import Outcome
from problems.catalogue import named_problem
from problems.trace import Trace
from problems.trace_file import load_trace, save_trace
from problems.training_ways import FAST, TRAINING, trained_fast

WITH = ("keras-tensorflow", "keras-jax", "jax")
REGRESSION = named_problem("regression")

Ran = tuple[int, str, str]


@pytest.fixture
def backproof(tmp_path, monkeypatch, capfd) -> Callable[..., Ran]:
    """A function that runs `backproof` in an empty folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["backproof", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, captured.out, captured.err

    return run


def trained(*, fast: bool = True, **changes) -> Trace:
    """A trace by hand, said to be of many steps in one call or not."""
    outcome = train_here("manual-matrix", REGRESSION)
    assert outcome.trace is not None
    told = {**outcome.trace.environment, **({TRAINING: FAST} if fast else {})}
    return replace(outcome.trace, implementation="jax", environment=told, **changes)


def wrong(trace: Trace) -> Trace:
    """The same with a gradient that is a thousandth off."""
    return replace(trace, gradients=trace.gradients | {"W1": trace.gradients["W1"] * 1.001})


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_those_with_a_compiled_loop_are_told_to_use_it_where_it_is_asked_for(name):
    assert has_fast(name) is (name in WITH)
    assert told_fast(fast_variables(name, True)) is (name in WITH)
    assert not told_fast(fast_variables(name, False))


def test_a_variable_of_the_users_own_does_not_switch_it_on(monkeypatch, require_or_skip):
    require_or_skip("jax")
    monkeypatch.setenv("BACKPROOF_FAST", "1")
    (comparison,) = compare([REGRESSION.changed(epochs=1)], ["jax"])
    assert not comparison.results[0].fast


def test_result_of_a_trace_says_it():
    assert [judged_trace(trained(fast=fast), version=None).label for fast in (True, False)] == ["jax (fast)", "jax"]


@pytest.mark.parametrize("outcome", [Outcome(crashed="killed"), Outcome(skipped="jax: no")])
@pytest.mark.parametrize(("name", "label"), [("jax", "jax (fast)"), ("torch", "torch")])
def test_result_without_a_trace_says_what_was_asked_for(name, label, outcome):
    assert judged(name, REGRESSION, outcome, fast=True).label == label
    assert judged(name, REGRESSION, outcome).label == name


def test_json_has_it_beside_the_name():
    records = [result_record(judged_trace(trained(fast=fast), version=None)) for fast in (True, False)]
    assert [(record["name"], record["fast"]) for record in records] == [("jax", True), ("jax", False)]


def test_page_has_it_in_every_place():
    result = judged_trace(wrong(trained()), version=None)
    shown = section(Comparison(problem=REGRESSION, results=(result,)), {"jax": "command"}, _no_drift())
    assert [row["name"] for row in shown["rows"]] == ["jax (fast)"]
    assert shown["rows"][0]["command"] == "command"
    assert shown["legend"][0]["name"] == "jax (fast)"
    assert shown["explorer"]["names"] == ["jax (fast)"]
    assert shown["agreement"][0]["groups"] == [["jax (fast)"]]


def _no_drift():
    from comparisons.report.drift import Drifts

    return Drifts(followed=0, bound=np.empty(0), exact=(), between=(), alike=())


def test_how_it_trained_is_no_package():
    assert versions(trained().environment) == f"numpy {np.__version__}"


def test_traces_of_both_kinds_stand_side_by_side():
    (comparison,), (commands,) = side_by_side([("slow.npz", trained(fast=False)), ("fast.npz", trained())])
    assert [result.label for result in comparison.results] == ["jax", "jax (fast.npz) (fast)"]
    assert list(commands.values()) == ["backproof audit slow.npz", "backproof audit fast.npz"]


@pytest.mark.parametrize(
    ("changes", "ends"),
    [({"fast": True}, " --fast"), ({"fast": False}, "--against jax"), ({"seed": 0, "fast": True}, " --seed 0 --fast")],
)
def test_command_to_see_one_alone_repeats_it(changes, ends):
    assert rerun_command("regression", changes, ["jax"]).endswith(ends)


def test_audit_of_a_file_says_it_and_finds_the_mistake(backproof, tmp_path):
    save_trace(wrong(trained()), tmp_path / "wrong.npz")
    code, output, _ = backproof("audit", "wrong.npz")
    assert code == 1
    assert "jax (fast)  disagrees" in output
    assert "gradient.W1[0,0]" in output


@pytest.mark.parametrize(("arguments", "told"), [(("--fast",), True), ((), False)])
def test_those_that_take_single_steps_are_said(backproof, arguments, told):
    code, _, errors = backproof("compare", "regression", "--against", "manual-scalar,manual-matrix", *arguments)
    line = "backproof: --fast: manual-scalar, manual-matrix take single steps as without it\n"
    assert (code, errors) == (0, line if told else "")


def test_record_without_a_fast_way_trains_as_always(backproof, tmp_path):
    code, output, errors = backproof("record", "regression", "--with", "manual-matrix", "--fast", "-o", "a.npz")
    assert (code, errors) == (0, "backproof: --fast: manual-matrix takes single steps as without it\n")
    assert "by manual-matrix; check it" in output
    assert not trained_fast(load_trace(tmp_path / "a.npz").environment)


@pytest.mark.parametrize("name", WITH)
def test_listing_says_who_can(backproof, name, require_or_skip):
    require_or_skip(name)
    _, output, _ = backproof("implementations")
    told = [line.split()[0] for line in output.splitlines() if line.endswith("(--fast)")]
    assert name in told
    assert set(told) <= set(WITH)


@pytest.mark.parametrize("name", WITH)
def test_record_keeps_it_and_the_verdict_is_that_of_single_steps(backproof, name, require_or_skip, tmp_path):
    require_or_skip(name)
    code, output, errors = backproof("record", "regression", "--with", name, "--fast", "-o", "fast.npz")
    assert (code, errors) == (0, "")
    assert f"20 steps of regression by {name} (fast);" in output
    trace = load_trace(Path("fast.npz"))
    assert trace.environment[TRAINING] == FAST
    assert judged_trace(trace, version=None).verdict is Verdict.AGREES


def test_compare_tells_rows_apart_and_repeats_the_option(backproof, require_or_skip):
    require_or_skip("jax")
    arguments = ("compare", "regression", "--against", "manual-matrix,jax", "--fast", "--json", "a.json")
    code, output, errors = backproof(*arguments)
    told = json.loads(Path("a.json").read_text(encoding="utf-8"))["comparisons"][0]["implementations"]
    assert code == 0
    assert [(one["name"], one["fast"], one["verdict"]) for one in told] == [
        ("manual-matrix", False, "agrees"),
        ("jax", True, "agrees"),
    ]
    assert "\njax (fast)     agrees" in output
    assert errors == "backproof: --fast: manual-matrix takes single steps as without it\n"
