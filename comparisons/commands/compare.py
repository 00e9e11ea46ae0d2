"""Train everything that is installed and audit every step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from comparisons.commands.options import device_option, fast_option, training_options, until_converged_option
from comparisons.commands.output import (
    asked_device,
    asked_problems,
    finish,
    report,
    stop_of,
    tell_of_fast,
    write_folder,
)
from comparisons.commands.places import check_folder, check_json
from comparisons.commands.refusals import refusing


@click.command()
@click.argument("problems", nargs=-1, metavar="[PROBLEM|FILE.toml]...")
@click.option("--against", multiple=True, metavar="NAME,...", help="Only these implementations.")
@training_options
@until_converged_option
@device_option
@fast_option
@click.option(
    "--audit-every",
    type=int,
    metavar="K",
    help="Audit the first of every K steps, and the last; those in between are trained only.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - for standard output.")
@click.option("--report", "folder", metavar="DIR", help="Write a page, a summary, JSON, JUnit XML and tables there.")
@click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    help="Limit for each framework's process (600); of a long training, between two blocks of steps.",
)
@click.option(
    "--strict", is_flag=True, help="Known deviations fail too, and so do named implementations not installed."
)
@refusing
def compare(
    problems: tuple[str, ...],
    against: tuple[str, ...],
    until_converged: float | None,
    device: str | None,
    fast: bool,
    audit_every: int | None,
    json_file: str | None,
    folder: str | None,
    timeout: float | None,
    strict: bool,
    **changes: Any,
) -> None:
    """Train every implementation on every problem and audit every step.

    Without PROBLEM: both lesson problems. Without --against: everything that is installed.
    """
    from comparisons.compare import DEFAULT_TIMEOUT
    from comparisons.compare import compare as run
    from comparisons.progress import shown_progress
    from comparisons.requests import at_least, chosen_implementations, positive_seconds, rerun_command

    names = chosen_implementations(against)
    chosen = asked_problems(problems, changes, streamed=True)
    placed = asked_device(device, names)
    tell_of_fast(fast, names)
    looks = at_least("--audit-every", audit_every, 1, least=1)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    check_json(json_file)
    check_folder("--report", folder)
    stops = [stop_of(problem, until_converged, told_on_stderr=json_file == "-") for _, problem in chosen]
    trained = [stop.problem if stop else problem for stop, (_, problem) in zip(stops, chosen, strict=True)]
    with shown_progress() as progress:
        found = run(trained, names, timeout=limit, progress=progress, device=placed, fast=fast, audit_every=looks)
    comparisons = [replace(one, stop=stop) for one, stop in zip(found, stops, strict=True)]
    asked = changes | {
        "until_converged": until_converged,
        "device": device,
        "fast": fast,
        "audit_every": audit_every,
    }
    reruns = [{name: rerun_command(argument, asked, [name]) for name in names} for argument, _ in chosen]
    report(comparisons, json_file, reruns, with_seconds=True)
    if folder is not None:
        again = [f"{rerun_command(argument, asked, names)} --report report" for argument, _ in chosen]
        write_folder(folder, comparisons, reruns, "\n".join(again))
    finish(comparisons, strict=strict, required=bool(against))
