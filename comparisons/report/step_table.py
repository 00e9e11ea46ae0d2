"""A trace as a table: one row a step."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from comparisons.audit import actual_values
from comparisons.messages import place
from comparisons.report.agreement import comparable
from comparisons.verdict import Comparison
from problems.trace import Trace


def step_table(trace: Trace) -> pd.DataFrame:
    """step and epoch from 1; rows: positions in the data, from 0; then loss, gradients and parameters by element."""
    steps = np.arange(1, trace.steps + 1)
    columns: dict[str, object] = {
        "step": steps,
        "epoch": (steps - 1) // trace.problem.steps_per_epoch + 1,
        "rows": [" ".join(str(row) for row in rows if row >= 0) for rows in trace.rows.tolist()],
    }
    for quantity, values in actual_values(trace).items():
        for index in np.ndindex(values.shape[1:]):
            columns[place(quantity, index)] = values[(slice(None), *index)]
    return pd.DataFrame(columns)


def table_names(comparisons: list[Comparison]) -> Iterator[tuple[str, Trace]]:
    """A file name for each trace that can be a table, every name once."""
    taken: set[str] = set()
    for comparison in comparisons:
        for result, trace in comparable(comparison.results):
            stem = file_stem(f"{comparison.problem.name}.{result.name}")
            name, number = stem, 2
            while name in taken:
                name, number = f"{stem}-{number}", number + 1
            taken.add(name)
            yield f"{name}.csv", trace


def file_stem(text: str) -> str:
    """`text` as a file name anywhere."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:80].lower() or "steps"
