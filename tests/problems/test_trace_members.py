"""What stands inside a trace file is checked member by member, behind a checksum that is right."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from problems.records import problem_to_json
from problems.trace_file import load_trace, trace_arrays


@pytest.mark.parametrize("key", ["problem", "implementation", "environment", "seconds", "rows", "loss"])
def test_missing_key(file_of, refusal, key):
    assert f"key {key!r} is missing" in refusal(file_of(**{key: None}))


@pytest.mark.parametrize("key", ["extra", "initial", "initial.", "gradients.W1", "", "new\nline", "\x1b[31m"])
def test_foreign_key(file_of, refusal, key):
    assert f"key {key!r} is not known" in refusal(file_of(**{key: 0.0}))


@pytest.mark.parametrize(
    "key", ["problem", "implementation", "environment", "seconds", "rows", "loss", "gradient.W1", "initial.b1"]
)
@pytest.mark.parametrize(
    "values",
    [
        np.array("text"),
        np.array([b"bytes"]),
        np.array([True]),
        np.array([1j]),
        np.array(["NaT"], "M8[s]"),
        np.array(0.5),
    ],
    ids=["text", "bytes", "bool", "complex", "date", "number"],
)
def test_member_of_another_type(file_of, refusal, path, key, values):
    data = file_of(**{key: values})
    if (key, values.dtype.kind) == ("implementation", "U") or (key, values.dtype.kind) == ("initial.b1", "f"):
        path.write_bytes(data)
        load_trace(path)
    else:
        assert key.split(".")[0] in refusal(data)


def with_member(content, name="extra.npy", claimed=None, times=1):
    """A zip of one member, whose size may be a lie."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for _ in range(times):
            archive.writestr(name, content)
    data = file.getvalue()
    if claimed is not None:
        data = data.replace(len(content).to_bytes(4, "little") * 2, len(content).to_bytes(4, "little") + claimed)
    return data


def npy(values=None, header=None):
    file = io.BytesIO()
    if header is None:
        np.lib.format.write_array(file, values)
    else:
        text = header.encode().ljust(117) + b"\n"
        file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        npy(np.array([{"a": 1}], dtype=object)),
        npy(header="{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
        npy(header="{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
        npy(header="{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
        npy(header="{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
        npy(header="{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 60 + ",)}"),
        npy(header="{'descr': '<z8', 'fortran_order': False, 'shape': (1,)}"),
        npy(header="[" * 110),
        npy(np.zeros(3)) + b"more",
        npy(np.zeros(3))[:-1],
        b"\x93NUMPY\x09\x00",
        b"\x93NUM",
        b"",
        b"text",
    ],
    ids=[
        "pickle", "object-header", "huge", "overflowing", "negative", "beyond-int64", "unknown-dtype", "nested",
        "too-long", "too-short", "unknown-version", "half-magic", "empty", "not-npy",
    ],
)  # fmt: skip
def test_member_that_is_no_plain_array(refusal, content):
    assert "extra is not a plain array" in refusal(with_member(content))


def test_member_that_claims_a_huge_size(refusal):
    assert "claims a size" in refusal(with_member(npy(np.zeros(3)), claimed=b"\xff\xff\xff\x7f"))


def test_member_that_claims_more_than_it_holds_reserves_nothing(refusal):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("rows.npy", "w") as member:
        member.write(npy(header="{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}"))
        for _ in range(64):
            member.write(bytes(2**20))
    tracemalloc.start()
    assert "rows is not a plain array" in refusal(content.getvalue())
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_member_packed_as_numpy_never_does(refusal):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("rows.npy", npy(np.zeros(3)))
    assert "packed" in refusal(file.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_same_member_twice(refusal):
    assert "same key twice" in refusal(with_member(npy(np.zeros(3)), times=2))


def test_same_key_with_and_without_its_suffix(refusal):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("rows.npy", npy(np.zeros(3)))
        archive.writestr("rows", npy(np.zeros(3)))
    assert "same key twice" in refusal(file.getvalue())


@pytest.mark.parametrize(
    "rows",
    [
        [[0], [5], [1]],
        [[0], [-2], [1]],
        [[0], [-1], [1]],
        [[0, 1], [-1, 1], [1, 2]],
        [[0, 1, 2], [0, -1, 2], [0, 1, -1]],
        [[0.0], [1.0], [2.0]],
        [0, 1, 2],
        np.zeros((3, 0), int),
        np.full((3, 1), 2**63, np.uint64),
    ],
    ids=["beyond", "below", "none", "-1-first", "-1-inside", "floats", "flat", "no-columns", "unsigned"],
)
def test_rows_that_are_not_the_problems(file_of, refusal, rows):
    assert "rows: " in refusal(file_of(rows=np.array(rows)))


@pytest.mark.parametrize("key", ["rows", "loss", "gradient.W1", "parameter.b2"])
def test_lengths_that_differ(trace, file_of, refusal, key):
    message = refusal(file_of(**{key: trace_arrays(trace())[key][:2]}))
    assert ("loss is told for 2 steps" if key == "loss" else f"{key} has the shape (2,") in message


@pytest.mark.parametrize("key", ["loss", "gradient.W1"])
def test_tensor_without_steps(file_of, refusal, key):
    assert key in refusal(file_of(**{key: np.array(1.0)}))


@pytest.mark.parametrize("key", ["problem", "environment", "seconds"])
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"a": null}', '{"a": {}}', '{"a": true}', "[" * 5000, '{"a": 1' + "0" * 400 + "}"],
    ids=["nothing", "half", "list", "null", "null-in", "object-in", "bool-in", "nested", "huge"],
)
def test_text_member_that_does_not_fit(file_of, refusal, key, text):
    refusal(file_of(**{key: np.array(text)}))


@pytest.mark.parametrize("key", ["problem", "implementation"])
def test_text_member_that_is_no_unicode(file_of, refusal, key):
    assert key in refusal(file_of(**{key: np.frombuffer(b"\xff" * 4, "<U1").reshape(())}))


def test_problem_that_cannot_be_trained(trace, file_of, refusal):
    record = problem_to_json(trace().problem) | {"epochs": 0}
    assert "training.epochs" in refusal(file_of(problem=np.array(json.dumps(record))))
