"""Put traces side by side in a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from comparisons.commands.output import finish, warn_of, write_folder
from comparisons.commands.places import check_folder
from comparisons.commands.refusals import refusing

MOST_BYTES = 2**31  # of a stored trace; its charts need all of it


@click.command(name="report")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE.npz|FOLDER.zarr...")
@click.option("-o", "--output", "folder", required=True, metavar="DIR", help="The folder to write.")
@click.option("--strict", is_flag=True, help="Known deviations fail too.")
@refusing
def report_traces(traces: tuple[str, ...], folder: str, strict: bool) -> None:
    """Put traces from anywhere side by side: a page, a summary, JSON, JUnit XML and a table per trace."""
    from comparisons.report.traces import side_by_side

    loaded = [(path, loaded_trace(path)) for path in traces]
    check_folder("-o", folder)
    for _, trace in loaded:
        warn_of(trace.problem)
    comparisons, reruns = side_by_side(loaded)
    write_folder(folder, comparisons, reruns, f"{shlex.join(['backproof', 'report', *traces])} -o report")
    finish(comparisons, strict=strict)


def loaded_trace(path: str) -> Any:
    """The trace in a file, or in a folder where it fits into memory."""
    from problems.trace_file import load_trace
    from problems.trace_store import looks_stored, open_trace

    return open_trace(path).load(MOST_BYTES) if looks_stored(path) else load_trace(Path(path))
