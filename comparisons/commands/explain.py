"""One training step in full."""

from __future__ import annotations

import sys
from typing import Any

import click

from comparisons.commands.options import device_option, training_options, until_converged_option
from comparisons.commands.output import asked_device, asked_problems, stopped
from comparisons.commands.refusals import refusing
from comparisons.exit_codes import NOTHING_COMPARED


@click.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option("--step", default="1", metavar="K", help="The step to explain, from 1, or last (1).")
@click.option(
    "--with", "--against", "names", multiple=True, metavar="NAME,...", help="Only these implementations beside it."
)
@training_options
@until_converged_option
@device_option
@click.option("--latex", is_flag=True, help="The formulas as LaTeX, without numbers.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for each framework's process (600).")
@refusing
def explain(
    problem: str,
    step: str,
    names: tuple[str, ...],
    until_converged: float | None,
    device: str | None,
    latex: bool,
    timeout: float | None,
    **changes: Any,
) -> None:
    """One training step in full: forward, loss, the chain of each derivative in letters and numbers, the update.

    The same derivatives from every installed implementation stand beside it; --with manual-matrix starts no process.
    """
    from comparisons.compare import DEFAULT_TIMEOUT
    from comparisons.explanation import chosen_step, explained
    from comparisons.explanation_text import explanation_text
    from comparisons.progress import shown_progress
    from comparisons.requests import chosen_implementations, positive_seconds

    chosen_names = chosen_implementations(names)
    ((_, chosen),) = asked_problems((problem,), changes)
    placed = asked_device(device, chosen_names)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    chosen = stopped(chosen, until_converged, told_on_stderr=latex)
    number = chosen_step(step, chosen)
    if latex:
        from comparisons.formulas import latex_formulas

        click.echo(latex_formulas(chosen))
        return
    with shown_progress() as progress:
        found = explained(chosen, number, chosen_names, timeout=limit, progress=progress, device=placed)
    click.echo(explanation_text(found))
    if any(told.verdict == "crashed" for told in found.told):
        sys.exit(NOTHING_COMPARED)
