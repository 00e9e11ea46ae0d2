"""Check traces from anywhere."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from comparisons.commands.output import finish, report, warn_of
from comparisons.commands.places import check_json
from comparisons.commands.refusals import refusing


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE.npz|FOLDER.zarr...")
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - for standard output.")
@click.option("--strict", is_flag=True, help="Known deviations fail too.")
@refusing
def audit(traces: tuple[str, ...], json_file: str | None, strict: bool) -> None:
    """Check traces from anywhere, without the framework that made them."""
    from problems.trace_file import load_trace
    from problems.trace_store import looks_stored, open_trace

    check_json(json_file)
    opened = [open_trace(path) if looks_stored(path) else load_trace(Path(path)) for path in traces]
    for trace in opened:
        warn_of(trace.problem)
    comparisons = [_judged(trace) for trace in opened]
    named = zip(traces, opened, strict=True)
    report(
        comparisons,
        json_file,
        [{trace.implementation: f"backproof audit {shlex.quote(path)}"} for path, trace in named],
    )
    finish(comparisons, strict=strict)


def _judged(trace: Any) -> Any:
    """The comparison of one trace, of a file or of a folder."""
    from comparisons.compare import compared, judged_trace
    from comparisons.report.traces import versions
    from comparisons.stored_audit import judged_stored
    from problems.trace_store import StoredTrace

    judge: Any = judged_stored if isinstance(trace, StoredTrace) else judged_trace
    return compared(trace.problem, [judge(trace, version=versions(trace.environment))])
