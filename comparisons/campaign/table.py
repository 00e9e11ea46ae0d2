"""The table of a campaign: a folder of Parquet files, which pandas and DuckDB read as one table.

Parquet files cannot be appended to: each batch of rows is a file of its own, written whole or not at all, and now and
then all files are made one. One process writes at a time. What was recorded before a kill stays; a row whose key is
there already is not written again.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from comparisons.campaign.rows import Row
from problems.requirements import ProblemError
from problems.writing import write_bytes

FLUSH_SECONDS = 2.0  # what a kill can cost; each file is a little work and a little room
MOST_FILES = 64  # more than these are made one
ROWS = "rows-*.parquet"
MERGED = "merged.parquet"  # holds all rows; what still matches ROWS beside it is left of a merge that was stopped
LOCK = ".lock"
COLUMNS = {  # every column with its type, so that a file of empty cells fits the others
    **dict.fromkeys(("key", "problem", "implementation", "device"), "string"),
    "fast": "bool",
    **dict.fromkeys(("version", "backproof"), "string"),
    **dict.fromkeys(("sizes", "activations", "loss", "optimizer"), "string"),
    "learning_rate": "float64",
    **dict.fromkeys(("dtype", "start", "order"), "string"),
    **dict.fromkeys(("seed", "batch_size", "epochs", "steps"), "Int64"),
    **dict.fromkeys(("verdict", "carries", "reason", "known_deviation"), "string"),
    **dict.fromkeys(("compared", "not_told", "wrong_steps"), "Int64"),
    **{
        f"{what}_{key}": kind
        for what in ("worst", "first_wrong")
        for key, kind in (
            ("quantity", "string"),
            ("step", "Int64"),
            ("index", "string"),
            ("expected", "float64"),
            ("actual", "float64"),
            ("bound", "float64"),
            ("ratio", "float64"),
        )
    },
    "diagnosis": "string",
    "final_loss": "float64",
    **dict.fromkeys(
        ("seconds_import", "seconds_train", "seconds_audit", "seconds_blind", "seconds", "begun"), "float64"
    ),
    "rerun": "string",
}


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other campaigns out of it inside this block; the lock ends with this process.

    Raises ProblemError where another one writes there.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProblemError(f"{folder}: another campaign writes there; give another folder with -o") from None
        yield


class Table:
    """The rows in `folder`, and more as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._finish_merge()
        self.keys = set(self.read()["key"])
        self.waiting: list[Row] = []
        self.failure: OSError | None = None  # what kept rows from being written
        self._changing = threading.Lock()

    def add(self, row: Row) -> bool:
        """Keep `row` for the next file, and whether it is new: a task done twice is counted once.

        Raises OSError where the rows before could not be written.
        """
        if self.failure is not None:
            raise self.failure
        with self._changing:
            if row["key"] in self.keys:
                return False
            self.keys.add(row["key"])
            self.waiting.append(row)
            return True

    def flush(self) -> None:
        """Write the rows that wait as one more file."""
        with self._changing:
            if self.waiting:
                write_bytes(self._new_file(), parquet(framed(self.waiting)))
                self.waiting = []
                if len(self._files()) > MOST_FILES:
                    self.merge()

    @contextmanager
    def flushed(self) -> Iterator[None]:
        """Write the rows that wait every FLUSH_SECONDS inside the block, and at its end, also where it is stopped."""
        ended = threading.Event()
        writing = threading.Thread(target=self._keep_flushing, args=(ended,), daemon=True)
        writing.start()
        try:
            yield
        finally:
            ended.set()
            writing.join()
            self.flush()

    def _keep_flushing(self, ended: threading.Event) -> None:
        while not ended.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except OSError as error:
                self.failure = error
                return

    def merge(self) -> None:
        """Make one file of all. A kill at any moment loses no row and shows none twice."""
        if len(self._files()) > 1:
            write_bytes(self.folder / MERGED, parquet(self.read()))
            self._finish_merge()

    def read(self) -> pd.DataFrame:
        """All rows that are written, in the order they came; of two with one key the first."""
        every = pd.concat([framed([]), *map(_frame, self._files())], ignore_index=True)
        return every.drop_duplicates("key", ignore_index=True)

    def _finish_merge(self) -> None:
        merged = self.folder / MERGED
        if merged.exists():
            for path in self._files():
                path.unlink()
            merged.rename(self._new_file())

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(ROWS))

    def _new_file(self) -> Path:
        return self.folder / f"rows-{time.time_ns():020d}.parquet"


def framed(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows with every column in its type."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)


def parquet(frame: pd.DataFrame) -> bytes:
    """The frame as a Parquet file."""
    data = io.BytesIO()
    frame.to_parquet(data, index=False)
    return data.getvalue()


def _frame(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ProblemError(f"{path}: is no table of a campaign ({error}); move it away") from None
    if list(frame.columns) != list(COLUMNS):
        raise ProblemError(f"{path}: has other columns than this version writes; give another folder with -o")
    return frame.astype(COLUMNS)
