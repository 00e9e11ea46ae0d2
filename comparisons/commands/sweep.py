"""Train at many learning rates at once."""

from __future__ import annotations

from typing import Any

import click

from comparisons.commands.options import training_options_but_rate, until_converged_option
from comparisons.commands.output import asked_problems, give_json
from comparisons.commands.places import check_json
from comparisons.commands.refusals import refusing


@click.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option(
    "--learning-rates",
    default="1e-4:10:6",
    metavar="RATE,...|FIRST:LAST:COUNT",
    help="Numbers, or a range with logarithmic spacing (1e-4:10:6).",
)
@training_options_but_rate
@until_converged_option
@click.option("--json", "json_file", metavar="FILE", help="Write every rate's losses as JSON; - for standard output.")
@refusing
def sweep(
    problem: str, learning_rates: str, until_converged: float | None, json_file: str | None, **changes: Any
) -> None:
    """Train at many learning rates at once: which are slow, converge, overshoot or diverge?

    Trained by hand as one ensemble, the rates being a leading axis of the formulas. F is the loss over all rows.
    The first verdict that fits: diverges (a loss is not finite, or F ends more than 1% above its start),
    overshoots (F rises by more than 1% of its start in some epoch), slow (F falls by less than half of what it
    falls at the best of the rates, or by less than 1% of its start), converges.
    """
    from comparisons.convergence import OPTION
    from comparisons.learning_rates import chosen_rates
    from comparisons.sweep import sweep as run
    from comparisons.sweep_text import as_json, sweep_text
    from problems.requirements import require_positive

    rates = chosen_rates(learning_rates)
    ((_, chosen),) = asked_problems((problem,), changes)
    limit = None if until_converged is None else require_positive(OPTION, until_converged)
    check_json(json_file)
    found = run(chosen, rates, limit)
    if json_file != "-":
        click.echo(sweep_text(found))
    if json_file:
        give_json(as_json(found), json_file)
