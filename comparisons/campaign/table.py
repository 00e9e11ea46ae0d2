"""The table of a campaign: a folder of Parquet files, which pandas and DuckDB read as one table.

Parquet files cannot be appended to: each batch of rows is a file of its own, written whole or not at all, by one
process alone. What was recorded before a kill stays; a row whose key is there already is not written again.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from comparisons.campaign.rows import Row
from problems.requirements import ProblemError
from problems.writing import write_bytes

COLUMNS = {  # every column with its type, so that a file of empty cells fits the others
    **dict.fromkeys(("key", "problem", "implementation", "version", "sizes", "activations", "loss"), "string"),
    **dict.fromkeys(("optimizer", "dtype", "start", "order", "verdict", "carries", "reason"), "string"),
    **dict.fromkeys(("known_deviation", "worst_quantity", "first_wrong_quantity", "diagnosis", "rerun"), "string"),
    **dict.fromkeys(("batch_size", "steps", "seed", "compared", "not_told", "wrong_steps"), "Int64"),
    **dict.fromkeys(("worst_step", "first_wrong_step"), "Int64"),
    **dict.fromkeys(("learning_rate", "final_loss", "begun"), "float64"),
    **{f"{what}_{key}": "float64" for what in ("worst", "first_wrong") for key in ("expected", "actual", "bound")},
    **dict.fromkeys(("worst_ratio", "first_wrong_ratio"), "float64"),
    **{f"seconds_{part}": "float64" for part in ("import", "train", "audit")},
}


class Table:
    """The rows in `folder`, and more as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keys = set(self.read()["key"])
        self.waiting: list[Row] = []

    def add(self, row: Row) -> bool:
        """Keep `row` for the next file, and whether it is new: a task done twice is counted once."""
        if row["key"] in self.keys:
            return False
        self.keys.add(row["key"])
        self.waiting.append(row)
        return True

    def flush(self) -> None:
        """Write the rows that wait as one more file."""
        if self.waiting:
            data = io.BytesIO()
            framed(self.waiting).to_parquet(data, index=False)
            write_bytes(self.folder / f"rows-{time.time_ns():020d}.parquet", data.getvalue())
            self.waiting = []

    def read(self) -> pd.DataFrame:
        """All rows that are written, in the order they came."""
        return pd.concat([framed([]), *_files(self.folder)], ignore_index=True)


def framed(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows with every column in its type."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)


def _files(folder: Path) -> Iterator[pd.DataFrame]:
    for path in sorted(folder.glob("rows-*.parquet")):
        try:
            frame = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise ProblemError(f"{path}: is no table of a campaign ({error}); move it away") from None
        if list(frame.columns) != list(COLUMNS):
            raise ProblemError(f"{path}: has other columns than this version writes; give another folder with -o")
        yield frame.astype(COLUMNS)
