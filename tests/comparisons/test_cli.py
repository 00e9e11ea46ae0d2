"""The command line as a user meets it: exit codes, one line for every mistake, clean streams, any folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from comparisons import cli
from manual.train import train
from problems.catalogue import named_problem
from problems.files import problem_to_toml
from problems.initializers import starting_parameters
from problems.problem import Network
from problems.trace import Trace
from problems.trace_file import load_trace, save_trace

ROOT = Path(__file__).resolve().parents[2]
BY_HAND = ("--against", "manual-scalar,manual-matrix")
DEEP = """
name = {name!r}
data = {{ x = [[1, 2], [3, 1]], y = [[1], [0]] }}
network = {{ units = [3, 2, 1], activations = ["tanh", "relu", "sigmoid"], loss = "binary_cross_entropy" }}
training = {{ learning_rate = {rate}, epochs = 2 }}
"""


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output, standard error."""

    code: int
    output: str
    errors: str


@pytest.fixture
def backproof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """A function that runs `backproof` with its arguments in an empty folder, streams captured."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["backproof", *arguments])
        try:
            cli.main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        captured = capfd.readouterr()
        assert isinstance(code, int)
        return Ran(code, captured.out, captured.err)

    return run


def test_a_defect_of_its_own_is_no_disagreement(backproof, monkeypatch):
    def broken(*_, **__):
        raise TypeError("planted")

    monkeypatch.setattr("comparisons.requests.chosen_problems", broken)
    ran = backproof("compare", "regression", "--report", "rep")
    assert ran.code == 3
    assert "TypeError: planted" in ran.errors
    assert ran.errors.endswith("backproof: a defect of backproof itself, please report the lines above\n")
    assert not Path("rep").exists()


@pytest.mark.parametrize("tolerance", ["-1", "nan"])
def test_a_refused_tolerance_leaves_no_folder(backproof, tolerance):
    ran = backproof(
        "compare", "regression", "--against", "manual-matrix", "--report", "rep", "--until-converged", tolerance
    )
    assert ran.code == 2
    assert not Path("rep").exists()


def test_an_audit_says_which_mistake_it_is(backproof):
    problem = named_problem("classification").changed(epochs=1)
    uphill = [replace(step, gradients={**step.gradients, "W1": -step.gradients["W1"]}) for step in train(problem)]
    save_trace(Trace.record(problem, uphill, implementation="mine"), "mine.npz")
    ran = backproof("audit", "mine.npz")
    assert ran.code == 1
    assert "what is wrong\n    all of W1: the wrong sign (sign)\n      the gradient matches the formula" in ran.output


def test_blind_spots_are_told_where_there_are_none_and_where_none_was_looked_for(backproof):
    small, large = named_problem("classification"), named_problem("classification")
    small = small.changed(epochs=1, initial=starting_parameters(small.network, "random:1"))
    network = Network(inputs=2, units=(60, 1), activations=("tanh", "sigmoid"))
    large = large.changed(epochs=1, network=network, initial=starting_parameters(network, "random:1"))
    for name, problem in (("small", small), ("large", large)):
        Path(f"{name}.toml").write_text(problem_to_toml(problem), encoding="utf-8")
    ran = backproof("compare", "small.toml", "large.toml", "--against", "manual-matrix")
    assert "Blind spots: none, each of 368 possible mistakes would have been noticed here" in ran.output
    assert "Blind spots: not looked for in a network of more than 200 parameters" in ran.output


@pytest.mark.parametrize(("optimizer", "told"), [("adam", True), ("sgd", False)])
def test_mistakes_of_updates_that_are_not_audited_are_not_among_those_noticed(backproof, optimizer, told):
    asked = ("--against", "manual-matrix", "--optimizer", optimizer, "--initial", "random:1", "--epochs", "2")
    ran = backproof("compare", "iris", *asked, "--audit-every", "7")
    (line,) = [line for line in ran.output.splitlines() if line.startswith("Blind spots: ")]
    assert line.endswith("; mistakes of the update are not among them, since updates were not audited") == told
    assert "not among them" not in backproof("compare", "iris", *asked).output


def test_a_training_without_a_step_to_compare_has_no_other_cause(backproof):
    ran = backproof("compare", "regression", "--against", "manual-matrix", "--initial", "normal:1:1e300")
    assert "no step could be compared" in ran.output
    assert "all inputs are 0" not in ran.output


def test_a_column_that_is_input_and_target_is_warned_of(backproof):
    Path("t.csv").write_text("a,y\n1,2\n", encoding="utf-8")
    text = """
