"""A trace in a folder: what was recorded comes back bit for bit, or is refused in one line that names the file."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from problems import Step, Trace, TraceError, trace_store, trace_writer
from problems.block import stacked
from problems.trace_file import trace_arrays
from problems.trace_store import looks_stored, open_trace
from problems.trace_writer import TraceWriter

zarr = pytest.importorskip("zarr")

ODD = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 1e-45]


def write(folder, problem, steps, length=3, **closing):
    with TraceWriter(folder, problem, "nobody", {"numpy": "2"}) as writer:
        for block in stacked(steps, length):
            writer.append(block)
        if len(steps) == problem.steps:
            writer.complete({"import": 0.5})


def arrays(trace):
    return {key: values for key, values in trace_arrays(trace).items() if key not in ("seconds",)}


def same_bits(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def require_same(found, expected):
    one, other = arrays(found), arrays(expected)
    assert list(one) == list(other)
    assert [key for key in one if not same_bits(one[key], other[key])] == []


def expected_trace(problem, steps):
    return Trace.record(problem, steps, implementation="nobody", environment={"numpy": "2"})


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("length", [1, 3, 4, 50])
def test_trace_comes_back_bit_for_bit(folder, problem, random_steps, small_chunks, dtype, length):
    trained = problem(dtype=dtype, epochs=5)
    steps = random_steps(trained)
    with np.errstate(over="ignore", under="ignore"):
        steps[7].gradients["W1"].setflags(write=True)
        steps[7].gradients["W1"].flat[:4] = np.array(ODD[:4]).astype(steps[7].loss.dtype)
    write(folder, trained, steps, length)
    stored = open_trace(str(folder))
    assert (stored.steps, stored.complete, stored.implementation) == (25, True, "nobody")
    assert stored.environment == {"numpy": "2"}
    assert stored.seconds["import"] == 0.5
    assert stored.seconds["train"] > 0
    require_same(stored.load(), expected_trace(trained, steps))


def test_one_chunk_of_zeros_is_no_missing_chunk(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    zeros = {name: np.zeros_like(values) for name, values in trained.initial.items()}
    steps = [Step(rows=[0], loss=0.0, gradients=zeros, parameters=zeros) for _ in range(trained.steps)]
    write(folder, trained, steps)
    require_same(open_trace(folder).load(), expected_trace(trained, steps))


def test_short_batches_are_filled_up(folder, problem, random_steps, small_chunks):
    trained = problem(batch_size=2, epochs=2)
    rows = ([3, 4], [1, 0], [2], [0, 1], [2, 3], [4])
    steps = [
        Step(rows=np.array(given), loss=step.loss, gradients=step.gradients, parameters=step.parameters)
        for given, step in zip(rows, random_steps(trained), strict=True)
    ]
    for length in (1, 6):
        shutil.rmtree(folder, ignore_errors=True)
        write(folder, trained, steps, length)
        assert open_trace(folder).load().rows.tolist() == [*map(list, rows[:2]), [2, -1], [0, 1], [2, 3], [4, -1]]


@pytest.mark.parametrize("length", [None, 1, 3, 4, 7, 1000])
def test_blocks_are_the_steps_in_order_and_none_is_longer(folder, problem, random_steps, small_chunks, length):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    write(folder, trained, steps)
    blocks = list(open_trace(folder).blocks(length))
    assert [loss for block in blocks for loss in block.loss] == [step.loss for step in steps]
    assert max(block.steps for block in blocks) <= min(length or 4, 4)


def test_no_more_than_a_block_is_read_at_once(folder, problem, random_steps, small_chunks, monkeypatch):
    trained = problem(epochs=8)
    write(folder, trained, random_steps(trained))
    stored = open_trace(folder)
    read = []
    monkeypatch.setattr(
        trace_store.StoredTrace,
        "block",
        lambda self, begin, end, block=trace_store.StoredTrace.block: (
            read.append(end - begin) or block(self, begin, end)
        ),
    )
    assert sum(block.steps for block in stored.blocks()) == 40
    assert max(read) <= 4


def test_chunks_of_large_networks_hold_one_step_and_those_of_small_tensors_more(folder, problem, random_steps):
    trained = problem()
    steps = random_steps(trained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_store, "BLOCK_BYTES", 16)
        patch.setattr(trace_writer, "SMALL_CHUNK", 32)
        write(folder, trained, steps)
    lengths = {name: column.length for name, column in open_trace(folder).columns.items()}
    assert (lengths["gradient.W1"], lengths["parameter.W2"], lengths["loss"], lengths["rows"]) == (1, 2, 4, 4)
    require_same(open_trace(folder).load(), expected_trace(trained, steps))


def test_zarr_itself_reads_it(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    write(folder, trained, steps)
    group = zarr.open_group(folder, mode="r")
    assert sorted(group.array_keys()) == sorted(
        ["rows", "loss", "recorded", "x", "y"]
        + [f"{kind}.{name}" for kind in ("gradient", "initial", "parameter") for name in trained.initial]
    )
    assert group["loss"][:].tolist() == [float(step.loss) for step in steps]
    assert group["recorded"][0] == 25
    assert json.loads(group.attrs["settings"])["name"] == "small"
    assert [codec.__class__.__name__ for codec in group["loss"].compressors] == ["Crc32cCodec"]


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_whole(folder):
    """What a reader sees of it."""
    stored = open_trace(folder)
    return {**arrays(stored.load()), "complete": np.array(stored.complete), "ns": np.array(stored.nanoseconds)}


def refused_or_same(folder, whole):
    """Whether the folder is refused, in one line that names it; else it must read as it did."""
    try:
        found = read_whole(folder)
    except TraceError as error:
        return str(error).startswith(str(folder)) and str(error).isprintable()
    assert [key for key in whole if not same_bits(found[key], whole[key])] == []
    return False


def altered(data, position, mask):
    return data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]


@pytest.mark.parametrize("mask", [0xFF, 0x01], ids=["inverted", "lowest-bit"])
def test_altered_bytes_of_any_file_are_refused(folder, problem, random_steps, mask):
    trained = problem(epochs=1)
    write(folder, trained, random_steps(trained))
    whole = read_whole(folder)
    for path in files(folder):
        data = path.read_bytes()
        for position in {0, len(data) // 3, len(data) // 2, len(data) - 5, len(data) - 1} - {-1}:
            path.write_bytes(altered(data, position, mask))
            assert refused_or_same(folder, whole) or (path.parent == folder and position == len(data) - 1)
        path.write_bytes(data)
    assert not refused_or_same(folder, whole)


def test_no_altered_byte_of_what_is_told_changes_what_is_read(folder, problem, random_steps):
    trained = problem(epochs=1)
    write(folder, trained, random_steps(trained))
    whole = read_whole(folder)
    root = folder / "zarr.json"
    data = root.read_bytes()
    refused = 0
    for position in range(len(data)):
        root.write_bytes(altered(data, position, 0x01))
        refused += refused_or_same(folder, whole)
    assert refused > 0.95 * len(data)  # the rest is white space and what Zarr itself may say otherwise


def test_every_truncated_or_missing_file_is_refused(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=2)
    write(folder, trained, random_steps(trained))
    whole = read_whole(folder)
    for path in files(folder):
        data = path.read_bytes()
        for length in {0, 1, len(data) // 2, len(data) - 1}:
            path.write_bytes(data[:length])
            assert refused_or_same(folder, whole)
        path.unlink()
        assert refused_or_same(folder, whole)
        path.mkdir()
        assert refused_or_same(folder, whole)
        path.rmdir()
        path.write_bytes(data)
    assert not refused_or_same(folder, whole)


def test_damage_is_said_with_the_file_and_what_to_do(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    write(folder, trained, random_steps(trained))
    path = folder / "gradient.W1" / "c.2.0.0"
    data = path.read_bytes()
    path.write_bytes(altered(data, 9, 1))
    with pytest.raises(TraceError, match="^" + str(path) + " is damaged: record it again, or take it from a copy$"):
        open_trace(folder).load()
    path.unlink()
    with pytest.raises(TraceError, match="^" + str(path) + " is missing; the trace is damaged: record it again"):
        open_trace(folder).load()


def test_two_chunks_in_each_others_place_are_named(folder, problem, random_steps, small_chunks):
    """Neighbors of one size: a Zarr array reads the other's numbers, and each fits its own checksum."""
    trained = problem(epochs=5)
    write(folder, trained, random_steps(trained))
    whole = read_whole(folder)
    held = {path: path.read_bytes() for path in files(folder) if path.name.startswith("c.")}
    pairs = itertools.pairwise(sorted(held, key=lambda path: (len(held[path]), path)))
    swapped = [(one, other) for one, other in pairs if len(held[one]) == len(held[other]) and held[one] != held[other]]
    assert {"loss", "gradient.W1", "parameter.b2"} <= {one.parent.name for one, _ in swapped}
    for one, other in swapped:
        one.write_bytes(held[other])
        other.write_bytes(held[one])
        with pytest.raises(TraceError) as refused:
            read_whole(folder)
        named, _, _ = str(refused.value).partition(" holds another chunk than was recorded there (files were swapped")
        assert named in (str(one), str(other))
        one.write_bytes(held[one])
        other.write_bytes(held[other])
    assert not refused_or_same(folder, whole)


