"""Traces in folders from the command line: recorded, audited and reported, and refused in one line."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

import manual.nine_derivatives.train as scalar
from comparisons import cli
from comparisons.commands import report
from manual.train import train, versions
from problems import store_columns
from problems.block import stacked
from problems.catalogue import named_problem
from problems.optimizer import Optimizer
from problems.trace_store import open_trace
from problems.trace_writer import TraceWriter
from problems.training_ways import FAST, TRAINING

pytest.importorskip("zarr")

RECORD = ("record", "regression", "--with", "manual-matrix", "-o")


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output, standard error."""

    code: int
    output: str
    errors: str


@pytest.fixture
def backproof(tmp_path, monkeypatch, capfd):
    """A function that runs `backproof` with its arguments in an empty folder, streams captured."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["backproof", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capfd.readouterr()
        return Ran(left.value.code, captured.out, captured.err)

    return run


def record_part(folder, steps, change=lambda block: block, *, name="manual-matrix", environment=None, **changes):
    """The first steps of a training by hand, as a kill would leave them; name, environment: whose it is said to be."""
    problem = named_problem("regression").changed(**changes)
    with TraceWriter(folder, problem, name, environment or {"device": "cpu", **versions(problem)}) as writer:
        for block in stacked(itertools.islice(train(writer.to_train()), steps), 4):
            writer.append(change(block))
        if steps == problem.steps:
            writer.complete()


def record_scalar(folder, steps):
    """The same by the nine derivatives."""
    problem = named_problem("regression")
    environment = {"device": "cpu", **scalar.versions(problem)}
    with TraceWriter(folder, problem, "manual-scalar", environment) as writer:
        writer.append(next(scalar.train(problem)).part(0, steps))


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(ran, *words):
    """Whether one line, with these words in it, was all that was said, and the exit code is 2."""
    assert (ran.code, ran.output) == (2, "")
    (line,) = ran.errors.splitlines()
    assert line.startswith("backproof: ")
    return all(word in line for word in words)


def without_seconds(text):
    found = json.loads(text)
    for comparison in found["comparisons"]:
        for one in comparison["implementations"]:
            del one["seconds"]
    return found


def test_record_audit_and_report(backproof, tmp_path):
    ran = backproof(*RECORD, "t.zarr", "--order", "shuffled", "--batch-size", "3")
    assert ran.code == 0
    assert ran.output == "t.zarr: 10 steps of regression by manual-matrix; check it with: backproof audit t.zarr\n"
    assert backproof("audit", "t.zarr").code == 0
    assert backproof("report", "t.zarr", "-o", "report").code == 0
    assert (tmp_path / "report" / "report.html").exists()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_folder_is_judged_as_the_file_is(backproof, optimizer):
    for output in ("t.zarr", "t.npz"):
        assert backproof(*RECORD, output, "--optimizer", optimizer).code == 0
    found = [without_seconds(backproof("audit", path, "--json", "-").output) for path in ("t.zarr", "t.npz")]
    assert found[0]["comparisons"] == found[1]["comparisons"]
    assert backproof("audit", "t.zarr", "t.npz").output.count("agrees") == 2


def test_a_wrong_step_in_a_folder_is_found(backproof, tmp_path):
    def wrong(block):
        spoilt = np.array(block.gradients["W1"])
        spoilt[block.rows[:, 0] == 2] *= 1.5
        return replace(block, gradients={**block.gradients, "W1": spoilt})

    record_part(tmp_path / "t.zarr", 20, wrong)
    ran = backproof("audit", "t.zarr")
    assert ran.code == 1
    assert "first bad step: 3 of 20" in ran.output


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_a_training_that_was_not_recorded_to_its_end_goes_on(backproof, tmp_path, optimizer):
    made = Optimizer(name=optimizer, learning_rate=named_problem("regression").optimizer.learning_rate)
    record_part(tmp_path / "t.zarr", 7, optimizer=made)
    ran = backproof("audit", "t.zarr")
    assert ran.code == 1
    assert "7 steps were recorded, the problem has 20: it was not recorded to its end" in ran.output
    assert "Largest |deviation|" in ran.output  # judged as far as it goes
    ran = backproof(*RECORD, "t.zarr", "--optimizer", optimizer)
    assert (ran.code, ran.errors) == (0, "")
    assert "20 steps of regression by manual-matrix (7 of them were there)" in ran.output
    assert backproof("audit", "t.zarr").code == 0


def test_the_fault_of_an_unfinished_training_is_no_known_deviation(backproof, tmp_path):
    record_part(tmp_path / "t.zarr", 7)
    (one,) = json.loads(backproof("audit", "t.zarr", "--json", "-").output)["comparisons"][0]["implementations"]
    assert (one["verdict"], one["known_deviation"]) == ("disagrees", None)
    assert one["reason"].startswith("7 steps were recorded, the problem has 20: ")


def test_another_training_in_the_folder_is_refused(backproof, tmp_path):
    record_part(tmp_path / "t.zarr", 7)
    before = files(tmp_path)
    assert refused(backproof(*RECORD, "t.zarr", "--epochs", "9"), "whose epochs is 5 and not 9")
    assert refused(backproof(*RECORD, "t.zarr", "--initial", "random:1"), "whose start is")
    scalar = ("record", "regression", "--with", "manual-scalar", "-o", "t.zarr")
    assert refused(backproof(*scalar), "by manual-matrix and not by manual-scalar")
    assert files(tmp_path) == before


def test_what_was_compiled_goes_on_compiled_alone_and_by_the_same_version(backproof, tmp_path, monkeypatch):
    version = pytest.importorskip("numba").__version__
    again = ("record", "regression", "--with", "manual-scalar", "-o")
    record_scalar(tmp_path / "plain.zarr", 7)
    monkeypatch.setattr(scalar, "LONG", 20)
    record_scalar(tmp_path / "t.zarr", 7)
    before = files(tmp_path)
    assert refused(backproof(*again, "plain.zarr"), f"recorded without numba, and not with numba {version}; name anoth")
    with monkeypatch.context() as other:
        other.setattr(scalar.importlib.metadata, "version", lambda name: "0.1")
        assert refused(backproof(*again, "t.zarr"), f"whose numba is '{version}' and not '0.1'; name another folder")
    with monkeypatch.context() as other:
        other.setattr(scalar, "LONG", 21)  # as where numba is not installed
        assert refused(backproof(*again, "t.zarr"), f"recorded with numba {version}, and not without it; name another")
    assert files(tmp_path) == before
    assert backproof(*again, "t.zarr").code == 0
    assert open_trace(tmp_path / "t.zarr").environment["numba"] == version


def test_a_training_that_ended_is_not_recorded_again(backproof, tmp_path):
    record_part(tmp_path / "t.zarr", 20)
    before = files(tmp_path)
    assert refused(backproof(*RECORD, "t.zarr"), "holds all 20 steps of regression by manual-matrix already")
    assert files(tmp_path) == before


@pytest.mark.parametrize("steps", [7, 20], ids=["begun", "ended"])
def test_a_folder_of_many_steps_in_one_call_is_another_training(backproof, tmp_path, require_or_skip, steps):
    require_or_skip("jax")
    again = ("record", "regression", "--with", "jax", "-o", "t.zarr")
    record_part(tmp_path / "t.zarr", steps, name="jax", environment={TRAINING: FAST})
    before = files(tmp_path)
    assert refused(backproof(*again), "backproof: t.zarr: holds another training, by jax (fast) and not by jax; name")
    if steps == 20:
        assert refused(backproof(*again, "--fast"), "t.zarr: holds all 20 steps of regression by jax (fast) already")
    assert files(tmp_path) == before


def test_what_only_the_process_knows_is_refused_with_the_path_as_it_was_given(backproof, tmp_path, require_or_skip):
    require_or_skip("jax")
    record_part(tmp_path / "t.zarr", 7, name="jax", environment={"python": "2.7"})
    again = backproof("record", "regression", "--with", "jax", "-o", "t.zarr")
    assert refused(again, "backproof: t.zarr: holds another training, recorded")


def test_what_cannot_be_recorded_into_is_refused(backproof, tmp_path, monkeypatch):
    (tmp_path / "file.zarr").write_text("mine")
    (tmp_path / "full.zarr").mkdir()
    (tmp_path / "full.zarr" / "mine").write_text("mine")
    before = files(tmp_path)
    assert refused(backproof(*RECORD, "file.zarr"), "-o: file.zarr is a file; name a folder")
    assert refused(backproof(*RECORD, "no/t.zarr"), "does not exist")
    assert refused(backproof(*RECORD, "full.zarr"), "full.zarr: is no stored trace")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert refused(backproof(*RECORD, "t.zarr"), "cannot be written to; name another")
    assert files(tmp_path) == before


@pytest.mark.parametrize("output", ["t.zarr", "t.npz"])
def test_what_cannot_be_trained_is_nothing_to_compare_and_leaves_nothing(backproof, tmp_path, output):
    ran = backproof("record", "regression", "--with", "manual-scalar", "--batch-size", "2", "-o", output)
    assert (ran.code, ran.output) == (3, "")
    assert ran.errors.startswith("backproof: manual-scalar: the nine derivatives are written for")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("output", ["t.zarr", "t.npz"])
def test_an_implementation_that_cannot_is_named_once(backproof, output):
    ran = backproof(*RECORD, output, "--dtype", "bfloat16")
    assert (ran.code, ran.errors.count("manual")) == (3, 1)
    assert ran.errors.startswith("backproof: manual-matrix: dtype 'bfloat16' is not written here; ")
    ran = backproof("compare", "regression", "--against", "manual-matrix", "--dtype", "bfloat16")
    assert "]: dtype 'bfloat16' is not written here; " in ran.output


def test_one_step_is_no_steps(backproof):
    for output in ("t.zarr", "t.npz"):
        ran = backproof(*RECORD, output, "--epochs", "1", "--batch-size", "all")
        assert ran.output.startswith(f"{output}: 1 step of regression by manual-matrix; ")


def test_a_folder_that_is_no_trace_is_not_audited(backproof, tmp_path):
    (tmp_path / "empty").mkdir()
    assert refused(backproof("audit", "missing.zarr"), "missing.zarr: does not exist; record a trace with")
    assert refused(backproof("audit", "empty"), "empty: is no stored trace: it holds no zarr.json")
    assert refused(backproof("report", "empty", "-o", "report"), "empty: is no stored trace")


def test_a_damaged_folder_is_not_audited(backproof, tmp_path):
    record_part(tmp_path / "t.zarr", 20)
    path = tmp_path / "t.zarr" / "loss" / "c.0"
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    assert refused(backproof("audit", "t.zarr"), "t.zarr/loss/c.0 is damaged: record it again, or take it from a copy")


def test_a_trace_too_large_for_a_report_is_refused(backproof, tmp_path, monkeypatch):
    record_part(tmp_path / "t.zarr", 20)
    monkeypatch.setattr(report, "MOST_BYTES", open_trace(tmp_path / "t.zarr").nbytes - 1)
    ran = backproof("report", "t.zarr", "-o", "report")
    assert refused(ran, "t.zarr: its 20 steps take 0.0 GiB", "judge it block by block with: backproof audit t.zarr")
    assert not (tmp_path / "report").exists()


def test_without_zarr_it_says_how_to_install_it(backproof, tmp_path, monkeypatch):
    record_part(tmp_path / "t.zarr", 20)
    monkeypatch.setattr(store_columns, "find_spec", lambda name: None)
    for ran in (backproof("audit", "t.zarr"), backproof(*RECORD, "u.zarr")):
        assert refused(ran, "needs zarr; install with: pip install 'backproof[store]'")
    assert not (tmp_path / "u.zarr").exists()


def test_a_trace_longer_than_memory_is_no_bad_request(backproof):
    """Only a file must fit into memory; here the first thing that is refused is the implementation."""
    long = ("record", "regression", "--epochs", "500000000", "--with", "manual-scalar", "--batch-size", "2", "-o")
    assert refused(backproof(*long, "t.npz"), "whose trace needs about", "GiB")
    assert "nine derivatives" in backproof(*long, "t.zarr").errors