data = { csv = "t.csv", inputs = ["a", "y"], targets = ["y"] }
network = { units = [1], activations = ["linear"], loss = "mean_squared_error" }
training = { learning_rate = 0.1, epochs = 1 }
"""
    Path("p.toml").write_text(text, encoding="utf-8")
    ran = backproof("explain", "p.toml", "--against", "manual-matrix")
    assert ran.code == 0
    assert ran.errors == "backproof: warning: p: column 'y' is an input and a target: the network is shown the answer\n"


def test_explaining_a_dtype_for_storage_says_what_to_do(backproof):
    ran = backproof("explain", "regression", "--dtype", "bfloat16")
    assert ran.code == 2
    assert ran.errors.endswith("which has no arithmetic in bfloat16; choose one of: float64, float32 (--dtype)\n")


def problem_file(folder: Path, name: str = "deep", rate: str = "0.1") -> str:
    """A 2-3-2-1 network as a problem file, by its name."""
    (folder / "deep.toml").write_text(DEEP.format(name=name, rate=rate), encoding="utf-8")
    return "deep.toml"


def recorded(problem: str = "regression", implementation: str = "manual-matrix") -> Trace:
    """A right trace of a lesson problem."""
    chosen = named_problem(problem)
    return Trace.record(chosen, train(chosen), implementation=implementation)


def wrong(trace: Trace) -> Trace:
    """`trace` with one bias 0.1 % off in its second step."""
    parameters = {name: values.copy() for name, values in trace.parameters.items()}
    parameters["b1"][1, 0, 1] *= 1.001
    return replace(trace, parameters=parameters)


BAD = {
    "no-such-command": "compair",
    "no-such-option": "compare --epoch 3",
    "near-problem": "compare regresion",
    "no-such-problem": "compare nothing-like-it",
    "no-such-file": "compare missing.toml",
    "a-folder-as-problem": "compare ./",
    "near-implementation": "compare --against torhc",
    "no-implementation": "compare --against=",
    "implementation-and-nothing": "compare --against torch,",
    "dtype": "compare --dtype float8",
    "dtype-empty": "compare --dtype=",
    "start": "compare --initial zeros",
    "start-without-number": "compare --initial constant:",
    "start-not-finite": "compare --initial constant:nan",
    "start-negative-seed": "compare --initial random:-1",
    "start-too-large-for-float32": "compare --initial constant:1e300 --dtype float32",
    "no-epochs": "compare --epochs 0",
    "epochs-not-whole": "compare --epochs 1.5",
    "epochs-a-word": "compare --epochs many",
    "order": "compare --order backwards",
    "seed": "compare --seed -1",
    "rate-zero": "compare --learning-rate 0",
    "rate-negative": "compare --learning-rate -0.1",
    "rate-nan": "compare --learning-rate nan",
    "rate-infinite": "compare --learning-rate inf",
    "batch": "compare --batch-size 0",
    "timeout-zero": "compare --timeout 0",
    "timeout-nan": "compare --timeout nan",
    "timeout-a-word": "compare --timeout soon",
    "json-in-no-folder": "compare --json missing/out.json",
    "json-a-folder": "compare --json .",
    "option-without-value": "compare --epochs",
    "record-nothing": "record",
    "record-with-nobody": "record regression -o t.npz",
    "record-to-nowhere": "record regression --with manual-matrix",
    "record-with-stranger": "record regression --with numpy -o t.npz",
    "record-in-no-folder": "record regression --with manual-matrix -o missing/t.npz",
    "record-to-folder": "record regression --with manual-matrix -o .",
    "audit-nothing": "audit",
    "audit-missing": "audit missing.npz",
    "audit-folder": "audit .",
    "argument-too-many": "problems regression",
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_bad_request_is_one_line_and_writes_nothing(
    backproof: Callable[..., Ran], tmp_path: Path, arguments: str
) -> None:
    ran = backproof(*arguments.split())
    assert (ran.code, ran.output) == (2, "")
    assert ran.errors.startswith("backproof: ")
    assert ran.errors.endswith("\n")
    assert ran.errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


NAMING = {
    "compare regresion": "did you mean 'regression'?",
    "compare --against torhc": "did you mean 'torch'?",
    "compare --dtype float8": "float64, float32",
    "compare --order backwards": "sequential, shuffled, random",
    "compare --initial zeros": "constant:NUMBER, random:SEED",
    "compare missing.toml": "missing.toml",
    "compare --json missing/out.json": "missing/out.json",
    "compare --learning-rate nan": "nan",
}


@pytest.mark.parametrize(("arguments", "words"), NAMING.items(), ids=NAMING)
def test_bad_request_names_the_value_or_the_choices(backproof: Callable[..., Ran], arguments: str, words: str) -> None:
    assert words in backproof(*arguments.split()).errors


def test_bad_request_with_control_characters_stays_one_clean_line(backproof: Callable[..., Ran]) -> None:
    ran = backproof("compare", "--dtype", "float\x1b[31m\n\r\x07")
    assert ran.code == 2
    assert all(ord(c) >= 32 for c in ran.errors.removesuffix("\n"))


def damaged(data: bytes) -> dict[str, bytes]:
    """A trace file spoilt in several ways."""
    middle = len(data) // 2
    return {
        "empty": b"",
        "text": b"no trace\n",
        "truncated": data[:middle],
        "one-byte-short": data[:-1],
        "flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "longer": data + b"x",
    }


@pytest.mark.parametrize("damage", damaged(b"data"))
def test_damaged_trace_is_one_line(backproof: Callable[..., Ran], tmp_path: Path, damage: str) -> None:
    save_trace(recorded(), tmp_path / "t.npz")
    (tmp_path / "t.npz").write_bytes(damaged((tmp_path / "t.npz").read_bytes())[damage])
    ran = backproof("audit", "t.npz", "--json", "out.json")
    assert (ran.code, ran.output, ran.errors.count("\n")) == (2, "", 1)
    assert ran.errors.startswith("backproof: t.npz: ")
    assert not (tmp_path / "out.json").exists()


def test_agreement_is_exit_0(backproof: Callable[..., Ran]) -> None:
    ran = backproof("compare", *BY_HAND)
    assert (ran.code, ran.errors) == (0, "")
    assert "regression: 2-2-1 network" in ran.output
    assert "classification: 2-2-1 network" in ran.output


def test_disagreement_is_exit_1_and_names_the_place(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    save_trace(wrong(recorded()), tmp_path / "t.npz")
    ran = backproof("audit", "t.npz")
    assert ran.code == 1
    assert "first bad step: 2 of 20" in ran.output
    assert "parameter.b1[0,1]: expected" in ran.output


def test_blind_is_exit_1(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    problem = named_problem("classification")
    initial = {"W1": np.ones((2, 2)), "b1": np.zeros((1, 2)), "W2": np.full((2, 1), 400.0), "b2": np.zeros((1, 1))}
    one = problem.changed(initial=initial, x=problem.x[2:3], y=problem.y[2:3], epochs=1)
    save_trace(Trace.record(one, train(one), implementation="manual-matrix"), tmp_path / "t.npz")
    ran = backproof("audit", "t.npz")
    assert (ran.code, "blind" in ran.output) in ((1, True), (0, False))


def test_nothing_compared_is_exit_3(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    ran = backproof("compare", problem_file(tmp_path), "--against", "manual-scalar")
    assert ran.code == 3
    assert "skipped" in ran.output


def test_record_of_what_cannot_be_trained_is_exit_3(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    ran = backproof("record", problem_file(tmp_path), "--with", "manual-scalar", "-o", "t.npz")
    assert (ran.code, ran.output, ran.errors.count("\n")) == (3, "", 1)
    assert not (tmp_path / "t.npz").exists()


def test_known_deviation_fails_only_under_strict(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    problem = named_problem("regression").changed(epochs=1)
    trace = Trace.record(problem, train(problem), implementation="keras-torch")
    loss = trace.loss.astype(np.float32).astype(np.float64)
    save_trace(replace(trace, loss=loss), tmp_path / "t.npz")
    ran = backproof("audit", "t.npz")
    assert ran.code == 0
    assert "disagrees (known deviation)" in ran.output
    assert backproof("audit", "t.npz", "--strict").code == 1


def test_what_is_not_installed_is_skipped_with_the_command(
    backproof: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comparisons.implementations.missing_packages", lambda name: ("jax",) if name == "jax" else ())
    monkeypatch.setattr("comparisons.compare.missing_packages", lambda name: ("jax",))
    arguments = ("compare", "regression", "--against", "manual-matrix,jax")
    ran = backproof(*arguments)
    assert ran.code == 0
    assert "pip install 'backproof[jax]'" in ran.output
    assert backproof(*arguments, "--strict").code == 3
    assert backproof("record", "regression", "--with", "jax", "-o", "t.npz").code == 3


@pytest.mark.parametrize("problem", ["regression", "classification"])
def test_record_then_audit(backproof: Callable[..., Ran], tmp_path: Path, problem: str) -> None:
    changes = ("--dtype", "float32", "--initial", "random:7", "--order", "shuffled", "--batch-size", "3")
    ran = backproof("record", problem, "--with", "manual-matrix", "-o", "t.npz", *changes)
    assert (ran.code, ran.errors, ran.output.count("\n")) == (0, "", 1)
    trace = load_trace(tmp_path / "t.npz")
    assert (trace.problem.dtype, trace.problem.order, trace.steps) == ("float32", "shuffled", trace.problem.steps)
    assert [file.name for file in tmp_path.iterdir()] == ["t.npz"]
    assert backproof("audit", "t.npz").code == 0


def test_audit_of_several_traces_judges_each(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    save_trace(recorded(), tmp_path / "right.npz")
    save_trace(wrong(recorded("classification")), tmp_path / "wrong.npz")
    ran = backproof("audit", "right.npz", "wrong.npz", "--json", "-")
    verdicts = [one["implementations"][0]["verdict"] for one in json.loads(ran.output)["comparisons"]]
    assert (ran.code, verdicts) == (1, ["agrees", "disagrees"])


def test_json_on_standard_output_is_one_object_and_nothing_else(backproof: Callable[..., Ran]) -> None:
    ran = backproof("compare", *BY_HAND, "--json", "-")
    assert (ran.code, ran.errors) == (0, "")
    assert [one["problem"] for one in json.loads(ran.output)["comparisons"]] == ["regression", "classification"]


def test_json_file_stands_beside_the_text(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    ran = backproof("compare", "regression", *BY_HAND, "--json", "out.json")
    assert "Verdicts" in ran.output
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["schema"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


COMMANDS = ("compare regression --against manual-matrix", "audit t.npz", "problems", "implementations", "--help")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_piped_output_has_no_control_characters(backproof: Callable[..., Ran], tmp_path: Path, arguments: str) -> None:
    save_trace(wrong(recorded(implementation="\x1b[2J\x07\r\u202e[bold]x[/bold]")), tmp_path / "t.npz")
    ran = backproof(*arguments.split())
    assert ran.output
    assert not [c for c in ran.output + ran.errors if ord(c) < 32 and c != "\n"]
    assert "\x7f" not in ran.output
    assert "\u202e" not in ran.output


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "[bold]loud[/bold]", ":smile:", "[/]", "ŷ − y"])
def test_problem_name_stays_text(backproof: Callable[..., Ran], tmp_path: Path, name: str) -> None:
    ran = backproof("compare", problem_file(tmp_path, name), "--against", "manual-matrix")
    assert ran.code == 0
    assert f"{name}: 2-3-2-1 network" in ran.output


def test_diverging_training_is_judged_not_crashed(backproof: Callable[..., Ran]) -> None:
    ran = backproof("compare", "regression", *BY_HAND, "--learning-rate", "1e300", "--epochs", "2", "--json", "-")
    results = json.loads(ran.output)["comparisons"][0]["implementations"]
    assert ran.errors == ""
    assert (ran.code, {result["verdict"] for result in results}) == (0, {"agrees"})
    assert [(result["compared"], result["divergence"]["step"]) for result in results] == [(19, 2), (19, 2)]


def test_rerun_command_repeats_the_disagreement(backproof: Callable[..., Ran], tmp_path: Path) -> None:
    save_trace(wrong(recorded()), tmp_path / "t.npz")
    (command,) = [
        line.partition("again: ")[2] for line in backproof("audit", "t.npz").output.splitlines() if "again" in line
    ]
    assert command == "backproof audit t.npz"


def elsewhere(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, from `folder`, whose files must not be imported."""
    command = [sys.executable, "-P", "-m", "comparisons.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)


def test_files_of_the_users_folder_are_not_imported(tmp_path: Path) -> None:
    for module in (
        "torch",
        "problems",
        "comparisons",
        "frameworks",
        "manual",
        "numpy",
        "json",
        "jax",
        "keras",
        "click",
    ):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('the wrong module')\n", encoding="utf-8")
    ran = elsewhere(tmp_path, "compare", "regression", *BY_HAND)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_frameworks_train_beside_files_of_their_names(tmp_path: Path, require_or_skip: Callable[[str], None]) -> None:
    require_or_skip("torch")
    for module in ("torch", "problems", "comparisons", "frameworks", "numpy"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('the wrong module')\n", encoding="utf-8")
    ran = elsewhere(tmp_path, "compare", "regression", "--against", "torch", "--json", "-")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert json.loads(ran.stdout)["comparisons"][0]["implementations"][0]["verdict"] == "agrees"


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    command = f"'{sys.executable}' -P -m comparisons.cli compare --against manual-matrix | head -c 1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert ran.stderr == b""


def test_parent_imports_no_framework(tmp_path: Path, require_or_skip: Callable[[str], None]) -> None:
    require_or_skip("torch")
    code = (
        "import sys; from comparisons.cli import main\n"
        "sys.argv = ['backproof', 'compare', 'regression', '--against', 'torch,manual-matrix']\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('torch', 'keras', 'tensorflow', 'jax') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == b"[]"
