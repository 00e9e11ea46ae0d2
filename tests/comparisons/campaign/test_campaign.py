"""A campaign: every task once, whatever is killed on the way, and nothing done twice."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("joblib")
pytest.importorskip("pyarrow")

from comparisons.campaign import executor
from comparisons.campaign.campaign import run
from comparisons.campaign.cluster import reached
from comparisons.campaign.course import Course, span
from comparisons.campaign.executor import rows
from comparisons.campaign.failed import CampaignFailed
from comparisons.campaign.grid import chosen_grid
from comparisons.campaign.rows import row_of
from comparisons.campaign.summary import failing, markdown
from comparisons.campaign.table import COLUMNS, MERGED, MOST_FILES, Table, alone_in
from comparisons.campaign.tasks import Task, tasks
from comparisons.devices import missing_accelerator
from comparisons.verdict import Diagnosis, Result, Verdict
from problems.problem import ProblemError

STARTS = [f"random:{seed}" for seed in range(24)]
TIMEOUT = 120.0


def some_tasks(count: int = 24, **grid: Any) -> list[Task]:
    return tasks(["classification"], {"initial": STARTS[:count], **grid}, ["manual-matrix"])


def test_every_combination_is_a_task_of_its_own() -> None:
    grid = {"dtype": ["float64", "float32"], "initial": STARTS[:3]}
    found = tasks(["regression", "classification"], grid, ["manual-scalar", "manual-matrix"])
    assert len({task.key for task in found}) == len(found) == 2 * 2 * 3 * 2
    assert [task.implementation for task in found] == ["manual-scalar"] * 12 + ["manual-matrix"] * 12


def test_what_comes_out_the_same_is_one_task() -> None:
    found = tasks(
        ["regression", "regression"], {"order": ["sequential", "shuffled"], "seed": [1, 2]}, ["manual-matrix"]
    )
    assert [(task.problem.order, task.problem.seed) for task in found] == [
        ("sequential", 1),
        ("shuffled", 1),
        ("shuffled", 2),
    ]


def test_another_version_is_another_task(monkeypatch: pytest.MonkeyPatch) -> None:
    before = some_tasks(1)[0].key
    for module, what in (("version", "numpy 9"), ("package_version", "9.9")):
        with monkeypatch.context() as patch:
            patch.setattr(f"comparisons.campaign.tasks.{module}", lambda name, what=what: what)
            assert some_tasks(1)[0].key != before


def test_a_task_takes_no_room_of_its_own_for_the_data() -> None:
    found = tasks(["iris"], {"learning_rate": [0.1, 0.2, 0.3]}, ["manual-matrix"])
    assert len({id(task.base) for task in found}) == 1
    assert [pickle.loads(pickle.dumps(task)).problem.optimizer.learning_rate for task in found] == [0.1, 0.2, 0.3]


def test_key_tells_problems_apart_and_the_same_problem_again() -> None:
    first, second = some_tasks(2)
    assert first.key != second.key
    assert some_tasks(1)[0].key == first.key


def test_a_value_that_does_not_fit_is_refused_before_anything_runs() -> None:
    with pytest.raises(ProblemError, match="float8"):
        some_tasks(1, dtype=["float8"])


def test_grid_takes_commas_and_repetitions() -> None:
    given = {"initial": ("constant:0.1,random:1", "random:2"), "seed": ("1,2",), "order": ()}
    given |= {
        "epochs": ("3", "3"),
        "batch_size": ("1,all",),
        "learning_rate": ("1e-3, 0.1",),
        "optimizer": ("sgd,adam",),
    }
    assert chosen_grid(given) == {
        "initial": ["constant:0.1", "random:1", "random:2"],
        "seed": [1, 2],
        "epochs": [3],
        "batch_size": [1, "all"],
        "learning_rate": [1e-3, 0.1],
        "optimizer": ["sgd", "adam"],
    }


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("seed", "--seed: 'x' is not a whole number"),
        ("batch_size", "--batch-size: 'x' is not a whole number or 'all'"),
        ("learning_rate", "--learning-rate: 'x' is not a number"),
    ],
)
def test_grid_refuses_what_is_no_number(key: str, line: str) -> None:
    with pytest.raises(ProblemError, match=line):
        chosen_grid({key: ("x",)})


def test_row_has_every_column() -> None:
    (task,) = some_tasks(1)
    row = row_of(task, TIMEOUT)
    assert set(row) == set(COLUMNS)
    assert (row["verdict"], row["wrong_steps"], row["steps"]) == ("agrees", 0, 200)


@pytest.mark.parametrize(
    ("known", "told"),
    [(None, "W1[0, 0] what is unknown; W1[0, 0] what is sign"), ("log1p is inexact", "W1[0, 0] what is sign")],
    ids=["new", "known"],
)
def test_a_row_has_no_diagnosis_of_what_a_known_deviation_explains(
    known: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tuple(
        Diagnosis(parameter="W1", index=(0, 0), mistakes=(one,), explanation=f"what is {one}", of="gradient")
        for one in ("unknown", "sign")
    )
    result = Result(name="jax", verdict=Verdict.DISAGREES, known_deviation=known, diagnoses=found)
    monkeypatch.setattr("comparisons.campaign.rows.result_of", lambda *_: result)
    assert row_of(some_tasks(1)[0], TIMEOUT)["diagnosis"] == told


def test_another_version_where_it_runs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    (task,) = some_tasks(1)
    row = row_of(replace(task, version="numpy 1.0"), TIMEOUT)
    assert row["verdict"] == "crashed"
    assert row["reason"].endswith("the campaign's has numpy 1.0")


def test_a_campaign_holds_every_task_once(tmp_path: Path) -> None:
    todo = some_tasks(6)
    found = run(todo, tmp_path, jobs=2, timeout=TIMEOUT).rows
    assert sorted(found["key"]) == sorted(task.key for task in todo)
    assert set(found["verdict"]) == {"agrees"}
    assert "| manual-matrix | float64 | 6 | 6 |" in (tmp_path / "summary.md").read_text()


def test_a_stopped_campaign_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    todo = some_tasks(6)
    ran: list[str] = []

    def stopping(row: Any, course: Course) -> None:
        if course.done == 4:
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
    found = run(todo, tmp_path, jobs=1, timeout=TIMEOUT).rows
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


class Deadly(Task):
    """A task that kills whichever process trains it."""

    @property
    def problem(self) -> Any:
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().problem


def deadly(task: Task) -> Task:
    return Deadly(**vars(task))


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes find this module, and with it what is deadly."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setitem(sys.modules, "test_campaign", sys.modules[__name__])
    monkeypatch.setattr(Deadly, "__module__", "test_campaign")


def test_a_task_that_kills_its_process_has_crashed_and_costs_no_other(importable: None) -> None:
    todo = some_tasks(8)
    todo[2] = deadly(todo[2])
    found = {row["key"]: row for row in rows(todo, jobs=2, timeout=TIMEOUT)}
    assert {key: row["verdict"] for key, row in found.items()} == {
        task.key: "crashed" if isinstance(task, Deadly) else "agrees" for task in todo
    }
    assert "its process died" in found[todo[2].key]["reason"]


def test_processes_that_die_of_every_task_end_the_campaign(importable: None) -> None:
    with pytest.raises(CampaignFailed, match="3 tasks in a row end with their processes"):
        list(rows([deadly(task) for task in some_tasks(4)], jobs=1, timeout=TIMEOUT))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A scheduler of this machine with two workers, each a process of its own that runs two tasks at once."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 2, "processes": True, "dashboard_address": ":0"}
    folder = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))  # which its processes take over
        with distributed.LocalCluster(local_directory=folder, **options) as made:
            yield made


def test_a_killed_worker_of_a_cluster_loses_nothing_and_counts_nothing_twice(cluster: Any, tmp_path: Path) -> None:
    todo, killed = some_tasks(), []
    processes = {worker.process.pid for worker in cluster.workers.values()}
    assert len(processes) == 2

    def killing(row: Any, course: Course) -> None:
        if row is not None and course.done == 5:
            killed.append(processes.pop())
            os.kill(killed[0], signal.SIGKILL)

    address = cluster.scheduler_address
    found = run(todo, tmp_path, jobs=1, timeout=TIMEOUT, cluster=address, ticked=killing).rows
    assert killed
    assert sorted(found["key"]) == sorted(task.key for task in todo)
    assert set(found["verdict"]) == {"agrees"}


def test_a_cluster_without_this_backproof_is_refused(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("comparisons.campaign.cluster.package_version", lambda name: "9.9")
    with pytest.raises(ProblemError, match=r"has backproof '.*', this process has '9\.9'"):
        run(some_tasks(1), tmp_path / "table", jobs=1, timeout=TIMEOUT, cluster=cluster.scheduler_address)
    assert not (tmp_path / "table").exists()


@pytest.mark.skipif(missing_accelerator() is None, reason="a GPU is here")
def test_a_cluster_whose_workers_have_no_gpu_is_refused(cluster: Any) -> None:
    address = cluster.scheduler_address
    with (
        pytest.raises(
            ProblemError, match=r"--device: cuda needs an NVIDIA GPU; --cluster: worker tcp://\S+: its driver"
        ),
        reached(address, {"cpu", "cuda"}),
    ):
        pass
    with reached(address, {"cpu"}) as client:
        assert client is not None


def test_a_task_that_kills_the_workers_of_a_cluster_has_crashed_and_costs_no_other(
    cluster: Any, importable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)  # 3 as Dask comes; each is a process to start
    todo = some_tasks(8)
    todo[2] = deadly(todo[2])
    with reached(cluster.scheduler_address) as client:
        found = {row["key"]: row["verdict"] for row in rows(todo, jobs=1, timeout=TIMEOUT, client=client)}
    assert found == {task.key: "crashed" if isinstance(task, Deadly) else "agrees" for task in todo}


def test_a_task_done_twice_is_counted_once(tmp_path: Path) -> None:
    row = row_of(some_tasks(1)[0], TIMEOUT)
    table = Table(tmp_path)
    assert [table.add(row), table.add(dict(row))] == [True, False]
    table.flush()
    table.flush()
    assert len(Table(tmp_path).read()) == 1


def filled(folder: Path, count: int) -> Table:
    """A table of `count` rows, each in a file of its own."""
    table, row = Table(folder), row_of(some_tasks(1)[0], TIMEOUT)
    for number in range(count):
        table.add(row | {"key": f"{number}"})
        table.flush()
    return table


def test_the_table_reads_as_one_with_pandas_and_duckdb(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    assert len(list(tmp_path.glob("rows-*.parquet"))) == 3
    assert len(pd.read_parquet(sorted(tmp_path.glob("rows-*.parquet")))) == 3
    duckdb = pytest.importorskip("duckdb")
    counted = duckdb.sql(f"select count(distinct key), any_value(steps) from '{tmp_path}/rows-*.parquet'").fetchall()
    assert counted == [(3, 200)]


def test_many_files_are_made_one(tmp_path: Path) -> None:
    table = filled(tmp_path, MOST_FILES + 3)
    assert len(list(tmp_path.glob("rows-*.parquet"))) == 3
    table.merge()
    assert len(list(tmp_path.glob("rows-*.parquet"))) == 1
    assert list(Table(tmp_path).read()["key"]) == [f"{number}" for number in range(MOST_FILES + 3)]


@pytest.mark.parametrize("removed", [0, 1, 3])
def test_a_merge_that_was_stopped_is_finished(tmp_path: Path, removed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled(tmp_path, 3)
    with monkeypatch.context() as stopped:
        stopped.setattr(Table, "_finish_merge", lambda self: None)
        table.merge()
    for path in sorted(tmp_path.glob("rows-*.parquet"))[:removed]:
        path.unlink()
    assert (tmp_path / MERGED).exists()
    assert list(Table(tmp_path).read()["key"]) == ["0", "1", "2"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]


def test_rows_are_written_while_the_next_task_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.campaign.table.FLUSH_SECONDS", 0.01)
    table = Table(tmp_path)
    with table.flushed():
        table.add(row_of(some_tasks(1)[0], TIMEOUT))
        until = time.monotonic() + 60
        while not list(tmp_path.glob("rows-*.parquet")) and time.monotonic() < until:
            time.sleep(0.01)
        assert len(Table(tmp_path).read()) == 1


def test_a_disk_that_is_full_ends_the_campaign_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 2)
    monkeypatch.setattr("comparisons.campaign.table.FLUSH_SECONDS", 0.01)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("comparisons.campaign.table.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run(some_tasks(24), tmp_path, jobs=1, timeout=TIMEOUT)
    assert list(Table(tmp_path).read()["key"]) == ["0", "1"]


def test_a_folder_is_one_campaign_s_at_a_time(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(ProblemError, match="another campaign writes there"):
        run([], tmp_path, jobs=1, timeout=TIMEOUT)
    assert len(run([], tmp_path, jobs=1, timeout=TIMEOUT).rows) == 0


def test_estimate_counts_each_implementation_by_its_own_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    course = Course(tasks(["regression"], {"initial": STARTS[:3]}, ["manual-scalar", "manual-matrix"]), done=0)
    monkeypatch.setattr("time.monotonic", lambda: 5.0)
    always = {"device": "cpu", "fast": False}
    course.add({"implementation": "manual-scalar", "seconds": 10.0, **always})
    assert course.estimate() == "at least 10 s left (manual-matrix not begun)"
    course.add({"implementation": "manual-matrix", "seconds": 100.0, **always})
    assert course.estimate() == "about 10 s left"
    assert (course.done, course.total) == (2, 6)


def test_spans() -> None:
    assert [span(seconds) for seconds in (0.4, 89, 600, 6000)] == ["0 s", "89 s", "10 min", "1.7 h"]


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
