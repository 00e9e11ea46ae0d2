"""The folder that a report is: every file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from comparisons.json_report import as_json
from comparisons.report.drift import drifts
from comparisons.report.drift_record import drift_record
from comparisons.report.junit import as_junit
from comparisons.report.markdown import as_markdown
from comparisons.report.page import as_page
from comparisons.report.step_table import step_table, table_names
from comparisons.verdict import Comparison
from problems.problem import ProblemError
from problems.writing import write_text


def require_folder(folder: Path) -> None:
    """Raise ProblemError, one line, where `folder` cannot be made or nothing can be written there; leaves no trace."""
    missing: list[Path] = []
    try:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise ProblemError(f"{folder}: is a file; name a folder for the report") from None
    except OSError as error:
        raise ProblemError(f"{folder}: {os.strerror(error.errno or 0)}; name a folder that can be written") from None
    finally:
        for one in missing:
            with suppress(OSError):  # not there, or no longer empty
                one.rmdir()


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
