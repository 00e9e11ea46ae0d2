"""A framework's process is started once, trains many problems, and is started anew where it died."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from comparisons.campaign.served import Served
from comparisons.implementations import IMPLEMENTATIONS
from problems.catalogue import named_problem

TIMEOUT = 300.0


@pytest.fixture
def served() -> object:
    one = Served("manual-matrix")
    yield one
    one.close()


def test_one_process_trains_many_problems(served) -> None:
    seen = set()
    for name in ("regression", "classification", "regression"):
        outcome = served.train(named_problem(name), TIMEOUT)
        assert outcome.trace is not None
        assert outcome.trace.problem.name == name
        seen.add(served.worker.process.pid)
    assert len(seen) == 1


def test_a_killed_process_costs_nothing(served) -> None:
    assert served.train(named_problem("regression"), TIMEOUT).trace is not None
    os.kill(served.worker.process.pid, signal.SIGKILL)
    assert served.train(named_problem("regression"), TIMEOUT).trace is not None


def test_a_process_that_dies_of_a_problem_is_tried_twice_and_lives_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = tmp_path / "tries"
    fault = f"""
import os, signal
from manual.train import train as by_hand, versions
def train(problem):
    if problem.name == "classification":
        print("x", file=open({str(tries)!r}, "a"), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return by_hand(problem)
"""
    (tmp_path / "frameworks").mkdir()
    (tmp_path / "frameworks" / "__init__.py").touch()
    (tmp_path / "frameworks" / "torch_mlp.py").write_text(fault)
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])}
    monkeypatch.setitem(IMPLEMENTATIONS, "torch", replace(IMPLEMENTATIONS["torch"], environment=environment))
    one = Served("torch")
    try:
        assert one.train(named_problem("regression"), TIMEOUT).trace is not None
        lost = one.train(named_problem("classification"), TIMEOUT)
        assert (lost.trace, lost.crashed) == (None, "killed by SIGKILL")
        assert tries.read_text().splitlines() == ["x", "x"]
        assert one.train(named_problem("regression"), TIMEOUT).trace is not None
    finally:
        one.close()


def test_thousands_of_problems_leave_nothing(served) -> None:
    for _ in range(3):
        served.train(named_problem("regression"), TIMEOUT)
    assert served.worker.events == []
    assert sorted(path.name for path in Path(served.folder.name).iterdir()) == ["log.txt"]


def test_the_import_counts_once(served) -> None:
    first, second = (served.train(named_problem("regression"), TIMEOUT).seconds["import"] for _ in range(2))
    assert first > second == 0


def test_a_problem_that_takes_too_long_is_ended(served) -> None:
    lost = served.train(named_problem("classification").changed(epochs=4000), 0.5)
    assert lost.crashed == "still running after 0.5 s (--timeout)"
    assert served.train(named_problem("regression"), TIMEOUT).trace is not None


def test_what_cannot_be_expressed_is_skipped_and_the_process_lives() -> None:
    one = Served("manual-scalar")
    try:
        pid = None
        for batch_size, skipped in ((1, False), (2, True), (1, False)):
            outcome = one.train(named_problem("regression").changed(batch_size=batch_size), TIMEOUT)
            assert (outcome.skipped is not None) == skipped
            assert pid in (None, one.worker.process.pid)
            pid = one.worker.process.pid
    finally:
        one.close()


def test_nothing_is_left_when_it_is_closed() -> None:
    one = Served("manual-matrix")
    one.train(named_problem("regression"), TIMEOUT)
    process, folder = one.worker.process, one.folder.name
    one.close()
    assert process.poll() is not None
    assert not Path(folder).exists()
