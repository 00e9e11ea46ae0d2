"""Arrays by name from NumPy's npz files, without pickle and without trust."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from problems.reading import brief, read_bytes
from problems.requirements import Array, ProblemError

PLAINLY = "save it with numpy.savez"
DENSEST = 1032  # what deflate packs into one byte at most
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
UNREADABLE = (
    *(ArithmeticError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError),
    tokenize.TokenError,  # NumPy tokenizes a header that it cannot parse
)
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def load_arrays(path: str | Path) -> dict[str, Array]:
    """Every array in the npz file at `path` by its name.

    Raises ProblemError, one line that begins with the file, where it cannot be read or is no such file.
    """
    try:
        return _load(read_bytes(path))
    except ProblemError as error:
        raise ProblemError(f"{brief(path)}: {error}") from None
    except OSError as error:
        raise ProblemError(f"{brief(path)}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise ProblemError(f"{brief(path)}: is not a file name") from None


def _load(data: bytes) -> dict[str, Array]:
    if data[:2] != b"PK":
        raise ProblemError(f"is no npz file; {PLAINLY}")
    return read_arrays(data)


def read_arrays(data: bytes) -> dict[str, Array]:
    """Every array in the bytes of an npz file by its name.

    Raises ProblemError, one line, for a file that is damaged, that holds anything but plain arrays, or that claims
    more than it holds: nothing is unpickled, and no memory is reserved on a header's word.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            keys = [member.filename.removesuffix(".npy") for member in members]
            if len(set(keys)) != len(keys):
                raise ProblemError("holds the same key twice; write each once")
            if sum(member.file_size for member in members) > len(data) * DENSEST:
                raise ProblemError("claims a size that its file cannot hold; write it again")
            return {key: _array(key, archive, member) for key, member in zip(keys, members, strict=True)}
    except DAMAGE:
        raise ProblemError("is truncated or was altered; write it again") from None


def _array(key: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """The array in an npy file; its header is checked against the member's size before memory is reserved for it."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ProblemError(f"{key} is packed in a way that NumPy does not use; {PLAINLY}")
    try:
        with archive.open(member) as file:
            _require_size(file, member.file_size)
        array: Array = np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False)
    except UNREADABLE:
        raise ProblemError(
            f"{key} is not a plain array of numbers or text (pickled objects are refused); {PLAINLY}"
        ) from None
    return array


def _require_size(file: IO[bytes], size: int) -> None:
    """Raise ValueError or LookupError unless the header at the start of an npy file fits its size."""
    shape, _, dtype = HEADERS[np.lib.format.read_magic(file)](file)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError("its header claims another size")
