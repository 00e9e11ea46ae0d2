"""Check traces from anywhere."""

from __future__ import annotations

from pathlib import Path

import click

from comparisons.commands.output import check_json, finish, report, warn_of
from comparisons.commands.refusals import refusing


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE.npz...")
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - for standard output.")
@click.option("--strict", is_flag=True, help="Known deviations fail too.")
@refusing
def audit(traces: tuple[str, ...], json_file: str | None, strict: bool) -> None:
    """Check traces from anywhere, without the framework that made them."""
    from comparisons.compare import compared, judged_trace
    from comparisons.report.traces import versions
    from problems.trace_file import load_trace

    check_json(json_file)
    loaded = [load_trace(Path(path)) for path in traces]
    for trace in loaded:
        warn_of(trace.problem)
    comparisons = [compared(trace.problem, [judged_trace(trace, version=versions(trace))]) for trace in loaded]
    report(comparisons, json_file, [f"backproof audit {path}" for path in traces])
    finish(comparisons, strict=strict)
