"""The arrays of a stored trace: Zarr arrays with a leading axis of steps, and a checksum on every chunk.

Zarr reads zeros where a chunk is missing and leaves out chunks that hold nothing else; here every chunk is written,
and one that is missing is an error. LocalStore writes a file beside its place and renames it (since zarr 3.1.3), so a
process that is killed leaves a chunk as it was or as it becomes; what it had begun is a file named *.partial.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from problems.block import TraceError
from problems.problem import Array
from problems.store_checksums import DAMAGED, Checksums, checksum

ROOT = "zarr.json"
BEGUN = {"format": "backproof trace, begun"}  # the attributes until everything else is in its place
CHECKSUM_BYTES = 4
PARTIAL = ".partial"  # what LocalStore calls a file that it writes


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One quantity of every step: `array` is Zarr's, (steps of the whole training, ...), in chunks of `length`.

    checksums: of the chunks by name; None where the trace was recorded before these were kept.
    """

    name: str
    folder: Path
    array: Any
    checksums: Checksums | None

    @property
    def length(self) -> int:
        """Steps in a chunk."""
        return int(self.array.chunks[0])

    def read(self, begin: int, end: int) -> Array:
        """Steps begin to end (from 0, end excluded); raises TraceError, naming the file, for a damaged chunk."""
        numbers = range(begin // self.length, -(-end // self.length))
        for number in numbers:
            self._require_file(number)
        try:
            values = np.asarray(self.array[begin:end])
        except ValueError:
            raise TraceError(f"{self._damaged(begin, end)} {DAMAGED}") from None
        for number in numbers:
            self._require_place(number)
        return values

    def tail(self, steps: int) -> Array:
        """Those of the first `steps` that stand in a chunk which is not full yet."""
        return self.read(steps // self.length * self.length, steps)

    def told(self, begin: int, values: Array) -> dict[str, int]:
        """The checksum of each chunk that `write` will write, by name."""
        parts = (values[first : first + self.length] for first in range(0, len(values), self.length))
        return {self._key(begin // self.length + number): self._checksum(part) for number, part in enumerate(parts)}

    def write(self, begin: int, values: Array) -> list[Path]:
        """Set the steps from `begin`, the first of a chunk, on, in whole chunks; the files that were written."""
        end = min(begin + -(-len(values) // self.length) * self.length, self.array.shape[0])
        filling = np.zeros((end - begin - len(values), *values.shape[1:]), self.array.dtype)
        self.array[begin:end] = np.concatenate([values, filling]) if len(filling) else values
        return [self._file(number) for number in range(begin // self.length, -(-end // self.length))]

    def _key(self, number: int) -> str:
        place = (number, *(0,) * (self.array.ndim - 1))
        return f"{self.name}/{self.array.metadata.encode_chunk_key(place)}"

    def _file(self, number: int) -> Path:
        return self.folder / self._key(number)

    def _checksum(self, values: Array) -> int:
        """Of the chunk that begins with `values`, as Zarr writes it: filled up with zeros, the lowest byte first."""
        filling = np.zeros((self.length - len(values), *values.shape[1:]), self.array.dtype)
        chunk = np.concatenate([values, filling]) if len(filling) else values
        return checksum(chunk.astype(self.array.dtype.newbyteorder("<"), copy=False).tobytes())

    def _require_file(self, number: int) -> None:
        if not self._file(number).is_file():
            raise TraceError(f"{self._file(number)} is missing; the trace {DAMAGED}")

    def _require_place(self, number: int) -> None:
        """Raise TraceError where a whole chunk is another one than was recorded under its name."""
        file = self._file(number)
        if self.checksums and not self.checksums.holds(self._key(number), _checksum_in(file)):
            raise TraceError(
                f"{file} holds another chunk than was recorded there (files were swapped, or taken from another "
                f"trace); the trace {DAMAGED}"
            )

    def _damaged(self, begin: int, end: int) -> Path:
        """The first file whose steps cannot be read."""
        for number in range(begin // self.length, -(-end // self.length)):
            try:
                self.array[number * self.length : (number + 1) * self.length]
            except ValueError:
                return self._file(number)
        return self.folder / self.name


def _checksum_in(file: Path) -> int:
    """The CRC-32C with which a chunk ends."""
    with file.open("rb") as chunk:
        chunk.seek(-CHECKSUM_BYTES, os.SEEK_END)
        return int.from_bytes(chunk.read(), "little")


def write(changes: Sequence[tuple[Column, int, Array]], checksums: Checksums | None) -> None:
    """Write each column's steps from there on, told of first; all of it is safe on the disk when this returns."""
    if checksums:
        told = [column.told(begin, values) for column, begin, values in changes]
        checksums.add({key: one for chunks in told for key, one in chunks.items()})
    synced([file for column, begin, values in changes for file in column.write(begin, values)])


def require_zarr() -> None:
    """Raise TraceError, with the command that installs it, where Zarr is missing."""
    if find_spec("zarr") is None:
        raise TraceError("a trace in a folder (.zarr) needs zarr; install with: pip install 'backproof[store]'")


def made_group(folder: Path) -> None:
    """A Zarr group without anything in it, in `folder`; one that was only begun is removed first."""
    import zarr

    if not only_begun(folder):
        raise TraceError(f"{folder}: holds something else than a trace; name another folder")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == ROOT):  # what it is told by goes last
        (shutil.rmtree if entry.is_dir() else Path.unlink)(entry)
    zarr.create_group(folder, attributes=BEGUN)


def made_column(
    folder: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], length: int, checksums: Checksums
) -> Column:
    """A new array of the group; shape: (steps of the whole training, ...)."""
    import zarr
    from zarr.codecs import Crc32cCodec

    try:
        array = zarr.create_array(
            folder,
            name=name,
            shape=shape,
            dtype=dtype.newbyteorder("="),
            chunks=(min(length, shape[0]), *shape[1:]),
            compressors=(Crc32cCodec(),),
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},  # the chunks of an array lie in one folder
            config={"write_empty_chunks": True},
        )
    except (TypeError, ValueError) as error:
        raise TraceError(f"{name}: {dtype} of shape {shape[1:]} cannot be stored: {error}") from None
    return Column(name=name, folder=folder, array=array, checksums=checksums)


def digest(folder: Path, name: str) -> str:
    """SHA-256 of what Zarr keeps of an array beside its chunks; raises TraceError where that cannot be read."""
    try:
        return hashlib.sha256((folder / name / ROOT).read_bytes()).hexdigest()
    except OSError as error:
        raise TraceError(f"{folder / name / ROOT}: {error.strerror}; the trace {DAMAGED}") from None


def opened_columns(
    folder: Path, digests: Mapping[str, str], checksums: Checksums | None, *, writing: bool
) -> dict[str, Column]:
    """The arrays of the group by name; raises TraceError unless each is described as it was when it was made."""
    import zarr

    columns = {}
    for name, expected in digests.items():
        if digest(folder, name) != expected:
            raise TraceError(f"{folder / name / ROOT} {DAMAGED}")
        array = zarr.open_array(folder / name, mode="r+" if writing else "r")
        array = array.with_config({"write_empty_chunks": True})
        columns[name] = Column(name=name, folder=folder, array=array, checksums=checksums)
    return columns


def attributes(folder: Path) -> dict[str, Any]:
    """The attributes of the group in `folder`; raises TraceError, naming it, where there is none."""
    try:
        root = json.loads((folder / ROOT).read_bytes())
    except FileNotFoundError:
        raise TraceError(f"{folder}: is no stored trace: it holds no {ROOT}") from None
    except OSError as error:
        raise TraceError(f"{folder}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise TraceError(f"{folder / ROOT} {DAMAGED}") from None
    if not isinstance(root, dict) or (root.get("zarr_format"), root.get("node_type")) != (3, "group"):
        raise TraceError(f"{folder}: is no Zarr group of format 3; record a trace with: backproof record")
    found = root.get("attributes")
    return found if isinstance(found, dict) else {}


def set_attributes(folder: Path, given: Mapping[str, Any]) -> None:
    """Give the group these attributes, at once."""
    import zarr

    zarr.open_group(folder, mode="r+").update_attributes(dict(given))
    synced([folder / ROOT])


def only_begun(folder: Path) -> bool:
    """Whether a trace was begun in `folder` and no step recorded, or there is nothing in it at all."""
    entries = [entry for entry in folder.iterdir() if entry.suffix != PARTIAL]
    return not entries or ((folder / ROOT).is_file() and attributes(folder) == BEGUN)


def remove_partial(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote."""
    for left in (*folder.glob(f"*{PARTIAL}"), *folder.glob(f"*/*{PARTIAL}")):
        left.unlink()


def synced(files: list[Path]) -> None:
    """Wait until the files, and that they are where they are, would survive a power failure."""
    for path in (*files, *{file.parent for file in files}):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
