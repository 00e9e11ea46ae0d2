"""explain, sweep and --until-converged as a user meets them: exit codes, one line for every mistake, clean streams."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from comparisons import cli, workers
from problems.trace_file import load_trace

HAND = ("--with", "manual-matrix")
CONVERGED = "regression: converged after 104 epochs of at most 300"
STOP = ("--epochs", "300", "--until-converged", "0.01")

Ran = tuple[int, str, str]  # exit code, standard output, standard error


@pytest.fixture
def backproof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """A function that runs `backproof` with its arguments in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["backproof", *arguments])
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        captured = capfd.readouterr()
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


REFUSED = [
    (("explain",), "Missing argument"),
    (("explain", "nosuch"), "problem 'nosuch' is not known"),
    (("explain", "regression", "--step", "0"), "--step: '0' is no step of regression; choose from 1 to 20"),
    (("explain", "regression", "--step", "21"), "--step: '21' is no step of regression; choose from 1 to 20"),
    (("explain", "regression", "--step", "21", "--latex"), "--step: '21' is no step"),
    (("explain", "regression", "--with", "tensorflow"), "implementation 'tensorflow' is not known"),
    (("explain", "regression", "--timeout", "0"), "--timeout: 0.0 must be"),
    (("explain", "regression", "--until-converged", "-1"), "--until-converged: -1.0 must be a finite number"),
    (("sweep",), "Missing argument"),
    (("sweep", "regression", "--learning-rates", "fast"), "--learning-rates: 'fast' is neither"),
    (("sweep", "regression", "--learning-rates", "0.1,-1"), "--learning-rates: '-1': a learning rate must be"),
    (("sweep", "regression", "--learning-rate", "0.1"), "No such option '--learning-rate'"),
    (("sweep", "regression", "--until-converged", "0"), "--until-converged: 0.0 must be a finite number"),
    (("sweep", "regression", "--json", "missing/file.json"), "does not exist"),
    (("sweep", "regression", "--dtype", "float32", "--learning-rates", "1e-60"), "1e-60 is 0.0 in float32"),
    (("compare", "regression", "--until-converged", "nan"), "--until-converged: nan must be a finite number"),
    (("compare", "regression", "--until-converged", "soon"), "'soon' is not a valid float"),
    (("record", "regression", *HAND, "-o", "t.npz", "--until-converged", "inf"), "--until-converged: inf must be"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_a_mistake_costs_one_line_and_exit_2(backproof, tmp_path, arguments, message):
    code, output, errors = backproof(*arguments)
    assert (code, output) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_explaining_by_hand_starts_no_process(backproof, monkeypatch):
    monkeypatch.setattr(workers, "WorkerProcess", None)
    code, output, errors = backproof("explain", "regression", *HAND)
    assert (code, errors) == (0, "")
    assert "∂L/∂W1[0,0] = ∂L/∂ŷ · ∂ŷ/∂h1 · ∂h1/∂W1[0,0]" in output


def test_the_steps_of_a_shortened_training_are_explained(backproof):
    code, output, _ = backproof("explain", "regression", *STOP, "--step", "last", *HAND)
    assert code == 0
    assert output.startswith(CONVERGED)
    assert "\nStep 416 of 416, in epoch 104\n" in output


def test_latex_is_nothing_but_latex(backproof):
    code, output, errors = backproof("explain", "regression", "--latex", *STOP)
    assert code == 0
    assert output.startswith(r"\begin{align*}")
    assert output.endswith("\\end{align*}\n")
    assert errors.startswith(CONVERGED)


@pytest.mark.parametrize("framework", ["torch", "jax", "keras-jax"])
def test_a_framework_stands_beside_the_formulas(backproof, require_or_skip, framework):
    require_or_skip(framework)
    code, output, _ = backproof("explain", "regression", "--step", "2", "--with", framework)
    assert code == 0
    assert f"{framework}" in output.splitlines()[-1]
    assert ": all 19 numbers of this step" in output.splitlines()[-1]


def test_an_implementation_that_is_not_installed_is_said(backproof, monkeypatch):
    monkeypatch.setattr("comparisons.explanation.installed", lambda name: name != "torch")
    code, output, _ = backproof("explain", "regression", "--with", "torch")
    assert code == 0
    assert "torch          skipped: not installed; install with: pip install 'backproof[torch]'" in output


def test_a_crash_is_said_and_exits_3(backproof, monkeypatch):
    crashed = workers.Outcome(crashed="ended with exit status 1")
    monkeypatch.setattr("comparisons.explanation.installed", lambda name: True)
    monkeypatch.setattr(
        "comparisons.explanation.train_all", lambda names, *_, **__: {name: [crashed] for name in names}
    )
    code, output, _ = backproof("explain", "regression", "--with", "torch")
    assert code == 3
    assert "torch          crashed: ended with exit status 1" in output


def test_a_sweep_says_every_verdict(backproof):
    code, output, errors = backproof("sweep", "regression", "--learning-rates", "0.0001,0.001,0.01,0.1")
    assert (code, errors) == (0, "")
    for verdict in ("slow", "converges", "overshoots", "diverges"):
        assert output.count(f"  {verdict:<10}  ") == 2  # the rate's line and the criterion


def test_the_json_of_a_sweep_is_one_object_and_nothing_else(backproof):
    code, output, errors = backproof("sweep", "regression", "--json", "-", *STOP)
    assert (code, errors) == (0, "")
    assert [(rate["epochs"], rate["converged"]) for rate in json.loads(output)["rates"]][:2] == [(1, True), (104, True)]


def test_the_json_of_a_sweep_goes_to_a_file(backproof, tmp_path):
    _, output, _ = backproof("sweep", "classification", "--json", "sweep.json")
    assert "before training it is 0.693884" in output
    assert json.loads((tmp_path / "sweep.json").read_text())["problem"] == "classification"


BY_HAND = ("--against", "manual-matrix,manual-scalar")


def test_compare_trains_all_for_the_epochs_that_the_reference_needs(backproof):
    code, output, errors = backproof("compare", "regression", *BY_HAND, *STOP, "--json", "-")
    (comparison,) = json.loads(output)["comparisons"]
    assert code == 0
    assert errors.startswith(CONVERGED)
    assert [len(one["epochs"]) for one in comparison["implementations"]] == [104, 104]


def test_compare_says_where_it_did_not_converge(backproof):
    code, output, _ = backproof("compare", "regression", *BY_HAND, "--until-converged", "1e-9")
    assert code == 0
    assert output.startswith("regression: did not converge within 5 epochs: ")


def test_the_command_to_see_it_again_keeps_the_criterion():
    from comparisons.requests import rerun_command

    command = rerun_command("regression", {"epochs": 300, "until_converged": 0.01}, ["jax"])
    assert command == "backproof compare regression --against jax --epochs 300 --until-converged 0.01"


def test_record_keeps_the_steps_until_it_converged(backproof):
    code, output, _ = backproof("record", "regression", *HAND, *STOP, "-o", "trace.npz")
    assert code == 0
    assert output.startswith(CONVERGED)
    assert load_trace(Path("trace.npz")).steps == 416
