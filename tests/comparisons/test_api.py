"""From Python: a function, an object or a trace; the message is the command's, the frames are hidden."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comparisons import assert_agrees, check
from comparisons.check_text import check_text
from comparisons.compare import judged_trace
from comparisons.planted import candidate_with
from comparisons.verdict import Verdict
from manual.train import train
from problems.problem import ProblemError
from problems.trace import Trace

pytest_plugins = ["pytester"]

FEW = {"states": 8}
EXAMPLES = Path(__file__).parents[2] / "examples"


class Model:
    """A candidate that keeps its parameters itself."""

    def __init__(self, train_step):
        self.train_step, self.parameters = train_step, {}

    def step(self, x, y, learning_rate):
        loss, self.parameters = self.train_step(self.parameters, x, y, learning_rate)
        return loss


@pytest.fixture
def problem(problem_called):
    return problem_called("classification")


@pytest.fixture
def right(problem):
    return candidate_with(problem, [])


def upside_down(right):
    def train_step(parameters, x, y, learning_rate):
        loss, after = right(parameters, x, y, learning_rate)
        return loss, {**after, "W1": 2 * parameters["W1"] - after["W1"]}

    return train_step


def recorded(problem):
    return Trace.record(problem, train(problem), implementation="mine")


def mistaken(trace, name="W1"):
    gradients = {**trace.gradients, name: -trace.gradients[name]}
    return replace(trace, gradients=gradients)


def test_a_right_function_agrees(right, problem):
    assert check(right, problem, **FEW).verdict is Verdict.AGREES
    assert_agrees(right, problem, **FEW)


def test_a_right_object_agrees(right, problem):
    assert_agrees(Model(right), problem, **FEW)


def test_a_right_trace_agrees(problem):
    assert_agrees(recorded(problem))


def test_a_problem_may_be_named(right):
    assert check(right, "classification", states=3).problem.name == "classification"


def test_an_unknown_problem_is_refused(right):
    with pytest.raises(ProblemError, match="choose from"):
        check(right, "clasification")


@pytest.mark.parametrize("candidate", [None, 3, object(), {"W1": 1}], ids=["None", "number", "object", "dict"])
def test_what_is_no_candidate_is_refused(candidate, problem):
    with pytest.raises(TypeError, match="is no candidate: give a function"):
        check(candidate, problem)


@pytest.mark.parametrize("kind", [lambda step: step, Model], ids=["function", "object"])
def test_a_wrong_candidate_is_named(kind, right, problem):
    found = check(kind(upside_down(right)), problem, **FEW)
    assert {(one.parameter, one.mistakes) for one in found.diagnoses} == {("W1", ("sign",))}


def test_what_a_candidate_raises_passes_through(problem):
    with pytest.raises(ZeroDivisionError):
        check(lambda *given: 1 / 0, problem)


def test_an_answer_of_the_wrong_form_fails(problem):
    with pytest.raises(AssertionError, match=r"train_step returned nothing \(None\)"):
        assert_agrees(lambda *given: None, problem)


def written(folder, body):
    file = folder / "mine.py"
    file.write_text(f"def train_step(parameters, x, y, learning_rate):\n    {body}\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("kind", [str, Path], ids=["text", "Path"])
def test_a_file_is_a_candidate(kind, problem, tmp_path):
    assert_agrees(kind(EXAMPLES / "right.py"), problem, **FEW)
    with pytest.raises(AssertionError, match=r"mine\.py on classification: disagrees"):
        assert_agrees(kind(written(tmp_path, "return 1.0, parameters")), problem, **FEW)


def test_a_file_that_raises_has_crashed(problem, tmp_path):
    found = check(written(tmp_path, "return 1 / 0"), problem, **FEW)
    assert found.verdict is Verdict.CRASHED
    assert "ZeroDivisionError" in found.reason


@pytest.mark.parametrize("name", ["none.py", "classification"])
def test_a_file_that_is_not_there_is_refused(name, problem):
    with pytest.raises(ProblemError, match="there is no such file"):
        check(name, problem)


def test_the_message_is_the_checks_own(right, problem):
    wrong = upside_down(right)
    with pytest.raises(AssertionError) as failure:
        assert_agrees(wrong, problem, **FEW)
    assert str(failure.value) == check_text(check(wrong, problem, **FEW))


def test_the_message_is_that_of_the_command(tmp_path):
    source = "def wrong(parameters, x, y, learning_rate):\n    return 1.0, parameters\n"
    file = tmp_path / "wrong.py"
    file.write_text(f"{source}train_step = wrong\n")
    space = {}
    exec(source, space)
    with pytest.raises(AssertionError) as failure:
        assert_agrees(space["wrong"], "regression")
    command = [sys.executable, "-m", "comparisons.cli", "check", str(file), "--problem", "regression"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.replace("wrong.py", "wrong", 1) == f"{failure.value}\n"


def test_its_own_frames_are_hidden(pytester):
    pytester.makepyfile(
        """
        from comparisons import assert_agrees

        def test_mine():
            assert_agrees(lambda parameters, x, y, rate: (1.0, parameters), "regression", states=3)
        """
    )
    output = pytester.runpytest_inprocess("-p", "no:cacheprovider").stdout.str()
    assert "not-updated" in output
    assert "comparisons/api.py" not in output
    assert "comparisons/any_candidate.py" not in output
    assert "raise AssertionError" not in output


RAISING = {
    "a candidate that raises": ("lambda parameters, x, y, rate: 1 / 0", "ZeroDivisionError"),
    "an object that raises": ("type('Mine', (), {'parameters': None, 'step': lambda *given: 1 / 0})()", "ZeroDivision"),
    "no candidate": ("None", "NoneType is no candidate"),
    "no file": ("'none.py'", "none.py: there is no such file"),
}


@pytest.mark.parametrize(("candidate", "message"), RAISING.values(), ids=RAISING)
def test_its_frames_are_hidden_where_something_is_raised(candidate, message, pytester):
    pytester.makepyfile(
        f"""
        from comparisons import assert_agrees

        def test_mine():
            assert_agrees({candidate}, "regression", states=3)
        """
    )
    output = pytester.runpytest_inprocess("-p", "no:cacheprovider").stdout.str()
    assert message in output
    assert "comparisons/" not in output
    assert "problems/" not in output


def test_a_wrong_trace_is_diagnosed(problem):
    found = check(mistaken(recorded(problem)))
    assert found.verdict is Verdict.DISAGREES
    assert {(one.parameter, one.of, one.mistakes) for one in found.diagnoses} == {("W1", "gradient", ("sign",))}
    assert "∂L/∂W1[0,0] = " in check_text(found)


def test_a_wrong_trace_is_diagnosed_where_it_is_compared(problem):
    trace = mistaken(recorded(problem))
    assert judged_trace(trace, version=None).diagnoses == check(trace).diagnoses


def test_a_single_bad_step_is_among_those_that_are_explained(problem_called):
    trace = recorded(problem_called("classification").changed(epochs=60))
    loss = np.array(trace.loss)
    loss[200] *= 2
    (diagnosis,) = check(replace(trace, loss=loss)).diagnoses
    assert (diagnosis.parameter, diagnosis.mistakes) == ("loss", ("unknown",))
    assert "found / expected is 2 where it is wrong" in diagnosis.explanation


def test_short_batches_are_explained_on_their_own(problem_called):
    problem = problem_called("tanh").changed(batch_size=4, epochs=4)  # six rows: 4 and 2
    trace = recorded(problem)
    short = (trace.rows >= 0).sum(axis=1) == 2
    gradients = {name: np.where(short[:, None, None], values / 2, values) for name, values in trace.gradients.items()}
    found = check(replace(trace, gradients=gradients))
    assert ("factor",) in {one.mistakes for one in found.diagnoses if one.of == "gradient"}


def test_a_trace_of_no_steps_never_agrees(problem):
    trace = recorded(problem)
    nothing = {name: values[:0] for name, values in trace.gradients.items()}
    empty = replace(trace, loss=trace.loss[:0], rows=trace.rows[:0], gradients=nothing, parameters=nothing)
    with pytest.raises(AssertionError, match="no step was recorded"):
        assert_agrees(empty)
    assert check(empty).result.epochs == ()


def test_names_are_never_matched_by_position(problem):
    trace = recorded(problem)
    turned = dict(reversed(list(trace.gradients.items())))
    assert_agrees(replace(trace, gradients=turned))
    renamed = {**trace.gradients, "W3": trace.gradients["W1"]}
    del renamed["W1"]
    with pytest.raises(AssertionError, match=r"gradient\.W1 is missing"):
        assert_agrees(replace(trace, gradients=renamed))


def test_a_transposed_gradient_of_equal_mean_is_named(problem):
    trace = recorded(problem)
    gradients = {**trace.gradients, "W1": trace.gradients["W1"].mT}
    parameters = {**trace.parameters}
    diagnoses = check(replace(trace, gradients=gradients, parameters=parameters)).diagnoses
    assert {(d.index, d.mistakes) for d in diagnoses} == {((0, 1), ("wrong-index",)), ((1, 0), ("wrong-index",))}


def test_not_a_number_is_never_agreement(right, problem):
    for value in (np.nan, np.inf, -np.inf):
        assert check(lambda p, x, y, rate, v=value: (v, right(p, x, y, rate)[1]), problem).verdict is Verdict.DISAGREES


def test_two_mistakes_that_cancel_in_the_loss_are_both_found(right, problem_called):
    problem = problem_called("regression")
    step = candidate_with(problem, [])

    def train_step(parameters, x, y, learning_rate):
        loss, after = step(parameters, x, y, learning_rate)
        half = (after["W1"] - parameters["W1"]) / 2
        return loss, {**after, "W1": parameters["W1"] + half, "b2": after["b2"] + half.sum()}

    assert {one.parameter for one in check(train_step, problem).diagnoses} == {"W1", "b2"}
