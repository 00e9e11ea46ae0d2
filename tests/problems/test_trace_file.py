"""A trace survives its file bit for bit; anything else in its place is refused in one line."""

from __future__ import annotations

import contextlib
import io
import zipfile

import numpy as np
import pytest

from problems import ProblemError, TraceError
from problems.trace_file import load_trace, save_trace, trace_arrays, trace_from_bytes

ODD = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 1e-45]


def same_bits(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_file_gives_the_trace_back_bit_for_bit(trace, path, dtype):
    saved = trace(dtype=dtype)
    saved.gradients["W1"].flat[: len(ODD)] = np.array(ODD).astype(dtype)
    saved.loss[:] = ODD[0], ODD[3], ODD[4]
    save_trace(saved, path)
    expected, found = trace_arrays(saved), trace_arrays(load_trace(path))
    assert list(found) == list(expected)
    assert all(same_bits(found[key], expected[key]) for key in expected)


def test_file_keeps_rows_names_and_environment(trace, path):
    save_trace(trace(rows=[[0, 3], [2]]), str(path))
    loaded = load_trace(str(path))
    assert loaded.rows.tolist() == [[0, 3], [2, -1]]
    assert loaded.implementation == "nobody"
    assert (loaded.environment, loaded.seconds) == ({"numpy": "2"}, {"train": 0.5})


def test_same_trace_gives_the_same_bytes(trace, path):
    save_trace(trace(), path)
    first = path.read_bytes()
    save_trace(trace(), path)
    assert path.read_bytes() == first


def test_no_member_tells_the_time(file_of):
    with zipfile.ZipFile(io.BytesIO(file_of())) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_trace_without_steps_survives(trace, path):
    save_trace(trace(rows=[]), path)
    assert load_trace(path).steps == 0


def altered(data, position, mask):
    return data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]


@pytest.mark.parametrize("mask", [0xFF, 0x01], ids=["inverted", "lowest-bit"])
def test_every_altered_byte_is_refused(file_of, mask):
    data = file_of()
    assert trace_from_bytes(data).steps == 3
    for position in range(len(data)):
        with pytest.raises(TraceError):
            trace_from_bytes(altered(data, position, mask))


@pytest.mark.parametrize("unsealed", [False, True], ids=["sealed", "from-elsewhere"])
def test_every_truncation_is_refused(trace, file_of, unsealed):
    data = plain_npz(trace()) if unsealed else file_of()
    for length in range(len(data)):
        with pytest.raises(TraceError):
            trace_from_bytes(data[:length])


def test_altered_file_without_checksum_raises_nothing_else(trace):
    data = plain_npz(trace())
    for position in range(0, len(data), 5):
        with contextlib.suppress(TraceError, ProblemError):
            trace_from_bytes(altered(data, position, 0xFF))


def test_file_with_something_appended_is_refused(file_of, refusal):
    assert "altered" in refusal(file_of() + b"x")


def plain_npz(trace, save=np.savez):
    file = io.BytesIO()
    save(file, **trace_arrays(trace))
    return file.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_from_elsewhere_needs_no_checksum(trace, path, save):
    path.write_bytes(plain_npz(trace(), save))
    assert load_trace(path).steps == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is no trace file"),
        (b"{}", "is no trace file"),
        (b"PK", "truncated"),
        (b"PK\x05\x06" + bytes(18), "key 'problem' is missing"),
    ],
    ids=["empty", "json", "two-bytes", "empty-zip"],
)
def test_file_that_is_no_trace(refusal, data, why):
    assert why in refusal(data)


def test_missing_file(path, refused):
    assert "No such file" in refused(TraceError, f"{path}: ", load_trace, path)


def test_folder(tmp_path, refused):
    assert "cannot be read" in refused(TraceError, f"{tmp_path}: ", load_trace, tmp_path)


def test_name_with_a_null_byte(refused):
    assert "not a file name" in refused(TraceError, "a\\x00b: ", load_trace, "a\0b")


def test_name_with_a_line_break(tmp_path, refused):
    refused(TraceError, f"{tmp_path}/a\\nb: ", load_trace, tmp_path / "a\nb")


@pytest.mark.parametrize(
    "values", [[{}, None, 1], [1j] * 3, [True] * 3, ["1"] * 3], ids=["object", "complex128", "bool", "<U1"]
)
def test_tensor_of_anything_but_real_numbers_is_not_saved(trace, path, refused, values):
    held = trace()
    held.gradients["W1"] = np.array(values)
    assert refused(TraceError, "gradient.W1 holds ", save_trace, held, path).endswith(", expected real numbers")
    assert not path.exists()


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_other_byte_order_is_turned_without_touching_a_bit(file_of, path, dtype):
    values = np.array([*ODD, 1.5] * 3)[:12].reshape(3, 2, 2).astype(dtype)
    values.view(f"u{values.itemsize}")[0, 0, 0] += 3  # a payload
    path.write_bytes(file_of(gradient__W1=values.astype(f">{dtype}")))
    assert same_bits(load_trace(path).gradients["W1"], values)
