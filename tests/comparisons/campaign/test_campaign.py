"""A campaign: every task once, whatever is killed on the way, and nothing done twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("joblib")
pytest.importorskip("pyarrow")

from comparisons.campaign import executor
from comparisons.campaign.campaign import run
from comparisons.campaign.executor import CampaignFailed, rows
from comparisons.campaign.grid import chosen_grid
from comparisons.campaign.rows import row_of
from comparisons.campaign.summary import failing, markdown
from comparisons.campaign.table import COLUMNS, Table
from comparisons.campaign.tasks import Task, tasks
from problems.problem import ProblemError

STARTS = [f"random:{seed}" for seed in range(24)]
TIMEOUT = 120.0


def some_tasks(count: int = 24, **grid: Any) -> list[Task]:
    return list(tasks(["classification"], {"initial": STARTS[:count], **grid}, ["manual-matrix"]))


def test_every_combination_is_a_task_of_its_own() -> None:
    found = list(
        tasks(
            ["regression", "classification"],
            {"dtype": ["float64", "float32"], "initial": STARTS[:3]},
            ["manual-scalar", "manual-matrix"],
        )
    )
    assert len(found) == len({task.key for task in found}) == 2 * 2 * 3 * 2
    assert [task.implementation for task in found] == ["manual-scalar"] * 12 + ["manual-matrix"] * 12


def test_key_tells_problems_apart_and_the_same_problem_again() -> None:
    first, second = some_tasks(2)
    assert first.key != second.key
    assert some_tasks(1)[0].key == first.key


def test_a_value_that_does_not_fit_is_refused_before_anything_runs() -> None:
    with pytest.raises(ProblemError, match="float8"):
        some_tasks(1, dtype=["float8"])


def test_grid_takes_commas_and_repetitions() -> None:
    assert chosen_grid({"initial": ("constant:0.1,random:1", "random:2"), "seed": ("1,2",), "order": ()}) == {
        "initial": ["constant:0.1", "random:1", "random:2"],
        "seed": [1, 2],
    }
    with pytest.raises(ProblemError, match="--seed: 'x' is not a whole number"):
        chosen_grid({"seed": ("x",)})


def test_row_has_every_column() -> None:
    (task,) = some_tasks(1)
    row = row_of(task, TIMEOUT)
    assert set(row) == set(COLUMNS)
    assert (row["verdict"], row["wrong_steps"], row["steps"]) == ("agrees", 0, 200)


def test_a_campaign_holds_every_task_once(tmp_path: Path) -> None:
    todo = some_tasks(6)
    found = run(todo, tmp_path, jobs=2, timeout=TIMEOUT)
    assert sorted(found["key"]) == sorted(task.key for task in todo)
    assert set(found["verdict"]) == {"agrees"}
    assert "| manual-matrix | float64 | 6 | 6 |" in (tmp_path / "summary.md").read_text()


def test_a_stopped_campaign_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    todo = some_tasks(6)
    ran: list[str] = []

    def stopping(row: Any, done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(todo, tmp_path, jobs=1, timeout=TIMEOUT, ticked=stopping)
    kept = set(Table(tmp_path).keys)
    assert len(kept) == 4
    given = executor.rows

    def watched(left: list[Task], **options: Any) -> Iterator[Any]:
        ran.extend(task.key for task in left)
        return given(left, **options)

    monkeypatch.setattr("comparisons.campaign.campaign.rows", watched)
    found = run(todo, tmp_path, jobs=1, timeout=TIMEOUT)
    assert set(ran) == {task.key for task in todo} - kept
    assert sorted(found["key"]) == sorted(task.key for task in todo)


def test_a_killed_process_loses_nothing_and_counts_nothing_twice() -> None:
    psutil = pytest.importorskip("psutil")
    todo = some_tasks()
    keys: list[str] = []
    for row in rows(todo, jobs=2, timeout=TIMEOUT):
        keys.append(row["key"])
        if len(keys) == 5:
            workers = [one for one in psutil.Process().children() if "popen_loky" in " ".join(one.cmdline())]
            assert len(workers) == 2
            workers[0].kill()
    assert sorted(keys) == sorted(task.key for task in todo)


def test_a_killed_worker_of_a_cluster_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    todo = some_tasks()
    killed: list[int] = []
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(local_directory=tmp_path, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        processes = client.run(os.getpid)
        assert len(processes) == 2

        def killing(row: Any, done: int, total: int) -> None:
            if row is not None and done == 5:
                killed.append(next(iter(processes.values())))
                os.kill(killed[0], signal.SIGKILL)

        found = run(
            todo, tmp_path / "table", jobs=1, timeout=TIMEOUT, cluster=cluster.scheduler_address, ticked=killing
        )
    assert killed
    assert sorted(found["key"]) == sorted(task.key for task in todo)


def test_processes_that_always_die_end_the_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def dying(*arguments: Any) -> Iterator[Any]:
        raise TerminatedWorkerError("a worker was killed")
        yield

    monkeypatch.setattr(executor, "_started", dying)
    with pytest.raises(CampaignFailed, match="2 tasks left"):
        list(rows(some_tasks(2), jobs=1, timeout=TIMEOUT))


def test_a_task_done_twice_is_counted_once(tmp_path: Path) -> None:
    row = row_of(some_tasks(1)[0], TIMEOUT)
    table = Table(tmp_path)
    assert [table.add(row), table.add(dict(row))] == [True, False]
    table.flush()
    table.flush()
    assert len(Table(tmp_path).read()) == 1


def test_the_table_reads_as_one_with_pandas_and_duckdb(tmp_path: Path) -> None:
    run(some_tasks(3), tmp_path, jobs=1, timeout=TIMEOUT)
    run(some_tasks(5), tmp_path, jobs=1, timeout=TIMEOUT)
    assert len(list(tmp_path.glob("rows-*.parquet"))) == 2
    assert len(pd.read_parquet(sorted(tmp_path.glob("rows-*.parquet")))) == 5
    duckdb = pytest.importorskip("duckdb")
    counted = duckdb.sql(f"select count(distinct key) from '{tmp_path}/rows-*.parquet'").fetchall()
    assert counted == [(5,)]


def test_a_foreign_file_in_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows-1.parquet").write_text("no table")
    with pytest.raises(ProblemError, match=r"rows-1\.parquet: is no table of a campaign"):
        Table(tmp_path)


def test_summary_lists_what_is_wrong_with_its_command() -> None:
    rows_ = [row_of(task, TIMEOUT) for task in some_tasks(2)]
    rows_[0] |= {"verdict": "disagrees", "first_wrong_quantity": "gradient.W1", "first_wrong_step": 3}
    rows_[0] |= {"first_wrong_actual": 2.0, "first_wrong_expected": 1.0, "first_wrong_bound": 1e-16}
    table = pd.DataFrame(rows_, columns=list(COLUMNS)).astype(COLUMNS)
    assert len(failing(table)) == 1
    text = markdown(table)
    assert "gradient.W1 at step 3 is 2.0, expected 1.0 within 1e-16" in text
    assert "backproof compare classification --against manual-matrix --initial random:0" in text


def test_a_known_deviation_fails_only_where_strict() -> None:
    row = row_of(some_tasks(1)[0], TIMEOUT) | {"verdict": "disagrees", "known_deviation": "known"}
    table = pd.DataFrame([row], columns=list(COLUMNS)).astype(COLUMNS)
    assert (len(failing(table)), len(failing(table, strict=True))) == (0, 1)
