"""Reading a whole file, which a pipe or a device is not: it may never end."""

from __future__ import annotations

import errno
from pathlib import Path


def read_bytes(path: str | Path) -> bytes:
    """All bytes of the regular file at `path`; raises OSError, and ValueError where that is no file name at all."""
    source = Path(path)
    if source.exists() and not (source.is_file() or source.is_dir()):  # a folder has a message of its own
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return source.read_bytes()
