from __future__ import annotations

import pytest
from click.testing import CliRunner

from comparisons import cli
from comparisons.compare import train_here
from problems.catalogue import named_problem
from problems.trace_file import save_trace


def run(*arguments):
    return CliRunner().invoke(cli.cli, arguments)


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "one.npz"
    save_trace(train_here("manual-matrix", named_problem("regression")).trace, path)
    return str(path)


def test_compare_writes_a_report(tmp_path):
    done = run("compare", "regression", "--against", "manual-matrix", "--report", str(tmp_path / "new"))
    assert done.exit_code == 0
    assert "backproof compare regression --against manual-matrix" in (tmp_path / "new/report.html").read_text("utf-8")


def test_report_puts_traces_of_one_problem_side_by_side(tmp_path, trace):
    done = run("report", trace, trace, "-o", str(tmp_path / "out"))
    assert done.exit_code == 0
    assert len(list((tmp_path / "out").glob("*.csv"))) == 2
    assert "manual-matrix (one.npz)" in (tmp_path / "out/report.md").read_text("utf-8").replace("\\", "")


@pytest.mark.parametrize("arguments", [("compare", "regression", "--report"), ("report", "{trace}", "-o")])
def test_folder_that_is_a_file_is_refused_before_training(tmp_path, trace, arguments, monkeypatch):
    monkeypatch.setattr("comparisons.compare.compare", None)
    done = run(*(part.format(trace=trace) for part in arguments), trace)
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert "is a file" in done.output
