"""A trace that is written while a training runs: whatever ends it, what was recorded stays, and it goes on."""

from __future__ import annotations

import gc
import random
import re
import resource
import shutil
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from problems import Optimizer, Step, TraceError, store_columns, trace_writer
from problems.block import Block, stacked
from problems.store_seal import keep, kept
from problems.trace_store import as_columns, open_trace
from problems.trace_writer import TraceWriter
from problems.training_ways import FAST, TRAINING

pytest.importorskip("zarr")

ROOT = Path(__file__).parents[2]
REMEMBERS = Optimizer(name="adam", learning_rate=0.1)


def append(folder, problem, steps, *, length=3, name="nobody", complete=False):
    """Record steps that are all reported from the first one on, or from where the trace goes on."""
    with TraceWriter(folder, problem, name, {"numpy": "2", "platform": "here"}) as writer:
        begin = writer.to_train().begin
        for block in stacked(steps[begin:], length):
            writer.append(block)
        if complete:
            writer.complete()


def same(folder, steps):
    """Whether the folder holds these steps, bit for bit."""
    stored = open_trace(folder)
    found = as_columns(stored.block(0, stored.steps))
    (block,) = stacked(steps, len(steps))
    return all(values.tobytes() == found[name].tobytes() for name, values in as_columns(block).items())


