"""Check somebody's train_step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from comparisons.commands.options import training_options
from comparisons.commands.output import asked_problems, finish, give_json
from comparisons.commands.places import check_json
from comparisons.commands.refusals import refusing
from comparisons.exit_codes import BAD_REQUEST

UNNAMED = "Checked on {name}, since no problem was named; is it meant for another? --problem {other}, or FILE.toml"


@click.command()
@click.argument("file", metavar="FILE.py")
@click.option(
    "--problem", default="classification", metavar="NAME|FILE.toml", help="The problem to train (classification)."
)
@training_options
@click.option("--states", type=int, metavar="N", help="How many random states to try besides the problem's steps (64).")
@click.option("--states-seed", type=int, metavar="SEED", help="Seed of the random states (0).")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - for standard output.")
@click.option("-v", "--verbose", is_flag=True, help="Every quantity's numbers and bounds, every element.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for the candidate's process (60).")
@refusing
def check(
    file: str,
    problem: str,
    states: int | None,
    states_seed: int | None,
    json_file: str | None,
    verbose: bool,
    timeout: float | None,
    **changes: Any,
) -> None:
    """Check the train_step of a Python file: is it right, and if not, which derivative and which mistake?

    FILE defines train_step(parameters, x, y, learning_rate) and returns (loss, new_parameters) or
    (loss, new_parameters, gradients). It runs in a process of its own. A train_step that takes or returns something
    else from its first call on cannot be compared: exit code 2.
    """
    from comparisons.api import DEFAULT_STATES
    from comparisons.candidate_process import DEFAULT_TIMEOUT, check_file
    from comparisons.check_text import check_text, of_another_problem
    from comparisons.json_report import as_json
    from comparisons.requests import at_least, positive_seconds
    from comparisons.verdict import Comparison
    from problems.catalogue import DESCRIPTIONS

    named = click.get_current_context().get_parameter_source("problem") is not ParameterSource.DEFAULT
    ((_, chosen),) = asked_problems((problem,), changes)
    check_json(json_file)
    found = check_file(
        Path(file),
        chosen,
        states=at_least("--states", states, DEFAULT_STATES, least=3),
        seed=at_least("--states-seed", states_seed, 0, least=0),
        timeout=positive_seconds(timeout, DEFAULT_TIMEOUT),
    )
    comparison = Comparison(problem=chosen, results=(found.result,))
    if json_file != "-":
        click.echo(check_text(found, verbose=verbose))
        if of_another_problem(found) and not named:
            click.echo(UNNAMED.format(name=problem, other=next(name for name in DESCRIPTIONS if name != problem)))
    if json_file:
        give_json(as_json([comparison]), json_file)
    if found.formless:
        sys.exit(BAD_REQUEST)
    finish([comparison], strict=True)
