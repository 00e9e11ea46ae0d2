"""Keep the trace of one implementation."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

import click

from comparisons.commands.options import device_option, fast_option, training_options, until_converged_option
from comparisons.commands.output import (
    asked_device,
    asked_problems,
    stopped,
    tell_of_fast,
)
from comparisons.commands.places import TRACE_FOLDER, check_trace
from comparisons.commands.refusals import BadRequest, fail, refusing


@click.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option("--with", "name", required=True, metavar="NAME", help="The implementation that trains.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE.npz|FOLDER.zarr",
    help="Where to keep the trace; a folder is written as it trains, and gone on with after a kill.",
)
@training_options
@until_converged_option
@device_option
@fast_option
@click.option(
    "--timeout", type=float, metavar="SECONDS", help="Limit for the framework's process (600; none with a folder)."
)
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
    from comparisons.implementations import install_command, installed
    from comparisons.requests import chosen_implementations

    one, *others = chosen_implementations((name,))
    if others:
        raise BadRequest(f"--with: {name!r} names more than one implementation; a trace is of one")
    check_trace("-o", output)
    stored = Path(output).suffix == TRACE_FOLDER
    ((_, chosen),) = asked_problems((problem,), changes, streamed=stored)
    placed = asked_device(device, (one,))
    tell_of_fast(fast, (one,))
    if not installed(one):
        fail(f"{one} is not installed; install with: {install_command(one)}")
    chosen = stopped(chosen, until_converged)
    told = (in_folder if stored else in_file)(one, chosen, output, timeout, placed, fast)
    click.echo(f"{output}: {told}; check it with: backproof audit {shlex.quote(output)}")


def in_file(name: str, problem: Any, output: str, timeout: float | None, device: str, fast: bool) -> str:
    """Train, then write the trace whole; what was written, in words."""
    from comparisons.compare import DEFAULT_TIMEOUT, trained
    from comparisons.progress import shown_progress
    from comparisons.requests import positive_seconds
    from problems.requirements import number_of
    from problems.trace_file import save_trace
    from problems.training_ways import trained_fast, way_label

    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    with shown_progress() as progress:
        outcome = trained(name, problem, timeout=limit, progress=progress, device=device, fast=fast)
    if outcome.trace is None:
        fail(f"{name}: {outcome.crashed or outcome.skipped}")
    save_trace(outcome.trace, Path(output))
    trainer = way_label(name, fast=trained_fast(outcome.trace.environment))
    return f"{number_of(outcome.trace.steps, 'step')} of {problem.name} by {trainer}"


def in_folder(name: str, problem: Any, output: str, timeout: float | None, device: str, fast: bool) -> str:
    """Train and write each step as it comes; what was written, in words."""
    from comparisons.progress import shown_progress
    from comparisons.recording import NotRecorded, recorded
    from comparisons.requests import positive_seconds
    from problems.requirements import number_of
    from problems.trace_store import open_trace
    from problems.training_ways import trained_fast, way_label

    limit = positive_seconds(timeout, math.inf)
    try:
        with shown_progress() as progress:
            before = recorded(name, problem, Path(output), timeout=limit, progress=progress, device=device, fast=fast)
    except NotRecorded as failure:
        fail(f"{name}: {failure}")
    stored = open_trace(output)
    trainer = way_label(name, fast=trained_fast(stored.environment))
    kept = f" ({before:,} of them were there)" if before else ""
    return f"{number_of(stored.steps, 'step')} of {problem.name} by {trainer}{kept}"