def fingerprint(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("optimizer", [Optimizer(learning_rate=0.1), REMEMBERS], ids=["plain", "remembers"])
@pytest.mark.parametrize("length", [1, 3, 4, 100])
def test_a_trace_that_goes_on_again_and_again_is_the_whole_one(
    folder, problem, random_steps, small_chunks, optimizer, length
):
    trained = problem(epochs=5, optimizer=optimizer)
    steps = random_steps(trained)
    for end in (2, 2, 4, 7, 8, 9, 20):
        append(folder, trained, steps[:end], length=length)
        assert open_trace(folder).steps == end
        assert same(folder, steps[:end])
    append(folder, trained, steps, length=length, complete=True)
    assert open_trace(folder).complete
    assert same(folder, steps)


def test_plain_descent_goes_on_from_the_last_parameters(folder, problem, random_steps):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    append(folder, trained, steps[:9])
    with TraceWriter(folder, trained, "nobody") as writer:
        rest = writer.to_train()
        assert (rest.begin, rest.steps, writer.reported) == (9, 16, 9)
        assert all((rest.initial[name] == values).all() for name, values in steps[8].parameters.items())


@pytest.mark.parametrize("spoil", ["remembers", "diverged"])
def test_all_is_repeated_where_parameters_do_not_tell_enough(folder, problem, random_steps, spoil):
    trained = problem(epochs=5, optimizer=REMEMBERS if spoil == "remembers" else Optimizer(learning_rate=0.1))
    steps = random_steps(trained)
    if spoil == "diverged":
        steps[8].parameters["b2"].setflags(write=True)
        steps[8].parameters["b2"][:] = np.nan
    append(folder, trained, steps[:9])
    with TraceWriter(folder, trained, "nobody") as writer:
        assert writer.to_train() is trained
        assert (writer.reported, writer.steps) == (0, 9)
    append(folder, trained, steps, complete=True)
    assert same(folder, steps)


@pytest.mark.parametrize("length", [1, 4, 100])
def test_a_run_that_does_not_repeat_itself_is_refused(folder, problem, random_steps, small_chunks, refused, length):
    trained = problem(epochs=5, optimizer=REMEMBERS)
    steps = random_steps(trained)
    append(folder, trained, steps[:9])
    steps[6].gradients["W1"].setflags(write=True)
    steps[6].gradients["W1"][1, 0] = -0.0
    before = open_trace(folder).block(0, 9)
    said = refused(
        TraceError,
        f"{folder}: cannot go on, since this run does not repeat what is recorded",
        lambda: append(folder, trained, steps, length=length),
    )
    assert "gradient.W1[1,0] of step 7 is -0.0 now and " in said
    after = open_trace(folder).block(0, 9)
    assert all((as_columns(before)[name] == values).all() for name, values in as_columns(after).items())
    assert open_trace(folder).steps == 9


def test_nan_repeats_nan_and_zero_not_minus_zero(folder, problem, random_steps, refused):
    trained = problem(optimizer=REMEMBERS)
    steps = random_steps(trained)
    steps[1] = Step(rows=[1], loss=np.nan, gradients=steps[1].gradients, parameters=steps[1].parameters)
    steps[2] = Step(rows=[2], loss=0.0, gradients=steps[2].gradients, parameters=steps[2].parameters)
    append(folder, trained, steps[:4])
    append(folder, trained, steps[:5])
    assert open_trace(folder).steps == 5
    steps[2] = Step(rows=[2], loss=-0.0, gradients=steps[2].gradients, parameters=steps[2].parameters)
    refused(TraceError, f"{folder}: cannot go on", append, folder, trained, steps)


def test_a_run_that_ends_before_what_is_recorded_is_refused(folder, problem, random_steps, refused):
    trained = problem(optimizer=REMEMBERS)
    steps = random_steps(trained)
    append(folder, trained, steps[:6])
    said = refused(
        TraceError,
        f"{folder}: 6 steps are recorded, and this run ended after 4",
        lambda: append(folder, trained, steps[:4], complete=True),
    )
    assert said.endswith("it is not the run that was recorded")


def other_problem(problem):
    yield problem(epochs=7), "nobody", "whose epochs is 2 and not 7"
    yield problem(optimizer=Optimizer(learning_rate=0.2)), "nobody", "whose optimizer.learning_rate is 0.1 and not 0.2"
    yield problem(x=problem().x + 1), "nobody", "with other numbers in x"
    yield problem(), "somebody", "by nobody and not by somebody"


def test_another_training_in_the_folder_is_refused_and_nothing_touched(folder, problem, random_steps, refused):
    steps = random_steps(problem())
    append(folder, problem(), steps[:6])
    (folder / "loss" / "c.partial").write_text("left over")
    before = fingerprint(folder)
    for other, name, difference in other_problem(problem):
        said = refused(TraceError, f"{folder}: holds another training, ", TraceWriter, folder, other, name)
        assert difference in said
        assert said.endswith("; name another folder, or remove this one")
    said = refused(TraceError, f"{folder}: holds", TraceWriter, folder, problem(), "nobody", {"numpy": "3"})
    assert "whose numpy is '2' and not '3'" in said
    assert fingerprint(folder) == before


def test_another_platform_string_goes_on(folder, problem, random_steps):
    append(folder, problem(), random_steps(problem())[:6])
    with TraceWriter(folder, problem(), "nobody", {"numpy": "2", "platform": "there"}) as writer:
        assert writer.steps == 6


def test_a_training_that_ended_is_refused_and_nothing_touched(folder, problem, random_steps, refused):
    append(folder, problem(), random_steps(problem()), complete=True)
    before = fingerprint(folder)
    said = refused(TraceError, f"{folder}: holds all 10 steps", TraceWriter, folder, problem(), "nobody")
    assert said.endswith("of small by nobody already; name another folder, or remove this one")
    assert fingerprint(folder) == before


@pytest.mark.parametrize("told", [True, False], ids=["environment", "before it"])
def test_many_steps_in_one_call_are_another_training(folder, problem, random_steps, refused, told):
    single, many = {"numpy": "2"}, {"numpy": "2", TRAINING: FAST}
    append(folder, problem(), random_steps(problem())[:6])  # of single steps
    asked = {"environment": many} if told else {"fast": True}
    said = refused(TraceError, f"{folder}: holds", lambda: TraceWriter(folder, problem(), "nobody", **asked))
    assert "holds another training, by nobody and not by nobody (fast); name another folder" in said
    asked = {"environment": single} if told else {"fast": False}
    with TraceWriter(folder, problem(), "nobody", **asked) as writer:
        assert writer.steps == 6


def test_a_long_training_that_ended_has_its_steps_told_with_commas(folder, problem, random_steps, refused):
    long = problem(epochs=1000)
    append(folder, long, random_steps(long), complete=True)
    line = f"{folder}: holds all 5,000 steps of small by nobody already"
    refused(TraceError, line, TraceWriter, folder, long, "nobody")


def test_all_steps_without_their_end_need_none_more(folder, problem, random_steps):
    append(folder, problem(), random_steps(problem()))
    assert not open_trace(folder).complete
    append(folder, problem(), random_steps(problem()), complete=True)
    assert open_trace(folder).complete


def test_two_at_once_are_refused(folder, problem, random_steps, refused, monkeypatch):
    monkeypatch.setattr("problems.folder_lock.PATIENCE", 0.1)
    with TraceWriter(folder, problem(), "nobody"):
        refused(TraceError, f"{folder}: is being recorded by another process", TraceWriter, folder, problem(), "nobody")
    with TraceWriter(folder, problem(), "nobody"):
        pass


def test_a_folder_made_for_nothing_is_removed(folder, problem):
    with TraceWriter(folder, problem(), "nobody"):
        assert folder.is_dir()
    assert not folder.exists()


def foreign(folder, kind):
    import zarr

    folder.mkdir()
    if kind == "file":
        (folder / "notes.txt").write_text("mine")
    elif kind == "group":
        zarr.create_group(folder, attributes={"title": "another's"})
    elif kind == "array":
        zarr.create_group(folder).create_array("loss", shape=(3,), dtype="f8")[:] = 1.0
    elif kind == "data":
        group = zarr.create_group(folder)
        for name in ("x", "y"):
            group.create_array(name, shape=(3,), dtype="f8")[:] = 1.0
    elif kind == "folder":
        (folder / "data").mkdir()
    elif kind == "link":
        (folder / "loss").symlink_to(folder.parent)


@pytest.mark.parametrize("kind", ["file", "group", "array", "data", "folder", "link"])
def test_a_folder_of_something_else_is_refused_and_nothing_touched(folder, problem, refused, kind):
    foreign(folder, kind)
    before = fingerprint(folder)
    refused(TraceError, f"{folder}", TraceWriter, folder, problem(), "nobody")
    assert fingerprint(folder) == before


def test_a_trace_that_was_only_begun_is_begun_anew(folder, problem, random_steps, monkeypatch):
    """Killed at any moment before the group tells anything, there is nothing to go on from."""
    steps = random_steps(problem())
    with monkeypatch.context() as patch:
        patch.setattr(trace_writer, "keep", None)
        with pytest.raises(TypeError):
            append(folder, problem(), steps)
    assert (folder / "zarr.json").exists()
    (folder / "zarr.partial").write_text("half")
    append(folder, problem(), steps, complete=True)
    assert same(folder, steps)
    assert not list(folder.rglob("*.partial"))


def test_what_a_killed_writer_left_is_removed(folder, problem, random_steps):
    steps = random_steps(problem())
    append(folder, problem(), steps[:6])
    (folder / "loss" / "c.ab12.partial").write_text("half")
    append(folder, problem(), steps, complete=True)
    assert not list(folder.rglob("*.partial"))


@pytest.mark.parametrize("failing", [0, 1, 2, 5, 8])
def test_a_write_that_fails_loses_nothing_that_was_told(
    folder, problem, random_steps, small_chunks, monkeypatch, refused, failing
):
    """The disk is full at some write: what is told to be recorded is, and the same goes on."""
    trained = problem(epochs=5)
    steps = random_steps(trained)
    append(folder, trained, steps[:6])
    writes = iter(range(1000))

    def full(files, real=store_columns.synced):
        if next(writes) >= failing:
            raise OSError(28, "No space left on device")
        real(files)

    with monkeypatch.context() as patch:
        patch.setattr(store_columns, "synced", full)
        said = refused(
            TraceError,
            f"{folder}: cannot be written: No space left on device; ",
            lambda: append(folder, trained, steps, length=1),
        )
    told = int(re.search(r"; (\d+) steps are kept, and the same command goes on", said)[1])
    kept = open_trace(folder).steps
    assert told <= kept <= told + 4  # the number may stand there although the disk did not say so
    assert same(folder, steps[:kept])
    append(folder, trained, steps, complete=True)
    assert same(folder, steps)


@pytest.mark.parametrize("torn", [b"", b"loss/c.1 0bad", b"loss/c.1 0bad 00000000\n", b"\0" * 30])
def test_killed_between_what_is_told_of_a_chunk_and_the_chunk_it_goes_on(
    folder, problem, random_steps, small_chunks, monkeypatch, torn
):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    append(folder, trained, steps[:6])
    with monkeypatch.context() as patch:
        patch.setattr(store_columns.Column, "write", None)
        with pytest.raises(TypeError):
            append(folder, trained, steps[:9])
    checksums = folder / "recorded" / "checksums"
    checksums.write_bytes(checksums.read_bytes() + torn)
    assert same(folder, steps[:6])
    append(folder, trained, steps, complete=True)
    assert same(folder, steps)


def test_what_is_told_of_chunks_grows_by_the_chunks_that_are_written(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=40)
    steps = random_steps(trained)
    lengths = []
    for end in range(4, 201, 4):
        append(folder, trained, steps[:end], length=4)
        lengths.append((folder / "recorded" / "checksums").stat().st_size)
    grown = np.diff(lengths)
    assert grown.max() < 1.1 * grown.min()


def test_a_trace_recorded_before_chunks_had_their_names_opens_and_goes_on(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    append(folder, trained, steps[:6])
    (folder / "recorded" / "checksums").unlink()
    keep(replace(kept(folder), placed=False), folder)
    assert same(folder, steps[:6])
    append(folder, trained, steps, complete=True)
    assert same(folder, steps)
    assert not (folder / "recorded" / "checksums").exists()


def test_files_that_cannot_grow_are_said_in_one_line(folder, problem, random_steps):
    code = WRITER.format(root=str(ROOT), folder=str(folder), steps=400) + "print(open_trace(folder).steps)"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # noqa: E731
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=limit, check=False)
    last = ran.stderr.strip().splitlines()[-1]
    assert re.search(r"TraceError: .*cannot be written: File too large; 0 steps are kept", last)
    append(folder, problem(), random_steps(problem()), complete=True)


def test_an_implementation_that_fails_leaves_what_it_reported(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    steps = random_steps(trained)

    def failing():
        with TraceWriter(folder, trained, "nobody") as writer:
            for block in stacked(steps[:10], 1):
                writer.append(block)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert open_trace(folder).steps == 10
    assert same(folder, steps[:10])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"gradients": {"W1": np.zeros((2, 2))}}, "gradient"),
        (
            {
                "gradients": {
                    "W1": np.zeros((2, 2)),
                    "b1": np.zeros((1, 2)),
                    "W2": np.zeros((2, 1)),
                    "b2": np.zeros((1, 3)),
                }
            },
            "gradient.b2: ",
        ),
        ({"loss": np.longdouble(1)}, "loss: "),
        ({"rows": [7]}, "rows: step 8 has [7]"),
    ],
    ids=["missing", "shape", "dtype", "rows"],
)
def test_steps_unlike_those_before_are_refused(folder, problem, random_steps, small_chunks, refused, spoil, message):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    fields = {name: getattr(steps[7], name) for name in ("rows", "loss", "gradients", "parameters")}
    steps[7] = Step(**(fields | spoil))

    def one_by_one():
        with TraceWriter(folder, trained, "nobody") as writer:
            for step in steps:
                writer.append(next(stacked([step], 1)))

    refused(TraceError, message, one_by_one)


