"""A trace in a file: NumPy's npz without pickle, with a checksum of the whole file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from problems.npz import read_arrays
from problems.problem import Array, ProblemError
from problems.reading import read_bytes
from problems.records import problem_from_json, problem_to_json
from problems.requirements import shown
from problems.trace import Trace, TraceError, require_rows
from problems.values import number
from problems.writing import write_bytes

GROUPS = ("initial", "gradient", "parameter")
TEXTS = ("problem", "implementation", "environment", "seconds")
MARK = b"sha256:"
COMMENT = len(MARK) + 64
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
ELSE = "record one with: backproof record"


def save_trace(trace: Trace, path: str | Path) -> None:
    """Write `trace` whole or not at all; the same trace gives the same bytes.

    Raises TraceError where a tensor holds anything but real numbers, OSError where the file cannot be written.
    """
    arrays = trace_arrays(trace)
    for key, values in arrays.items():
        if key not in TEXTS:
            _numbers(key, values)
    write_bytes(path, sealed(arrays))


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


def load_trace(path: str | Path) -> Trace:
    """The trace in the file at `path`.

    Raises TraceError, one line naming the file, for a file that is missing, truncated, altered or no trace, holds
    foreign keys or pickled objects, or whose rows do not fit its problem. Tensors that are wrong are for the audit.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or error}; {ELSE}") from None
    except ValueError:
        raise TraceError(f"{path}: is not a file name; {ELSE}") from None
    try:
        return trace_from_bytes(data)
    except (TraceError, ProblemError) as error:
        raise TraceError(f"{path}: {error}") from None


def trace_from_bytes(data: bytes) -> Trace:
    """The trace in the bytes of a file; raises TraceError or ProblemError where they are no trace."""
    require_seal(data)
    return trace_from_arrays(_members(data))


def _members(data: bytes) -> dict[str, Array]:
    try:
        return read_arrays(data)
    except ProblemError as error:
        raise TraceError(str(error)) from None


def require_seal(data: bytes) -> None:
    """Raise TraceError unless the checksum is right; a file without any comment, from elsewhere, has none to check."""
    if data[:2] != b"PK":
        raise TraceError(f"is no trace file (npz); {ELSE}")
    end, digest = data[-COMMENT:-64], data[-64:]
    if end == MARK:
        if hashlib.sha256(data[:-64] + b"0" * 64).hexdigest().encode() != digest:
            raise TraceError("was altered: its checksum does not fit; record it again")
    elif data[-22:-18] != b"PK\x05\x06" or data[-2:] != b"\0\0":
        raise TraceError("is truncated or was altered; record it again")


def trace_from_arrays(arrays: Mapping[str, Array]) -> Trace:
    """The trace told by the members of a file."""
    _require_keys(arrays)
    problem = problem_from_json(parsed("problem", _text(arrays, "problem")))
    require_rows(arrays["rows"], problem)
    initial, gradients, parameters = (_group(arrays, group) for group in GROUPS)
    trace = Trace(
        problem=problem,
        implementation=_text(arrays, "implementation"),
        environment=environment_from(parsed("environment", _text(arrays, "environment"))),
        seconds=seconds_from(parsed("seconds", _text(arrays, "seconds"))),
        rows=_numbers("rows", arrays["rows"]),
        loss=_numbers("loss", arrays["loss"]),
        initial=initial,
        gradients=gradients,
        parameters=parameters,
    )
    _require_lengths(trace)
    return trace


def _require_keys(arrays: Mapping[str, Array]) -> None:
    single = (*TEXTS, "rows", "loss")
    for key in single:
        if key not in arrays:
            raise TraceError(f"key {key!r} is missing; a trace has {', '.join(single)}")
    for key in arrays:
        group, _, name = key.partition(".")
        if key not in single and not (group in GROUPS and name):
            raise TraceError(f"key {shown(key)} is not known; tensors are named like gradient.W1")


def _group(arrays: Mapping[str, Array], group: str) -> dict[str, Array]:
    start = f"{group}."
    return {key[len(start) :]: _numbers(key, values) for key, values in arrays.items() if key.startswith(start)}


def _numbers(key: str, values: Array) -> Array:
    if values.dtype.kind not in "fiu":
        raise TraceError(f"{key} holds {values.dtype}, expected real numbers")
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _require_lengths(trace: Trace) -> None:
    if trace.loss.ndim < 1:
        raise TraceError("loss: expected one number a step, (steps,)")
    stacked = {"rows": trace.rows}
    for group, tensors in (("gradient", trace.gradients), ("parameter", trace.parameters)):
        stacked |= {f"{group}.{name}": values for name, values in tensors.items()}
    for key, values in stacked.items():
        if values.shape[:1] != (trace.steps,):
            raise TraceError(f"{key} has the shape {values.shape}, but loss is told for {trace.steps} steps")


def _text(arrays: Mapping[str, Array], key: str) -> str:
    value = arrays[key]
    if value.dtype.kind != "U" or value.shape != ():
        raise TraceError(f"{key}: expected one text, got {value.dtype} of shape {value.shape}")
    try:
        return str(value)
    except (ValueError, SystemError):  # NumPy's, for a letter beyond Unicode
        raise TraceError(f"{key}: is not Unicode text") from None


def parsed(key: str, text: str) -> Any:
    """The JSON value that stands at `key`; raises TraceError where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TraceError(f"{key}: is not JSON") from None


def environment_from(value: Any) -> dict[str, str]:
    """Names to texts; raises TraceError for anything else."""
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise TraceError("environment: expected an object of texts")
    return value


def seconds_from(value: Any) -> dict[str, float]:
    """Names to numbers; raises TraceError or ProblemError for anything else."""
    if not isinstance(value, dict):
        raise TraceError("seconds: expected an object of numbers")
    return {key: number(f"seconds.{key}", item) for key, item in value.items()}
