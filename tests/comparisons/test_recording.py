"""Recording into a folder: the whole training whatever ended its parts, from the command line too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comparisons import recording, streaming
from comparisons.compare import silent
from comparisons.fast import fast_variables, has_fast
from comparisons.implementations import IMPLEMENTATIONS, NAMES
from comparisons.worker_process import process_environment
from problems.catalogue import named_problem
from problems.trace import TraceError
from problems.trace_store import as_columns, open_trace
from problems.trace_writer import TraceWriter

pytest.importorskip("zarr")

BATCHES = ("sgd-shuffled", "sgd-random", "momentum", "adam", "adam-uncorrected")
REFUSED = {
    "manual-scalar": BATCHES,
    "manual-matrix": (),
    "torch": ("adam-uncorrected",),
    "keras-tensorflow": ("adam",),
    "keras-torch": ("adam",),
    "keras-jax": ("adam",),
    "jax": ("adam-uncorrected",),
    "sklearn": ("adam", "diverging"),
}
GOING_ON = Path(__file__).with_name("going_on.py")


CASES = [*((name, False) for name in NAMES), *((name, True) for name in NAMES if has_fast(name))]


@pytest.mark.parametrize(("name", "fast"), CASES, ids=[name + "-fast" * fast for name, fast in CASES])
def test_a_training_that_goes_on_is_the_whole_one_bit_for_bit(name, fast, tmp_path, require_or_skip):
    require_or_skip(name)
    started = {**process_environment(), **fast_variables(name, fast), **IMPLEMENTATIONS[name].environment}
    environment = {**os.environ, **started}
    command = [sys.executable, str(GOING_ON), name, str(tmp_path)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    refused = {case: why for case, why in found.items() if isinstance(why, str)}
    assert {case: differs for case, differs in found.items() if case not in refused and differs} == {}
    assert refused.keys() == set(REFUSED[name])


@pytest.mark.parametrize(("block_bytes", "longest"), [(2**22, 64), (2000, 12), (1, 1)])
def test_no_more_steps_are_held_than_a_block_has(block_bytes, longest, monkeypatch, tmp_path):
    """A step of a large network fills a block: two of them would be twice the memory."""
    monkeypatch.setattr(streaming, "BLOCK_BYTES", block_bytes)
    lengths = []

    def append(writer, block, real=TraceWriter.append):
        lengths.append(block.steps)
        real(writer, block)

    monkeypatch.setattr(TraceWriter, "append", append)
    recording.record_here("manual-matrix", named_problem("regression").changed(epochs=25), tmp_path / "t.zarr", silent)
    assert (sum(lengths), max(lengths)) == (100, longest)


def command(*arguments):
    return [sys.executable, "-P", "-m", "comparisons.cli", *map(str, arguments)]


def run(*arguments, **options):
    environment = {**os.environ, **process_environment()}
    return subprocess.run(command(*arguments), env=environment, capture_output=True, text=True, check=False, **options)


def told_steps(folder):
    try:
        return open_trace(folder).steps
    except TraceError:
        return 0


def kill_while_recording(arguments, folder, *, worker=False):
    """Kill the command, or its worker, as soon as it has told of more steps than before; what is recorded then."""
    before = told_steps(folder)
    environment = {**os.environ, **process_environment()}
    with subprocess.Popen(
        command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and told_steps(folder) <= before:
            time.sleep(0.02)
        if worker:
            import psutil

            for child in psutil.Process(process.pid).children():
                child.kill()
        else:
            process.kill()
        _, errors = process.communicate()
    return told_steps(folder), errors.decode()


@pytest.mark.parametrize(("name", "worker"), [("manual-matrix", False), ("jax", False), ("torch", True)])
def test_killed_and_started_again_it_is_the_whole_training(name, worker, tmp_path, require_or_skip):
    require_or_skip(name)
    if worker:
        pytest.importorskip("psutil")
    folder, other = tmp_path / "killed.zarr", tmp_path / "whole.zarr"
    epochs = 12_000 if name == "manual-matrix" else 6_000
    asked = ["record", "regression", "--with", name, "--epochs", epochs, "--order", "shuffled", "-o"]
    recorded, errors = kill_while_recording([*asked, folder], folder, worker=worker)
    assert 0 < recorded < 4 * epochs
    if worker:
        assert "killed by SIGKILL" in errors
        assert f"{recorded:,} steps are kept in {folder}, and the same command goes on from there" in errors
    ran = run(*asked, folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{4 * epochs:,} steps of regression by {name} (" in ran.stdout
    assert run(*asked, other).returncode == 0
    one, other_one = (open_trace(path) for path in (folder, other))
    assert one.complete
    for begin in range(0, 4 * epochs, 10_000):
        parts = [as_columns(trace.block(begin, min(begin + 10_000, trace.steps))) for trace in (one, other_one)]
        assert all(parts[0][key].tobytes() == parts[1][key].tobytes() for key in parts[0])