def test_more_steps_than_the_problem_has_are_refused(folder, problem, random_steps, refused):
    steps = random_steps(problem(epochs=3))
    refused(TraceError, "12 steps were reported, the problem has 10", append, folder, problem(), steps)


def test_no_step_at_all_is_no_trace(folder, problem, refused):
    refused(TraceError, f"{folder}: 0 steps", lambda: append(folder, problem(), [], complete=True))
    assert not folder.exists()


def test_what_waits_is_written_after_a_while(folder, problem, random_steps, monkeypatch):
    monkeypatch.setattr(trace_writer, "EVERY", 0.0)
    trained = problem(epochs=5)
    with TraceWriter(folder, trained, "nobody") as writer:
        for number, block in enumerate(stacked(random_steps(trained)[:5], 1), 1):
            writer.append(block)
            assert open_trace(folder).steps == number


WRITER = """
import sys, os
sys.path.insert(0, {root!r})
import numpy as np
from problems import Network, Optimizer, Problem, trace_store, trace_writer
from problems.block import Block
from problems.trace_store import open_trace
from problems.trace_writer import TraceWriter
trace_store.BLOCK_BYTES, trace_writer.SMALL_CHUNK, trace_writer.EVERY = 2000, 200, 0.002
network = Network(inputs=2, units=(2, 1), activations=("tanh", "linear"))
shapes = network.parameter_shapes
initial = {{name: np.full(shape, 0.5) for name, shape in shapes.items()}}
problem = Problem(name="small", x=np.ones((4, 2)), y=np.ones((4, 1)), network=network, loss="mean_squared_error",
                  initial=initial, optimizer=Optimizer(learning_rate=0.1), epochs={steps} // 4)
folder = {folder!r}
def block(begin, end):
    numbers = np.arange(begin, end, dtype=float)
    tensors = {{name: np.add.outer(numbers, np.zeros(shape)) for name, shape in shapes.items()}}
    return Block(rows=(numbers[:, None] % 4).astype(int), loss=numbers, gradients=tensors, parameters=tensors)
with TraceWriter(folder, problem, "nobody") as writer:
    print(writer.steps, flush=True)
    for begin in range(writer.to_train().begin, problem.steps, 3):
        writer.append(block(begin, min(begin + 3, problem.steps)))
    writer.complete()
"""


