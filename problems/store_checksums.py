"""Which chunk stands where in a stored trace: the checksum of every chunk beside its name, in a file that only grows.

A chunk is told of before it is written. One that is written again as it fills has several lines, of which a process
that is killed may have left any: a chunk is in its place where one of the lines of its name has its checksum.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from problems.block import TraceError

DAMAGED = "is damaged: record it again, or take it from a copy"


class Checksums:
    """The lines of the file at `path`: name of a chunk, its CRC-32C, and the CRC-32C of all lines until then.

    They end before the first that is not whole, as a process that is killed may leave one. Raises TraceError, naming
    the file, where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[int] = set()  # hashes of lines, of which there may be many
        self._chain = self._length = 0  # of all whole lines: their CRC-32C, and how many bytes they are
        self._read()

    @classmethod
    def begun(cls, path: Path) -> Checksums:
        """A file without any line, in a folder that is there."""
        path.write_bytes(b"")
        return cls(path)

    def holds(self, name: str, checksum: int) -> bool:
        """Whether a chunk of this checksum was recorded under `name`, by now.

        Raises TraceError where the file was altered, so that what it says of the chunk cannot be read.
        """
        line = hash(_line(name, checksum))
        if line not in self._known and not self._read() and line not in self._known:
            raise TraceError(f"{self.path} {DAMAGED}")
        return line in self._known

    def add(self, checksums: Mapping[str, int]) -> None:
        """Tell of chunks that will be written, by name; safe on the disk when this returns."""
        lines, chain = [], self._chain
        for name, checksum in checksums.items():
            line = _line(name, checksum)
            chain = extended(chain, line)
            lines.append(_sealed(line, chain))
        with self.path.open("r+b") as file:
            file.truncate(self._length)  # what was only begun
            file.seek(self._length)
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        self._length, self._chain = self._length + sum(map(len, lines)), chain

    def _read(self) -> bool:
        """Read what came since; whether every line is whole."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._length)
                return all(map(self._takes, file))
        except OSError as error:
            raise TraceError(f"{self.path}: {error.strerror}; the trace {DAMAGED}") from None

    def _takes(self, sealed: bytes) -> bool:
        line = sealed.rpartition(b" ")[0]
        chain = extended(self._chain, line)
        if sealed != _sealed(line, chain):
            return False
        self._known.add(hash(line))
        self._chain, self._length = chain, self._length + len(sealed)
        return True


def checksum(data: bytes) -> int:
    """The CRC-32C of `data`."""
    return extended(0, data)


def extended(before: int, data: bytes) -> int:
    """The CRC-32C of what had the checksum `before` with `data` after it."""
    import google_crc32c  # which comes with Zarr

    return int(google_crc32c.extend(before, data))


def _line(name: str, checksum: int) -> bytes:
    return f"{name} {checksum:08x}".encode()


def _sealed(line: bytes, chain: int) -> bytes:
    return line + b" %08x\n" % chain
