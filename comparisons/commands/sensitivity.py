"""See which mistakes a check would not notice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from comparisons.commands.options import training_options
from comparisons.commands.output import asked_problems, give_json
from comparisons.commands.places import check_json
from comparisons.commands.refusals import refusing
from comparisons.exit_codes import AGREED, DISAGREED

MANY_ROWS = 100_000  # of all looks at some steps of some mistakes: some ten seconds


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
    limits, count = chosen_tolerance(tolerance), at_least("--steps", steps, chosen.steps, least=1)
    found = run(chosen, steps=count, tolerance=limits, looked=told_once(min(count, chosen.steps)))
    if json_file != "-":
        click.echo(matrix_text(found, blind_spots(chosen)))
    if json_file:
        give_json(as_json(found), json_file)
    sys.exit(DISAGREED if found.blind else AGREED)


def told_once(steps: int) -> Callable[[int], None]:
    """A function that is told how many rows are looked at, and says once they are many what takes so long."""
    left = [MANY_ROWS]

    def looked(rows: int) -> None:
        if left[0] > 0 >= left[0] - rows:
            click.echo(
                f"backproof: a mistake is trained until it is noticed, one that is not for all {steps:,} steps, each "
                "held against the bound: this takes a while; --steps N trains fewer",
                err=True,
            )
        left[0] -= rows

    return looked
