from __future__ import annotations

import json

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


@pytest.mark.parametrize(("optimizer", "shown"), [("sgd", True), ("adam", False)])
def test_a_page_has_the_updates_where_they_were_audited(tmp_path, optimizer, shown):
    arguments = ("--optimizer", optimizer, "--audit-every", "7", "--report", str(tmp_path / "new"))
    done = run("compare", "regression", "--against", "manual-matrix", *arguments)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "new/report.html").read_text("utf-8")
    assert ("new W1</th>" in page, "∂L/∂W1</th>" in page) == (shown, True)


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


def converged(tmp_path, *more):
    arguments = ("compare", "regression", "--against", "manual-matrix")
    done = run(*arguments, "--until-converged", "0.02", "--report", str(tmp_path), *more)
    assert done.exit_code == 0
    record = json.loads((tmp_path / "report.json").read_text("utf-8"))["comparisons"][0]
    return record["until_converged"], (tmp_path / "report.html").read_text("utf-8"), record["steps"]


def test_report_says_where_training_converged(tmp_path):
    stop, page, steps = converged(tmp_path, "--epochs", "400")
    assert (stop["tolerance"], stop["converged"], stop["cap"]) == (0.02, True, 400)
    assert 4 * stop["epochs"] == steps < 1600
    assert f"regression: converged after {stop['epochs']} epochs of at most 400" in page


def test_report_says_that_training_came_to_its_cap(tmp_path):
    stop, page, _ = converged(tmp_path, "--epochs", "2")
    assert stop == {"tolerance": 0.02, "converged": False, "epochs": 2, "cap": 2}
    assert "did not converge within 2 epochs" in page
    assert "did not converge within 2 epochs" in (tmp_path / "report.md").read_text("utf-8")


def test_training_of_fixed_epochs_has_no_end_of_its_own(tmp_path):
    run("compare", "regression", "--against", "manual-matrix", "--json", str(tmp_path / "one.json"))
    assert json.loads((tmp_path / "one.json").read_text("utf-8"))["comparisons"][0]["until_converged"] is None
