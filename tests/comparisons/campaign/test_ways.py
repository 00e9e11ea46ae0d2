"""How a campaign trains: many steps in one call, on a device, told apart wherever a task is; and where it is blind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("joblib")
pytest.importorskip("pyarrow")

from comparisons.campaign import rows as rows_module
from comparisons.campaign.campaign import run
from comparisons.campaign.course import Course
from comparisons.campaign.rows import close_served, lost_row, row_label, row_of
from comparisons.campaign.summary import markdown
from comparisons.campaign.table import COLUMNS, Table
from comparisons.campaign.tasks import Task, tasks
from comparisons.compare import compare
from comparisons.devices import missing_accelerator
from comparisons.exit_codes import DISAGREED
from comparisons.implementations import IMPLEMENTATIONS, NAMES
from problems.files import problem_to_toml
from problems.form import form_of
from problems.problem import Network, Optimizer, Problem

TIMEOUT = 300.0
WITH = [name for name in NAMES if IMPLEMENTATIONS[name].fast]
ON_GPU = [name for name in NAMES if "cuda" in IMPLEMENTATIONS[name].devices]


def everything(monkeypatch: pytest.MonkeyPatch, **how: Any) -> dict[str, Task]:
    """A task of every implementation, as if all were installed."""
    monkeypatch.setattr("comparisons.campaign.tasks.installed", lambda name: True)
    return {task.implementation: task for task in tasks(["regression"], {}, NAMES, **how)}


@pytest.fixture
def unserved() -> Iterator[None]:
    """No framework is left of this test, nor of one before."""
    close_served()
    yield
    close_served()


def test_fast_is_another_task_of_those_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = (everything(monkeypatch, fast=fast) for fast in (False, True))
    assert [name for name in NAMES if slow[name].key != fast[name].key] == WITH
    assert [name for name in NAMES if fast[name].fast] == WITH
    assert [name for name in NAMES if fast[name].rerun.endswith(" --fast")] == WITH


def test_a_device_is_another_task_of_those_that_train_there(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = (everything(monkeypatch, device=device) for device in ("cpu", "cuda"))
    assert [name for name in NAMES if here[name].key != there[name].key] == ON_GPU
    assert [name for name in NAMES if there[name].device == "cuda"] == ON_GPU
    assert [name for name in NAMES if there[name].rerun.endswith(" --device cuda")] == ON_GPU
    assert not any("--device" in task.rerun for task in here.values())


def test_a_device_and_many_steps_in_one_call_are_two_things(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = [everything(monkeypatch, device=device, fast=fast) for device in ("cpu", "cuda") for fast in (False, True)]
    assert len({way["jax"].key for way in ways}) == 4
    assert [way["jax"].label for way in ways] == ["jax", "jax (fast)", "jax (cuda)", "jax (fast, cuda)"]
    assert {way["manual-matrix"].label for way in ways} == {"manual-matrix"}


def test_tasks_of_one_form_come_one_after_another() -> None:
    grid = {"initial": ["random:1", "random:2", "random:3"], "optimizer": ["sgd", "adam"], "epochs": [2, 3]}
    found = tasks(["regression", "iris"], grid, ["manual-matrix"])
    forms = [form_of(task.problem) for task in found]
    assert len(forms) == 24
    assert len([key for key, _ in groupby(forms)]) == len(set(forms)) == 8


def test_progress_counts_each_way_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    task = everything(monkeypatch, fast=True)["jax"]
    course = Course([task, task], done=0)
    assert course.estimate().endswith("(jax (fast) not begun)")
    course.add(lost_row(task, "gone"))
    assert course.estimate().startswith("about ")


def test_a_row_that_was_lost_says_how_it_was_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    row = lost_row(everything(monkeypatch, device="cuda", fast=True)["jax"], "gone")
    assert (row["device"], row["fast"], row_label(row)) == ("cuda", True, "jax (fast, cuda)")


def test_summary_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [lost_row(everything(monkeypatch, fast=fast)["jax"], "gone") for fast in (False, True)]
    text = markdown(pd.DataFrame(lost, columns=list(COLUMNS)).astype(COLUMNS))
    assert "| jax | float64 | 1 |" in text
    assert "| jax (fast) | float64 | 1 |" in text
    assert "- jax (fast) on regression: gone; see `backproof compare regression --against jax --fast`" in text


@pytest.mark.parametrize("name", WITH)
def test_a_thread_that_trained_single_steps_is_not_kept_for_many(name, require_or_skip, unserved) -> None:
    require_or_skip(name)
    one = {fast: tasks(["regression"], {}, [name], fast=fast)[0] for fast in (False, True)}
    found = [row_of(one[fast], TIMEOUT) for fast in (False, True, True, False)]
    assert [row["fast"] for row in found] == [False, True, True, False]
    assert [row["seconds_import"] > 0 for row in found] == [True, True, False, True]
    assert {row["verdict"] for row in found} == {"agrees"}


def test_the_process_that_is_kept_has_the_task_s_device(monkeypatch: pytest.MonkeyPatch, unserved) -> None:
    on = {device: everything(monkeypatch, device=device)["torch"] for device in ("cpu", "cuda")}
    held = [rows_module.served_for(on[device], None) for device in ("cpu", "cuda", "cuda")]
    assert [one.device for one in held] == ["cpu", "cuda", "cuda"]
    assert held[1] is held[2]


def test_a_served_process_is_told_its_device(monkeypatch: pytest.MonkeyPatch, require_or_skip, unserved) -> None:
    require_or_skip("jax")
    if missing_accelerator() is None:
        pytest.skip("a GPU is here")
    row = row_of(everything(monkeypatch, device="cuda")["jax"], TIMEOUT)
    assert (row["verdict"], row["device"]) == ("skipped", "cuda")
    assert "has no CUDA plugin" in row["reason"]


def test_a_variable_of_the_users_own_changes_nothing(monkeypatch, require_or_skip, unserved) -> None:
    require_or_skip("jax")
    monkeypatch.setenv("BACKPROOF_FAST", "1")
    assert row_of(tasks(["regression"], {}, ["jax"])[0], TIMEOUT)["fast"] is False


def test_a_row_says_what_the_trace_says(monkeypatch, require_or_skip, unserved) -> None:
    require_or_skip("jax")
    (slow,) = tasks(["regression"], {}, ["jax"])
    given = rows_module.served_for
    monkeypatch.setattr(rows_module, "served_for", lambda task, scratch: given(replace(task, fast=False), scratch))
    assert row_of(replace(slow, fast=True), TIMEOUT)["fast"] is False


def test_a_campaign_in_the_same_folder_does_not_mix_them(tmp_path: Path, require_or_skip) -> None:
    require_or_skip("jax")
    names = ["manual-matrix", "jax"]
    for fast, there in ((False, 2), (True, 3), (False, 3), (True, 3)):
        found = run(tasks(["regression"], {}, names, fast=fast), tmp_path, jobs=1, timeout=TIMEOUT)
        assert sorted(map(row_label, found.rows.to_dict("records"))) == [
            "jax (fast)" if fast else "jax",
            "manual-matrix",
        ]
        assert len(Table(tmp_path).read()) == found.held == there


@pytest.fixture
def saturated(tmp_path: Path) -> str:
    """A file of a training whose sigmoid is at 1, and its target too: gradients are 0, whatever is wrong in them."""
    one = Problem(
        name="saturated",
        x=np.ones((2, 1)),
        y=np.ones((2, 1)),
        network=Network(inputs=1, units=(1,), activations=("sigmoid",)),
        loss="mean_squared_error",
        initial={"W1": np.full((1, 1), 100.0), "b1": np.full((1, 1), 100.0)},
        optimizer=Optimizer(learning_rate=0.001),
        epochs=2,
    )
    (tmp_path / "saturated.toml").write_text(problem_to_toml(one), encoding="utf-8")
    return str(tmp_path / "saturated.toml")


def test_a_row_is_blind_where_compare_is(saturated: str, tmp_path: Path) -> None:
    (blind,) = tasks([saturated], {}, ["manual-matrix"])
    (comparison,) = compare([blind.problem], ["manual-matrix"])
    row = row_of(blind, TIMEOUT)
    assert row["verdict"] == str(comparison.results[0].verdict) == "blind"
    assert row["reason"] == "nothing compared could have failed: every step uses the same row of inputs"
    assert row["compared"] > 0
    assert row["seconds_blind"] > 0


def test_a_blind_row_is_listed_and_fails(saturated: str, tmp_path: Path) -> None:
    from comparisons.commands.campaign import code

    found = run(
        tasks([saturated, "regression"], {}, ["manual-matrix"]), tmp_path / "table", jobs=1, timeout=TIMEOUT
    ).rows
    assert code(found, strict=False) == DISAGREED
    assert "Disagrees or blind: 1" in markdown(found)
    assert "on saturated: nothing compared could have failed" in markdown(found)


def test_what_disagrees_is_not_called_blind(saturated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = tasks([saturated], {}, ["manual-matrix"])
    given = rows_module.train_here

    def wrong(name: str, problem: Problem) -> Any:
        outcome = given(name, problem)
        return replace(outcome, trace=replace(outcome.trace, loss=outcome.trace.loss + 1))

    monkeypatch.setattr(rows_module, "train_here", wrong)
    row = row_of(one, TIMEOUT)
    assert (row["verdict"], row["seconds_blind"]) == ("disagrees", None)
