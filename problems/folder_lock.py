"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from problems.block import TraceError

PATIENCE = 3.0  # seconds: a worker whose parent was killed needs a moment to end


class FolderLock:
    """The lock on a folder, which is made where it is missing; it ends with this process, however that ends.

    Raises TraceError, naming the folder, where another process holds it, OSError where it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = not folder.exists()
        folder.mkdir(exist_ok=True)
        self._handle = os.open(folder, os.O_RDONLY)
        try:
            self._wait()
        except BaseException:
            os.close(self._handle)
            raise

    def _wait(self) -> None:
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                return fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise TraceError(f"{self.folder}: is being recorded by another process") from None
                time.sleep(0.05)

    def release(self) -> None:
        """Let others in; a folder that was made for nothing is removed."""
        if self.made and not any(self.folder.iterdir()):
            self.folder.rmdir()
        os.close(self._handle)
