"""`backproof check` and `backproof sensitivity` as a user meets them: streams, exit codes, JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
QUICK = ("--epochs", "1", "--states", "5")
RESULT = {
    "name", "version", "verdict", "carries", "epochs", "final", "worst", "deviations", "diagnosis", "seconds", "reason",
    "known_deviation", "not_told",
}  # fmt: skip


def backproof(*arguments, cwd=EXAMPLES):
    command = [sys.executable, "-m", "comparisons.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=120, check=False)


def result_of(done):
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert {"problem", "steps", "dtype", "implementations"} <= document["comparisons"][0].keys()
    (result,) = document["comparisons"][0]["implementations"]
    return result


@pytest.fixture
def candidate(tmp_path):
    """A function of a source: the path of a candidate file that holds it."""

    def write(source):
        file = tmp_path / "mine.py"
        file.write_text(source, encoding="utf-8")
        return str(file)

    return write


def test_json_has_the_fields_of_the_format():
    done = backproof("check", "updated_weight.py", *QUICK, "--json", "-")
    result = result_of(done)
    assert done.returncode == 1
    assert result.keys() >= RESULT
    assert result["verdict"] == "disagrees"
    assert result["worst"].keys() >= {"quantity", "step", "index", "expected", "actual", "bound", "ratio"}
    for diagnosis in result["diagnosis"]:
        assert diagnosis.keys() >= {"parameter", "index", "mistakes", "explanation"}
        assert diagnosis["mistakes"] == ["updated-weight"]
    assert [(d["parameter"], d["index"]) for d in result["diagnosis"]] == [
        *(("W1", [i, j]) for i in (0, 1) for j in (0, 1)),
        *(("b1", [0, j]) for j in (0, 1)),
    ]


def test_json_of_a_right_candidate():
    done = backproof("check", "right.py", *QUICK, "--json", "-")
    result = result_of(done)
    assert (done.returncode, result["verdict"], result["diagnosis"], result["deviations"]) == (0, "agrees", [], [])
    assert result["carries"] == "float64"
    assert result["final"].keys() == {"W1", "b1", "W2", "b2"}


def test_json_names_float32():
    result = result_of(backproof("check", "float32_inside.py", *QUICK, "--json", "-"))
    assert result["carries"] == "float32"
    assert {mistake for one in result["diagnosis"] for mistake in one["mistakes"]} == {"precision"}


def test_json_goes_to_a_file_beside_the_text(tmp_path):
    done = backproof("check", str(EXAMPLES / "right.py"), *QUICK, "--json", str(tmp_path / "found.json"))
    assert "right.py on classification: agrees" in done.stdout
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["schema"] == 1


def test_an_unwritable_json_file_is_refused_before_the_candidate_runs(candidate, tmp_path):
    file = candidate("open('ran', 'w').close()\ndef train_step(*given): return None")
    done = backproof("check", file, "--json", str(tmp_path / "none" / "found.json"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert not (tmp_path / "ran").exists()


def test_numbers_that_json_has_not_are_words(candidate):
    file = candidate("def train_step(p, x, y, rate):\n    return float('nan'), {k: v / 0 for k, v in p.items()}")
    done = backproof("check", file, *QUICK, "--json", "-")
    assert result_of(done)["worst"]["actual"] in ("nan", "inf")
    assert done.stderr == ""


ENDS = {
    "raises": ("def train_step(*given): 1 / 0", 3, "raised ZeroDivisionError: division by zero (mine.py, line 1)"),
    "exits": ("def train_step(*given): raise SystemExit(0)", 3, "SystemExit: 0"),
    "dies": ("def train_step(*given):\n    import os; os._exit(0)", 3, "did not come to its end"),
    "loops": ("def train_step(*given):\n    while True: pass", 3, "still running after 2 s (--timeout)"),
    "answers wrongly": ("def train_step(*given): return 1", 2, "train_step returned int"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "code", "reason"), ENDS.values(), ids=ENDS)
def test_each_end_has_its_exit_code_and_its_sentence(source, code, reason, candidate):
    done = backproof("check", candidate(source), "--timeout", "2" if "while" in source else "60")
    assert (done.returncode, done.stderr) == (code, "")
    assert reason in done.stdout
    assert "Traceback" not in done.stdout


REFUSED = {
    "syntax": ("def train_step(:", "cannot be imported: SyntaxError"),
    "import": ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError"),
    "no function": ("x = 1", "defines no function train_step(parameters, x, y, learning_rate)\n"),
    "another name": ("def step(*given): pass", "(parameters, x, y, learning_rate); its functions: step"),
    "no function of the name": ("train_step = 3", "; its train_step is of type int"),
}


@pytest.mark.parametrize(("source", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_file_without_a_candidate_is_refused(source, reason, candidate):
    refused(backproof("check", candidate(source)), reason)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [((), True), (("--problem", "classification"), False), (("--problem", "regression"), False)],
    ids=["another problem's", "named", "right"],
)
def test_where_no_problem_was_named_a_wrong_loss_asks_for_it(arguments, asked):
    done = backproof("check", "right_regression.py", *arguments)
    assert ("is it meant for another? --problem regression, or FILE.toml" in done.stdout) is asked


def test_a_loss_that_is_explained_asks_for_no_problem():
    assert "no problem was named" not in backproof("check", "float32_inside.py").stdout


def test_a_wrong_loss_beside_right_derivatives_asks_for_no_problem(candidate):
    body = "    loss, *rest = right.train_step(p, x, y, rate)\n    return int(loss), *rest\n"
    file = candidate(
        f"import sys; sys.path.insert(0, {str(EXAMPLES)!r}); import right\ndef train_step(p, x, y, rate):\n{body}"
    )
    found = backproof("check", file).stdout
    assert "it is the loss formula alone that differs" in found
    assert "no problem was named" not in found


def refused(done, reason):
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("backproof: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr


BAD_REQUESTS = {
    "no file": (("check",), "FILE.py"),
    "missing": (("check", "none.py"), "none.py: there is no such file"),
    "folder": (("check", "."), "is a folder"),
    "no Python": (("check", "three_rows.toml"), "is no Python file; its name must end in .py"),
    "problem": (("check", "right.py", "--problem", "clasification"), "did you mean 'classification'?"),
    "problem file": (("check", "right.py", "--problem", "none.toml"), "none.toml"),
    "states": (("check", "right.py", "--states", "2"), "--states: 2 must be at least 3"),
    "states-too-many": (
        ("check", "right.py", "--states", "99999999999"),
        "--states: 99,999,999,999 random states need",
    ),
    "seed": (("check", "right.py", "--states-seed", "-1"), "--states-seed"),
    "timeout": (("check", "right.py", "--timeout", "nan"), "--timeout"),
    "tolerance": (("sensitivity", "--tolerance", "tight"), "--tolerance"),
    "steps": (("sensitivity", "--steps", "0"), "--steps"),
}


@pytest.mark.parametrize(("arguments", "reason"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_bad_request_is_one_line(arguments, reason):
    refused(backproof(*arguments), reason)


def test_the_seed_of_the_states_is_shown_and_can_be_changed():
    assert "5 random states (seed 7)" in backproof("check", "right.py", *QUICK, "--states-seed", "7").stdout


def test_what_a_candidate_prints_is_not_in_the_json(candidate):
    file = candidate("print('hello')\ndef train_step(p, x, y, rate):\n    print('{}'); return 1.0, p")
    assert result_of(backproof("check", file, *QUICK, "--json", "-"))["verdict"] == "disagrees"


def test_a_candidate_may_import_what_lies_beside_it(candidate, tmp_path):
    (tmp_path / "beside.py").write_text((EXAMPLES / "right.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert backproof("check", candidate("from beside import train_step"), *QUICK).returncode == 0


def test_sensitivity_counts_what_a_check_would_not_notice():
    done = backproof("sensitivity", "regression", "--json", "-")
    document = json.loads(done.stdout)
    assert (done.returncode, document["planted"], len(document["mutants"])) == (0, 293, 293)
    assert document["noticed"] == sum(one["killed"] for one in document["mutants"])


@pytest.mark.parametrize(("tolerance", "code"), [("1e9,1e9", 1), ("1e-3,1e-3", 0), ("derived", 0)])
def test_sensitivity_fails_only_where_nothing_at_all_is_noticed(tolerance, code):
    done = backproof("sensitivity", "--steps", "2", "--tolerance", tolerance)
    assert (done.returncode, done.stderr) == (code, "")
    assert (" 0 noticed" in done.stdout) is bool(code)
    assert "not one mistake was noticed" in " ".join(backproof("sensitivity", "--help").stdout.split())


def test_a_loose_tolerance_notices_less():
    noticed = [
        json.loads(backproof("sensitivity", "--steps", "5", "--tolerance", tolerance, "--json", "-").stdout)["noticed"]
        for tolerance in ("1e-3,1e-3", "1e-6,1e-9", "derived")
    ]
    assert noticed == sorted(noticed)
    assert noticed[0] < noticed[-1]


def test_a_form_that_cannot_be_compared_is_a_bad_request(candidate):
    file = candidate("def train_step(parameters, x, y, learning_rate):\n    return parameters, 0.5\n")
    done = backproof("check", file, *QUICK)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.splitlines() == [
        "mine.py on classification: cannot be compared",
        "  step 1 along the problem: train_step returned (parameters, loss): the order is (loss, parameters)",
    ]
    told = backproof("check", file, *QUICK, "--json", "-")
    assert (told.returncode, result_of(told)["verdict"], result_of(told)["compared"]) == (2, "crashed", 0)


TWICE = """
name = "twice"
data = { x = [[1, 2], [3, 1]], y = [[0], [1]] }
network = { units = [2, 1], activations = ["tanh", "sigmoid"], loss = "binary_cross_entropy_with_logits" }
initial = { weights = 0.1 }
training = { learning_rate = 0.1, epochs = 1 }
"""


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_a_sigmoid_before_logits_is_warned_of(activation, tmp_path):
    problem, trace = tmp_path / "twice.toml", tmp_path / "trace.npz"
    problem.write_text(TWICE.replace("sigmoid", activation), encoding="utf-8")
    for arguments in (
        ("record", str(problem), "--with", "manual-matrix", "-o", str(trace)),
        ("audit", str(trace)),
        ("sweep", str(problem)),
    ):
        done = backproof(*arguments)
        assert done.returncode == 0
        assert done.stderr.startswith("backproof: warning: twice: the last activation is 'sigmoid'") == (
            activation == "sigmoid"
        )
        assert done.stderr.count("\n") == (activation == "sigmoid")