def test_killed_at_any_moment_it_keeps_what_was_told_and_goes_on(folder):
    """SIGKILL at random moments, again and again, in one folder."""
    code = WRITER.format(root=str(ROOT), folder=str(folder), steps=4_000_000)
    rng, begun = random.Random(7), 0
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert int(process.stdout.readline()) == begun
            while process.poll() is None and told_steps(folder) <= begun:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.05))
            process.kill()
        begun = told_steps(folder)
        held = as_columns(open_trace(folder).block(0, begun))
        for name, values in held.items():
            numbers = np.arange(begun) % 4 if name == "rows" else np.arange(begun)
            assert (values.reshape(begun, -1)[:, 0] == numbers).all()
    assert begun > 0


def told_steps(folder):
    """How many steps the folder tells of, while it is being made too."""
    try:
        return open_trace(folder).steps
    except TraceError:
        return 0


def test_memory_does_not_grow_with_the_steps(folder, problem):
    """Ten times the steps need no more memory, which would be ten times as much if blocks were held."""
    peaks = [peak_of_writing(folder, problem, blocks) for blocks in (4, 40)]
    assert peaks[1] < 1.5 * peaks[0]


@pytest.fixture
def frozen():
    """Collecting garbage looks at nothing that was there before, of which a process of many tests has much."""
    gc.freeze()
    yield
    gc.unfreeze()


def test_memory_of_reading_does_not_grow_with_the_steps(folder, problem, frozen):
    def read():
        for _ in open_trace(folder).blocks():
            gc.collect()  # what only waits for that is not held

    peaks = []
    for blocks in (4, 40):
        peak_of_writing(folder, problem, blocks)
        peaks.append(peak_of(read))
    assert peaks[1] < 1.5 * peaks[0]


def peak_of_writing(folder, problem, blocks):
    shutil.rmtree(folder, ignore_errors=True)
    length = 25_000
    trained = problem(epochs=length // 5 * blocks)
    tensors = {name: np.zeros((length, *values.shape)) for name, values in trained.initial.items()}
    block = Block(rows=np.zeros((length, 1), int), loss=np.zeros(length), gradients=tensors, parameters=tensors)

    def write():
        with TraceWriter(folder, trained, "nobody") as writer:
            for _ in range(blocks):
                copies = {name: values.copy() for name, values in as_columns(block).items()}
                writer.append(trace_writer_block(copies))

    return peak_of(write)


def trace_writer_block(columns):
    from problems.trace_store import as_block

    return as_block(columns)


def peak_of(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
