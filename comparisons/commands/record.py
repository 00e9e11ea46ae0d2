"""Keep the trace of one implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from comparisons.commands.options import device_option, fast_option, training_options, until_converged_option
from comparisons.commands.output import asked_device, asked_problems, check_writable, stopped, tell_of_fast
from comparisons.commands.refusals import BadRequest, fail, refusing


@click.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option("--with", "name", required=True, metavar="NAME", help="The implementation that trains.")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="Where to keep the trace.")
@training_options
@until_converged_option
@device_option
@fast_option
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for the framework's process (600).")
@refusing
def record(
    problem: str,
    name: str,
    output: str,
    until_converged: float | None,
    device: str | None,
    fast: bool,
    timeout: float | None,
    **changes: Any,
) -> None:
    """Train with one implementation and keep the trace of every step."""
    from comparisons.compare import DEFAULT_TIMEOUT, trained
    from comparisons.fast import trained_fast
    from comparisons.implementations import install_command, installed
    from comparisons.progress import shown_progress
    from comparisons.requests import chosen_implementations, positive_seconds
    from problems.trace_file import save_trace

    one, *others = chosen_implementations((name,))
    if others:
        raise BadRequest(f"--with: {name!r} names more than one implementation; a trace is of one")
    ((_, chosen),) = asked_problems((problem,), changes)
    placed = asked_device(device, (one,))
    tell_of_fast(fast, (one,))
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    check_writable("-o", output)
    if not installed(one):
        fail(f"{one} is not installed; install with: {install_command(one)}")
    chosen = stopped(chosen, until_converged)
    with shown_progress() as progress:
        outcome = trained(one, chosen, timeout=limit, progress=progress, device=placed, fast=fast)
    if outcome.trace is None:
        fail(f"{one}: {outcome.crashed or outcome.skipped}")
    save_trace(outcome.trace, Path(output))
    how = " (fast)" if trained_fast(outcome.trace.environment) else ""
    click.echo(
        f"{output}: {outcome.trace.steps} steps of {chosen.name} by {one}{how}; check it with: backproof audit {output}"
    )