def test_a_chunk_of_another_trace_is_named(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    write(folder, trained, steps)
    write(folder.with_name("other.zarr"), trained, steps[::-1])
    shutil.copy(folder.with_name("other.zarr") / "loss" / "c.1", folder / "loss" / "c.1")
    with pytest.raises(TraceError, match=f"^{folder}/loss/c.1 holds another chunk than was recorded there"):
        open_trace(folder).load()


def test_what_is_told_of_chunks_is_held_to_what_it_was(folder, problem, random_steps, small_chunks, refused):
    """A line more, with a checksum of its own, is no line of ours."""
    trained = problem(epochs=5)
    write(folder, trained, random_steps(trained))
    path = folder / "recorded" / "checksums"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    refused(TraceError, f"{path} is damaged: record it again", open_trace, folder)
    path.write_bytes(b"".join(lines[:-1]))
    refused(TraceError, f"{folder / 'recorded' / 'c.0'} holds another chunk", open_trace, folder)
    path.unlink()
    refused(TraceError, f"{path}: No such file or directory; the trace is damaged", open_trace, folder)


def test_a_trace_is_read_while_it_grows(folder, problem, random_steps, small_chunks):
    trained = problem(epochs=5)
    steps = random_steps(trained)
    write(folder, trained, steps[:6])
    opened_before = open_trace(folder)
    write(folder, trained, steps)
    assert opened_before.load().loss.tolist() == [float(step.loss) for step in steps[:6]]


def test_an_unread_part_may_be_damaged(folder, problem, random_steps, small_chunks):
    """Nothing is held against a chunk until its steps are asked for."""
    trained = problem(epochs=5)
    steps = random_steps(trained)
    write(folder, trained, steps)
    (folder / "loss" / "c.2").unlink(missing_ok=False)
    block = next(iter(open_trace(folder).blocks()))
    assert block.loss.tolist() == [float(step.loss) for step in steps[:4]]


def test_what_is_no_stored_trace_is_refused(tmp_path, refused):
    path = tmp_path / "x.zarr"
    refused(TraceError, f"{path}: does not exist; record a trace with: backproof record", open_trace, path)
    path.write_text("text")
    refused(TraceError, f"{path}: is no folder; record", open_trace, path)
    path.unlink()
    path.mkdir()
    refused(TraceError, f"{path}: is no stored trace: it holds no zarr.json", open_trace, path)
    zarr.create_group(path, attributes={"title": "of something else"}).create_array("a", shape=(2,), dtype="f8")
    refused(TraceError, f"{path}: is a Zarr group and no trace", open_trace, path)
    refused(TraceError, f"{path / 'a'}: is no Zarr group of format 3", open_trace, path / "a")
    zarr.create_group(tmp_path / "two.zarr", zarr_format=2)
    refused(TraceError, f"{tmp_path / 'two.zarr'}: is no stored trace", open_trace, tmp_path / "two.zarr")


def test_another_format_is_refused(folder, problem, random_steps, refused, monkeypatch):
    from problems import store_seal

    with monkeypatch.context() as patch:
        patch.setattr(store_seal, "FORMAT", "backproof trace 3")
        write(folder, problem(), random_steps(problem()))
    said = refused(TraceError, f"{folder}: ", open_trace, folder)
    assert "'backproof trace 3'" in said
    assert said.endswith("update backproof")


def test_without_zarr_the_command_that_installs_it_is_said(folder, problem, monkeypatch, refused):
    from problems import store_columns

    monkeypatch.setattr(store_columns, "find_spec", lambda name: None)
    said = refused(TraceError, "a trace in a folder (.zarr) needs zarr", open_trace, folder)
    assert said.endswith("install with: pip install 'backproof[store]'")
    refused(TraceError, "a trace in a folder (.zarr) needs zarr", TraceWriter, folder, problem(), "nobody")
    assert not folder.exists()


def test_rows_that_the_problem_does_not_have_are_refused(folder, problem, random_steps, refused):
    trained = problem()
    steps = random_steps(trained)
    steps[7] = Step(rows=[5], loss=0.0, gradients=steps[7].gradients, parameters=steps[7].parameters)
    refused(TraceError, "rows: step 8 has [5]", write, folder, trained, steps)


@pytest.mark.parametrize(("path", "stored"), [("a.zarr", True), ("a.npz", False), ("a", False), (".", True)])
def test_what_looks_like_a_folder(path, stored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert looks_stored(Path(path)) == stored
