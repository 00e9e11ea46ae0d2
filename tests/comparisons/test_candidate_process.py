"""Candidates that misbehave: each has its own verdict or one-line refusal, and none disturbs or outlives the check."""

from __future__ import annotations

import os
import time

import pytest

from comparisons.candidate_process import check_file
from comparisons.check_text import check_text
from comparisons.verdict import Verdict
from problems.problem import ProblemError

RIGHT = """
import numpy as np
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def right(p, x, y, rate):
    h = sigmoid(x @ p["W1"] + p["b1"])
    z = h @ p["W2"] + p["b2"]
    loss = (y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)).mean()
    dz = (sigmoid(z) - y) / len(y)
    dh = dz @ p["W2"].T * h * (1 - h)
    g = {"W1": x.T @ dh, "b1": dh.sum(0, keepdims=True), "W2": h.T @ dz, "b2": dz.sum(0, keepdims=True)}
    return loss, {k: p[k] - rate * g[k] for k in p}, g
"""
STEP = RIGHT + "def train_step(p, x, y, rate):\n"

AGREEING = {
    "right": "    return right(p, x, y, rate)",
    "two values": "    return right(p, x, y, rate)[:2]",
    "a list": "    return list(right(p, x, y, rate))",
    "no gradients told": "    return (*right(p, x, y, rate)[:2], None)",
    "prints": "    print('step', p); return right(p, x, y, rate)",
    "prints megabytes": "    print('x' * 100_000); return right(p, x, y, rate)",
    "closes stdout": "    return right(p, x, y, rate)\n"
    "import os, sys; sys.stdout.close(); os.close(1); sys.stdout = None",
    "in place": "    loss, new, g = right(p, x, y, rate)\n    for k in p: p[k][...] = new[k]\n"
    "    x[...] = 0; y[...] = 0\n    return loss, p, g",
    "returns lists": "    loss, new, g = right(p, x, y, rate)\n"
    "    return float(loss), {k: new[k].tolist() for k in new}",
    "an array of one number": "    loss, *rest = right(p, x, y, rate)\n    return [[loss]], *rest",
    "changes NumPy": "    np.seterr(all='raise'); np.random.seed(0); np.random.default_rng = None\n"
    "    answer = right(p, x, y, rate)\n    np.array = np.abs = np.asarray = np.stack = None; return answer",
    "torch-like": "    class T:\n        def __init__(self, a): self.a = a\n"
    "        def __array__(self, dtype=None, copy=None): return np.array(self.a, dtype=dtype)\n"
    "    loss, new, g = right(p, x, y, rate)\n    return T(loss), {k: T(v) for k, v in new.items()}",
    "forks": "    import os; os.fork() if rate == 1e-4 else 0; return right(p, x, y, rate)",
    "forks a child that exits": "    import os\n"
    "    if rate == 1e-4 and os.fork() == 0: raise SystemExit(1)\n    return right(p, x, y, rate)",
    "spawns a child": "    import subprocess, sys; subprocess.run([sys.executable, '-c', 'pass']) if rate == 1e-4 and "
    "p['b2'][0, 0] == 0 else 0; return right(p, x, y, rate)",
}
FAULTS = {
    "None": ("    return None", "train_step returned nothing (None)"),
    "one number": ("    return 1.0", "train_step returned float"),
    "too few": ("    return (1.0,)", "train_step returned 1 value;"),
    "too many": ("    return 1, 2, 3, 4", "train_step returned 4 values"),
    "a string for a loss": ("    return 'low', p", "loss is str"),
    "a loss a row": ("    return np.ones(2), p", "loss has shape (2,); expected one number"),
    "no dict": ("    return 1.0, list(p.values())", "parameters are a list"),
    "wrong names": ("    return 1.0, {'w': p['W1']}", "parameter.W1 is missing"),
    "another name": ("    return 1.0, {**p, 'W3': p['W1']}", "parameter.W3 is not a parameter"),
    "wrong shape": ("    return 1.0, {**p, 'b1': p['b1'][0]}", "(2,), expected (1, 2): keep the row axis, e.g. sum("),
    "transposed": (
        "    return 1.0, {**p, 'W2': p['W2'].T}",
        "parameter.W2 has shape (1, 2), expected (2, 1): it is transp",
    ),
    "another shape": ("    return 1.0, {**p, 'b2': p['W1']}", "parameter.b2 has shape (2, 2), expected (1, 1)"),
    "swapped": ("    return p, 1.0", "train_step returned (parameters, loss): the order is (loss, parameters)"),
    "requires grad": (
        "    class T:\n        requires_grad = True\n    return T(), p",
        "loss is a candidate tensor that requires grad: return loss.item()",
    ),
    "a parameter requires grad": (
        "    class T:\n        requires_grad = True\n    return 1.0, {**p, 'b1': T()}",
        "parameter.b1 is a candidate tensor that requires grad: return b1.detach().numpy()",
    ),
    "None within": ("    return 1.0, {**p, 'W1': None}", "parameter.W1 is NoneType"),
    "strings": ("    return 1.0, {**p, 'b2': [['a']]}", "parameter.b2 is list"),
    "ragged": ("    return 1.0, {**p, 'W1': [[1, 2], [3]]}", "parameter.W1 is of type list and no array of numbers"),
    "complex": ("    return 1.0, {**p, 'b2': p['b2'] * 1j}", "expected real numbers"),
    "booleans": ("    return 1.0, {**p, 'b2': p['b2'] > 0}", "expected real numbers"),
    "a broken array": (
        "    class A:\n        def __array__(self, dtype=None, copy=None): raise OSError('gone')\n"
        "    return 1.0, {**p, 'b2': A()}",
        "parameter.b2 is of type A and no array of numbers",
    ),
    "gradients wrong": ("    return (*right(p, x, y, rate)[:2], {})", "gradient.W1 is missing"),
}
CRASHES = {
    "raises": ("    return 1 / 0", "train_step raised ZeroDivisionError: division by zero (candidate.py, line 14)"),
    "raises a long text": ("    raise ValueError('a\\nb' * 10**6)", "train_step raised ValueError: a b"),
    "exits": ("    import sys; sys.exit(0)", "train_step raised SystemExit: 0"),
    "exits at once": ("    import os; os._exit(0)", "did not come to its end"),
    "kills itself": ("    import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
    "loops": ("    while True: pass", "still running after 2 s (--timeout)"),
    "loops deaf": (
        "    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: pass",
        "still running",
    ),
    "recurses": ("    return train_step(p, x, y, rate)", "RecursionError"),
    "asks": ("    input('what? ')", "train_step raised EOFError"),
    "closes everything": ("    import os; os.closerange(0, 64)", "did not come to its end"),
    "interrupts": ("    raise KeyboardInterrupt", "train_step raised KeyboardInterrupt"),
}
REFUSED = {
    "fails on import": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero (candidate.py, line 1)"),
    "exits on import": ("raise SystemExit(0)", "cannot be imported: SystemExit: 0"),
    "syntax": ("def train_step(:", "cannot be imported: SyntaxError: invalid syntax"),
    "nothing": ("", "defines no function train_step(parameters, x, y, learning_rate)"),
    "no function": ("train_step = 3", "defines no function train_step"),
    "not UTF-8": (b"s = '\xff'", "cannot be imported: SyntaxError"),
    "null bytes": (b"\0\0", "cannot be imported: "),  # a SyntaxError, or before Python 3.11.4 a ValueError
}


@pytest.fixture
def checked(tmp_path, problem_called):
    """A function of a candidate's source: what the check of it finds, in few steps."""
    problem = problem_called("classification").changed(epochs=1)

    def check_source(source, timeout=60.0):
        file = tmp_path / "candidate.py"
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        return check_file(file, problem, states=3, seed=0, timeout=timeout)

    return check_source


@pytest.mark.parametrize("body", AGREEING.values(), ids=AGREEING)
def test_odd_but_right_candidates_agree(body, checked):
    found = checked(STEP + body)
    assert found.verdict is Verdict.AGREES, check_text(found)


@pytest.mark.parametrize(("body", "reason"), FAULTS.values(), ids=FAULTS)
def test_an_answer_that_cannot_be_compared_says_why(body, reason, checked):
    found = checked(STEP + body)
    assert (found.verdict, found.formless, found.audit) == (Verdict.CRASHED, True, None)
    assert found.reason.startswith("step 1 along the problem: ")
    assert reason in found.reason


@pytest.mark.parametrize(
    ("head", "reason"),
    {
        "train_step(p, x, y)": "train_step takes 3 arguments (p, x, y); expected (parameters, x, y, learning_rate)",
        "train_step()": "train_step takes 0 arguments (); expected",
        "train_step(p, x, y, rate, epoch)": "train_step takes 5 arguments (p, x, y, rate, epoch); expected",
        "train_step(p, x, y, *, learning_rate)": "takes 4 arguments (p, x, y, *, learning_rate); expected",
    }.items(),
)
def test_a_step_of_other_arguments_cannot_be_compared(head, reason, checked):
    found = checked(f"def {head}:\n    return 1.0, p\n")
    assert (found.verdict, found.formless) == (Verdict.CRASHED, True)
    assert reason in found.reason


@pytest.mark.parametrize("head", ["train_step(*given)", "train_step(p, x, y, rate=0.1, more=None)"])
def test_a_step_that_takes_what_it_is_given_is_asked(head, checked):
    assert checked(f"def {head}:\n    return None\n").reason.endswith("(loss, parameters, gradients)")


def test_a_form_that_is_wrong_later_leaves_the_numbers_before(checked):
    body = "    W = right(p, x, y, rate)\n    return W if p['b2'][0, 0] == 0 else (W[0], {**W[1], 'b1': W[1]['b1'][0]})"
    found = checked(STEP + body)
    assert (found.verdict, found.formless, found.along) == (Verdict.DISAGREES, False, 1)
    assert found.audit.wrong_steps == 0


@pytest.mark.parametrize(("body", "reason"), CRASHES.values(), ids=CRASHES)
def test_a_candidate_that_does_not_come_to_its_end_has_crashed(body, reason, checked):
    found = checked(STEP + body, timeout=2.0 if "while True" in body else 60.0)
    assert found.verdict is Verdict.CRASHED
    assert reason in found.reason
    assert "\n" not in found.reason


@pytest.mark.parametrize(("source", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_file_without_a_candidate_is_refused_in_one_line(source, reason, checked):
    with pytest.raises(ProblemError) as refusal:
        checked(source)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_folder_and_a_missing_file_are_refused(tmp_path, problem_called):
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "none.py", "there is no such file")):
        with pytest.raises(ProblemError, match=reason):
            check_file(path, problem_called("classification"), states=3, seed=0)


def test_steps_before_a_crash_are_kept(checked):
    found = checked(
        "steps = []\n" + STEP + "    steps.append(1); return right(p, x, y, rate) if len(steps) < 3 else 1 / 0"
    )
    assert (found.verdict, found.along) == (Verdict.CRASHED, 2)
    assert found.reason.startswith("step 3 along the problem: train_step raised ZeroDivisionError")


def test_a_wrong_step_before_a_crash_is_diagnosed(checked):
    body = "    if rate != 1e-4: raise ValueError\n    loss, new, g = right(p, x, y, rate); return -loss, new, g"
    assert [d.mistakes for d in checked(STEP + body).diagnoses] == [("sign",)]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid, seconds=10.0):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


ORPHANS = {
    "left behind": "    return right(p, x, y, rate)",
    "while it loops": "    while True: pass",
    "while it dies": "    import os; os._exit(3)",
}


@pytest.mark.parametrize("ending", ORPHANS.values(), ids=ORPHANS)
def test_no_child_of_a_candidate_outlives_the_check(ending, checked, tmp_path):
    child = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    told = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(c.pid))\n"
    checked(child + told + STEP + ending, timeout=3.0)
    assert gone(int((tmp_path / "pid").read_text()))
