"""`backproof campaign` as its user runs it: the page's own example, its exit codes, and what cannot be asked."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("joblib")
pytest.importorskip("pyarrow")

from comparisons.campaign.table import COLUMNS
from comparisons.commands.campaign import require_extra
from comparisons.commands.refusals import BadRequest
from comparisons.devices import missing_accelerator

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "campaign.md").read_text(encoding="utf-8")
SHORT = ["campaign", "regression", "--against", "manual-matrix"]


def called(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in `folder`."""
    command = [sys.executable, "-P", "-m", "comparisons.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)


def shown() -> tuple[str, str]:
    """The command in the page's block, and what stands below it."""
    block = PAGE.split("```text\n$ backproof ")[1].split("```")[0]
    command, _, output = block.partition("\n")
    return command, output


def test_the_page_shows_what_its_command_prints(tmp_path: Path) -> None:
    command, output = shown()
    done = called(tmp_path, *shlex.split(command))
    assert (done.stdout, done.returncode) == (output, 0)
    assert (tmp_path / "table" / "summary.md").read_text(encoding="utf-8").strip() in output


def test_the_page_names_every_column_in_order() -> None:
    table = PAGE.split("| column | what it holds |")[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert [name for cell in cells for name in re.findall("`(.*?)`", cell)] == list(COLUMNS)


def test_the_page_reads_the_table(tmp_path: Path) -> None:
    called(tmp_path, *SHORT, "-o", "table")
    duckdb = pytest.importorskip("duckdb")
    query = PAGE.split("```sql\n")[1].split("```")[0].replace("'table", f"'{tmp_path}/table")
    assert [row[:3] for row in duckdb.sql(query).fetchall()] == [("manual-matrix", "agrees", 1)]
    code = PAGE.split("```python\n")[1].split("```")[0].replace('"table"', repr(str(tmp_path / "table")))
    assert len(eval(code, {"pandas": pd, "Path": Path})) == 1


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    for there in (0, 1):
        done = called(tmp_path, *SHORT, "-o", "table")
        assert done.returncode == 0
        assert f"1 task, {there} of them in the table already" in done.stderr
    assert len(list((tmp_path / "table").glob("rows-*.parquet"))) == 1


def test_of_a_folder_with_other_rows_it_is_said_how_many_are_this_commands(tmp_path: Path) -> None:
    assert called(tmp_path, *SHORT, "-o", "table").stdout.endswith("\ntable: 1 row in rows-*.parquet, summary.md\n")
    told = "table: this command has 2 of the 3 rows in rows-*.parquet; summary.md has only its own"
    for _ in range(2):  # the second time all are there
        done = called(tmp_path, *SHORT, "--initial", "random:1,random:2", "-o", "table")
        assert done.stdout.splitlines()[-1] == told
    assert "| manual-matrix | float64 | 2 | 2 |" in (tmp_path / "table" / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--dtype", "float8"], "--dtype: 'float8' is not known"),
        (["--initial", "random"], "--initial: 'random' needs a whole number"),
        (["--seed", "one"], "--seed: 'one' is not a whole number"),
        (["--epochs", "0"], "--epochs: 0 is not a whole number of at least 1"),
        (["--optimizer", "adams"], "--optimizer: 'adams' is not known, did you mean 'adam'"),
        (["--jobs", "0"], "--jobs: 0 must be at least 1"),
        (
            ["--cluster", "tcp://127.0.0.1:1", "--jobs", "1"],
            "--jobs: 1 would be processes of this",
        ),
        (["--timeout", "0"], "--timeout: 0.0 must be a number of seconds above 0"),
        (["--cluster", "tcp://127.0.0.1:1"], "--cluster: tcp://127.0.0.1:1 does not answer"),
        (["--cluster", "abc://host"], "--cluster: 'abc://host' is no address of a Dask scheduler"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tmp_path: Path, arguments: list[str], line: str) -> None:
    done = called(tmp_path, *SHORT, "-o", "table", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"backproof: {line}")
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize(
    ("device", "line"),
    [
        ("gpu", "--device: 'gpu' is not known"),
        pytest.param(
            "cuda",
            "--device: cuda needs an NVIDIA GPU, and its driver",
            marks=pytest.mark.skipif(missing_accelerator() is None, reason="a GPU is here"),
        ),
    ],
)
def test_a_device_that_is_not_there_is_one_line_and_nothing_is_written(tmp_path: Path, device: str, line: str) -> None:
    done = called(tmp_path, *SHORT, "-o", "table", "--device", device)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"backproof: {line}")
    assert not list(tmp_path.iterdir())


def test_those_that_take_single_steps_are_said(tmp_path: Path) -> None:
    done = called(tmp_path, *SHORT, "-o", "table", "--fast")
    assert done.returncode == 0
    assert "backproof: --fast: manual-matrix takes single steps as without it\n" in done.stderr
    assert list(pd.read_parquet(sorted((tmp_path / "table").glob("rows-*.parquet")))["fast"]) == [False]
    again = called(tmp_path, *SHORT, "-o", "table")
    assert "1 task, 1 of them in the table already" in again.stderr


def test_no_folder_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("")
    (tmp_path / "link").symlink_to("missing")
    for asked, why in [("table", "is a file"), ("link", "is a link to missing, which does not exist")]:
        done = called(tmp_path, *SHORT, "-o", asked)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"backproof: -o: {asked} {why}; name a folder\n"


def test_one_bad_file_among_many_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    for name in "abc":
        units = "[1, 2.5]" if name == "b" else "[1]"
        (tmp_path / f"{name}.toml").write_text(
            f"[data]\nx = [[1, 2]]\ny = [[1]]\n[network]\nunits = {units}\nactivations = ['linear']\n"
            "loss = 'mean_squared_error'\n[training]\nlearning_rate = 0.1\nepochs = 1\n"
        )
    done = called(tmp_path, "campaign", "a.toml", "b.toml", "c.toml", "-o", "table")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backproof: b.toml: network.units: 2.5 is not a whole number of at least 1\n"
    assert not (tmp_path / "table").exists()


def test_nothing_compared_is_exit_3(tmp_path: Path) -> None:
    (tmp_path / "wide.toml").write_text(
        "[data]\nx = [[1, 2]]\ny = [[1]]\n[network]\nunits = [3, 1]\nactivations = ['tanh', 'linear']\n"
        "loss = 'mean_squared_error'\n[training]\nlearning_rate = 0.1\nepochs = 1\n"
    )
    done = called(tmp_path, "campaign", "wide.toml", "--against", "manual-scalar", "-o", "table")
    assert done.returncode == 3
    assert "| manual-scalar | float64 | 1 | 0 | 0 | 0 | 0 | 1 |" in done.stdout


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadRequest, match=r"needs joblib; install with: pip install 'backproof\[campaign\]'"):
        require_extra(None)


def alive(mark: str) -> list[str]:
    """Processes whose environment holds `mark`, zombies aside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, state = (folder / "environ").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue
        if mark.encode() in environment and state.rpartition(")")[2].split()[0] != "Z":
            found.append(folder.name)
    return found


def waits_for(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it comes to hold within this time."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_a_killed_campaign_leaves_no_process_and_goes_on_where_it_was(tmp_path: Path) -> None:
    starts = ",".join(f"random:{seed}" for seed in range(60))
    arguments = ["campaign", "classification", "--against", "manual-matrix", "--initial", starts, "--jobs", "2"]
    arguments += ["--epochs", "1000"]  # long enough not to be done before it is killed
    command = [sys.executable, "-P", "-m", "comparisons.cli", *arguments, "-o", "table"]
    mark = f"MARK={tmp_path}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MARK": str(tmp_path), "TMPDIR": str(tmp_path)}
    first = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    assert waits_for(lambda: bool(list(tmp_path.glob("table/rows-*.parquet"))))
    assert len(alive(mark)) > 2
    first.kill()
    first.wait()
    assert waits_for(lambda: not alive(mark), 20.0)
    done = called(tmp_path, *arguments, "-o", "table")
    assert done.returncode == 0
    there = int(done.stderr.split("60 tasks, ")[1].split(" ")[0])
    assert 0 < there < 60
    rows = pd.concat(map(pd.read_parquet, tmp_path.glob("table/rows-*.parquet")))
    assert rows["key"].nunique() == len(rows) == 60
