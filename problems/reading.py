"""Reading a whole file, which a pipe or a device is not: it may never end."""

from __future__ import annotations

import errno
from pathlib import Path

MOST_SHOWN = 200  # letters of a path


def brief(path: str | Path) -> str:
    """The path as it is shown in a message, the middle of a very long one left out."""
    text = str(path)
    return text if len(text) <= MOST_SHOWN else f"{text[:60]} ... {text[-60:]}"


def read_bytes(path: str | Path) -> bytes:
    """All bytes of the regular file at `path`; raises OSError, and ValueError where that is no file name at all."""
    source = Path(path)
    if source.exists() and not (source.is_file() or source.is_dir()):  # a folder has a message of its own
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return source.read_bytes()
