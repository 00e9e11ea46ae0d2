"""The folder that a report is: every file whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from comparisons.json_report import as_json
from comparisons.report.drift import drifts
from comparisons.report.drift_record import drift_record
from comparisons.report.junit import as_junit
from comparisons.report.markdown import as_markdown
from comparisons.report.page import as_page
from comparisons.report.step_table import step_table, table_names
from comparisons.verdict import Comparison
from problems.writing import write_text


def write_report(
    folder: Path, comparisons: Sequence[Comparison], reruns: Sequence[Mapping[str, str]], again: str
) -> list[str]:
    """Write report.html, report.md, report.json, junit.xml and a CSV per trace; the names of what was written.

    The folder is made where it is missing.
    """
    found = [drifts(one) for one in comparisons]
    texts = {
        "report.html": as_page(comparisons, reruns, again, found),
        "report.md": as_markdown(comparisons, reruns),
        "report.json": as_json(comparisons, [{"drift": drift_record(one)} for one in found]),
        "junit.xml": as_junit(comparisons),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_text(folder / name, text)
    tables = list(table_names(list(comparisons)))
    for name, trace in tables:
        write_text(folder / name, step_table(trace).to_csv(index=False, lineterminator="\n"))
    return [*texts, *(name for name, _ in tables)]
