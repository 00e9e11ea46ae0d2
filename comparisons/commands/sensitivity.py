"""See which mistakes a check would not notice."""

from __future__ import annotations

import sys
from typing import Any

import click

from comparisons.commands.options import training_options
from comparisons.commands.output import asked_problems, give_json
from comparisons.commands.places import check_json
from comparisons.commands.refusals import refusing
from comparisons.exit_codes import AGREED, DISAGREED


@click.command()
@click.argument("problem", default="classification", metavar="[PROBLEM|FILE.toml]")
@click.option(
    "--tolerance", default="derived", metavar="derived|RTOL,ATOL", help="The check: the derived bound, or allclose."
)
@click.option("--steps", type=int, metavar="N", help="How many steps to train (all).")
@training_options
@click.option("--json", "json_file", metavar="FILE", help="Write the kill matrix as JSON; - for standard output.")
@refusing
def sensitivity(problem: str, tolerance: str, steps: int | None, json_file: str | None, **changes: Any) -> None:
    """Plant every mistake of the catalogue in every formula, and report which ones a check would not notice.

    A tolerance RTOL,ATOL stands for numpy.allclose over the loss and the parameters of every step.
    Exit code 0: the report was made, whatever it says; 1: the check is blind, since not one mistake was noticed.
    """
    from comparisons.blind_spots import blind_spots
    from comparisons.requests import at_least, chosen_tolerance
    from comparisons.sensitivity import sensitivity as run
    from comparisons.sensitivity_report import as_json, matrix_text

    ((_, chosen),) = asked_problems((problem,), changes)
    check_json(json_file)
    found = run(chosen, steps=at_least("--steps", steps, chosen.steps, least=1), tolerance=chosen_tolerance(tolerance))
    if json_file != "-":
        click.echo(matrix_text(found, blind_spots(chosen)))
    if json_file:
        give_json(as_json(found), json_file)
    sys.exit(DISAGREED if found.blind else AGREED)
