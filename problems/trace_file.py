"""A trace in a file: NumPy's npz without pickle, with a checksum of the whole file."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from problems.problem import Array, Problem, ProblemError
from problems.records import problem_from_json, problem_to_json
from problems.trace import Trace, TraceError
from problems.writing import write_bytes

GROUPS = ("initial", "gradient", "parameter")
TEXTS = ("problem", "implementation", "environment", "seconds")
MARK = b"sha256:"
COMMENT = len(MARK) + 64
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def save_trace(trace: Trace, path: Path) -> None:
    """Write `trace` whole or not at all; the same trace gives the same bytes."""
    write_bytes(path, sealed(trace_arrays(trace)))


def trace_arrays(trace: Trace) -> dict[str, Array]:
    """What stands in the file, by key."""
    arrays = {
        "problem": np.array(json.dumps(problem_to_json(trace.problem))),
        "implementation": np.array(trace.implementation),
        "environment": np.array(json.dumps(dict(trace.environment))),
        "seconds": np.array(json.dumps(dict(trace.seconds))),
        "rows": trace.rows,
        "loss": trace.loss,
    }
    for group, tensors in zip(GROUPS, (trace.initial, trace.gradients, trace.parameters), strict=True):
        arrays |= {f"{group}.{name}": values for name, values in tensors.items()}
    return arrays


def sealed(arrays: Mapping[str, Array]) -> bytes:
    """An npz file whose zip comment is the SHA-256 of the file with the digest's own place set to zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for key, values in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(values, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", FIXED_TIME), member.getvalue())
        archive.comment = MARK + b"0" * 64
    data = buffer.getvalue()
    return data[:-64] + hashlib.sha256(data).hexdigest().encode()


def load_trace(path: Path) -> Trace:
    """The trace in the file at `path`.

    Raises TraceError, one line naming the file, for a file that is missing, truncated, altered or no trace, holds
    foreign keys or pickled objects, or whose rows do not fit its problem. Tensors that are wrong are for the audit.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        require_seal(data)
        return trace_from_arrays(read_arrays(data))
    except (TraceError, ProblemError) as error:
        raise TraceError(f"{path}: {error}") from None


def require_seal(data: bytes) -> None:
    """Raise TraceError unless the checksum is right; a file without any comment, from elsewhere, has none to check."""
    if data[:2] != b"PK":
        raise TraceError("is no trace file (npz); record one with: backproof record")
    end, digest = data[-COMMENT:-64], data[-64:]
    if end == MARK:
        if hashlib.sha256(data[:-64] + b"0" * 64).hexdigest().encode() != digest:
            raise TraceError("was altered: its checksum does not fit; record it again")
    elif data[-22:-18] != b"PK\x05\x06" or data[-2:] != b"\0\0":
        raise TraceError("is truncated or was altered; record it again")


def read_arrays(data: bytes) -> dict[str, Array]:
    """Every member of the npz file, without pickle."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names):
                raise TraceError("holds the same key twice")
            return {name.removesuffix(".npy"): _read_member(archive, name) for name in names}
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise TraceError("is truncated or was altered; record it again") from None


def _read_member(archive: zipfile.ZipFile, name: str) -> Array:
    if archive.getinfo(name).file_size > len(archive.fp.getbuffer()) * 1100:  # type: ignore[union-attr]
        raise TraceError(f"{name} claims a size that its file cannot hold")  # deflate packs 1032 : 1 at most
    try:
        array: Array = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        raise TraceError(f"{name} is no plain array of numbers or text (pickled objects are refused)") from None
    return array


def trace_from_arrays(arrays: Mapping[str, Array]) -> Trace:
    """The trace told by the members of a file."""
    for key in (*TEXTS, "rows", "loss"):
        if key not in arrays:
            raise TraceError(f"key {key!r} is missing")
    problem = problem_from_json(_json(arrays, "problem"))
    trace = Trace(
        problem=problem,
        implementation=_text(arrays, "implementation"),
        environment=_flat(arrays, "environment", str),
        seconds=_flat(arrays, "seconds", float),
        rows=_rows(arrays["rows"], problem),
        loss=_numbers("loss", arrays["loss"]),
        **{field: _group(arrays, group) for field, group in zip(("initial", "gradients", "parameters"), GROUPS, strict=True)},
    )
    _require_lengths(trace)
    return trace


def _group(arrays: Mapping[str, Array], group: str) -> dict[str, Array]:
    foreign = [key for key in arrays if key not in (*TEXTS, "rows", "loss") and key.split(".")[0] not in GROUPS]
    if foreign:
        raise TraceError(f"key {foreign[0]!r} is not known")
    start = f"{group}."
    return {key[len(start) :]: _numbers(key, values) for key, values in arrays.items() if key.startswith(start)}


def _numbers(key: str, values: Array) -> Array:
    if values.dtype.kind not in "fiu":
        raise TraceError(f"{key} holds {values.dtype}, expected numbers")
    return values


def _rows(rows: Array, problem: Problem) -> Array:
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise TraceError(f"rows: shape {rows.shape} of {rows.dtype}, expected whole numbers (steps, batch)")
    if rows.size and (rows.min() < -1 or rows.max() >= len(problem.x) or (rows < 0).all(axis=1).any()):
        raise TraceError(f"rows: expected positions 0 to {len(problem.x) - 1}, at least one a step, -1 to fill up")
    return rows


def _require_lengths(trace: Trace) -> None:
    if trace.loss.ndim < 1:
        raise TraceError("loss: expected one number a step, (steps,)")
    lengths = {"rows": len(trace.rows)}
    for group, tensors in (("gradient", trace.gradients), ("parameter", trace.parameters)):
        lengths |= {f"{group}.{name}": len(values) if values.ndim else -1 for name, values in tensors.items()}
    for key, length in lengths.items():
        if length != trace.steps:
            raise TraceError(f"{key} has {length} steps, loss has {trace.steps}")


def _text(arrays: Mapping[str, Array], key: str) -> str:
    value = arrays[key]
    if value.dtype.kind != "U" or value.shape != ():
        raise TraceError(f"{key}: expected one text, got {value.dtype} of shape {value.shape}")
    return str(value)


def _json(arrays: Mapping[str, Array], key: str) -> Any:
    try:
        return json.loads(_text(arrays, key))
    except (ValueError, RecursionError):
        raise TraceError(f"{key}: is no JSON") from None


def _flat(arrays: Mapping[str, Array], key: str, kind: type[str] | type[float]) -> dict[str, Any]:
    value = _json(arrays, key)
    if not isinstance(value, dict) or not all(isinstance(item, (kind, int)) for item in value.values()):
        raise TraceError(f"{key}: expected an object of {'texts' if kind is str else 'numbers'}")
    return value
