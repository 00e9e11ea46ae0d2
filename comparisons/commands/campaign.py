"""Compare many problems at once, on several processes or a cluster, and keep a table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from comparisons.commands.options import OPTIMIZERS, device_option, fast_option
from comparisons.commands.output import asked_device, tell_of_fast
from comparisons.commands.places import check_folder
from comparisons.commands.refusals import BadRequest, fail, refusing
from comparisons.exit_codes import AGREED, DISAGREED, NOTHING_COMPARED

EXTRAS = {"joblib": "campaign", "pyarrow": "campaign", "distributed": "cluster"}


def several(name: str, metavar: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option whose values span the grid, repeated or separated by commas."""
    return click.option(f"--{name}", multiple=True, metavar=metavar, help=text)


@click.command()
@click.argument("problems", nargs=-1, required=True, metavar="PROBLEM|FILE.toml...")
@click.option("-o", "--output", "folder", required=True, metavar="DIR", help="The table's folder; a campaign resumes.")
@click.option("--against", multiple=True, metavar="NAME,...", help="Only these implementations.")
@several("dtype", "DTYPE,...", "float64, float32, bfloat16 or float16.")
@several("initial", "START,...", "constant:0.1, random:SEED, glorot_uniform:SEED and the like.")
@several("loss", "NAME,...", "Another loss.")
@several("optimizer", "NAME,...", f"{OPTIMIZERS}.")
@several("learning-rate", "RATE,...", "Step size of the descent.")
@several("epochs", "N,...", "How often every row is used.")
@several("order", "ORDER,...", "sequential, shuffled or random.")
@several("seed", "SEED,...", "Seed of a shuffled or random order.")
@several("batch-size", "ROWS|all,...", "Rows per step.")
@device_option
@fast_option
@click.option("--jobs", type=int, metavar="N", help="Processes on this machine (1).")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler to run on instead, such as tcp://host:8786.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for each implementation on each problem (600).")
@click.option("--strict", is_flag=True, help="Known deviations fail too.")
@refusing
def campaign(
    problems: tuple[str, ...],
    folder: str,
    against: tuple[str, ...],
    device: str | None,
    fast: bool,
    jobs: int | None,
    cluster: str | None,
    timeout: float | None,
    strict: bool,
    **grid: tuple[str, ...],
) -> None:
    """Audit every implementation on many problems: a row of a Parquet table for each, and a summary.

    Options of the training take several values, repeated or separated by commas: each combination is a training.
    Frameworks are started once for each process and reused. Stopped or killed, the same command goes on where it
    was: what the table holds for the same problem, implementation and versions is not done again.
    """
    from comparisons.campaign.grid import chosen_grid
    from comparisons.campaign.tasks import tasks
    from comparisons.compare import DEFAULT_TIMEOUT, not_installed
    from comparisons.implementations import installed
    from comparisons.requests import at_least, chosen_implementations, positive_seconds

    require_extra(cluster)
    require_one_place(jobs, cluster)
    check_folder("-o", folder)
    from comparisons.campaign.campaign import run
    from comparisons.campaign.failed import CampaignFailed
    from comparisons.campaign.progress import shown_progress
    from comparisons.campaign.summary import markdown

    names = chosen_implementations(against)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    processes = at_least("--jobs", jobs, 1, least=1)
    placed = asked_device(device, names, here=cluster is None)
    todo = tasks(problems, chosen_grid(grid), names, device=placed, fast=fast)
    if not todo:
        fail(f"none of {', '.join(names)} is installed")
    missing = [name for name in names if not installed(name)]
    for name in missing:
        click.echo(f"backproof: {name} is left out: {not_installed(name).reason}", err=True)
    tell_of_fast(fast, [name for name in names if name not in missing])
    try:
        with shown_progress() as ticked:
            found = run(todo, Path(folder), jobs=processes, timeout=limit, cluster=cluster, ticked=ticked)
    except CampaignFailed as error:
        fail(str(error))
    click.echo(markdown(found.rows))
    click.echo(f"{folder}: {written(len(found.rows), found.held)}")
    sys.exit(code(found.rows, strict=strict, unmet=strict and bool(against) and bool(missing)))


def require_extra(cluster: str | None) -> None:
    """Refuse, in one line, what the installed packages cannot do."""
    from importlib.util import find_spec

    for package, extra in EXTRAS.items():
        if (cluster or extra == "campaign") and find_spec(package) is None:
            raise BadRequest(f"campaign needs {package}; install with: pip install 'backproof[{extra}]'")


def require_one_place(jobs: int | None, cluster: str | None) -> None:
    """Refuse, in one line, processes of this machine beside a cluster, which runs every task itself."""
    if cluster is not None and jobs is not None:
        raise BadRequest(f"--jobs: {jobs} would be processes of this machine, and --cluster runs none; leave one out")


def written(rows: int, held: int) -> str:
    """What the folder holds, in words; rows: this command's, of all `held`."""
    from problems.requirements import number_of

    if rows == held:
        return f"{number_of(rows, 'row')} in rows-*.parquet, summary.md"
    return f"this command has {rows:,} of the {number_of(held, 'row')} in rows-*.parquet; summary.md has only its own"


def code(found: Any, *, strict: bool, unmet: bool = False) -> int:
    """The exit code of formats.md; unmet: an implementation that had to be compared is not installed."""
    from comparisons.campaign.summary import compared, crashed, failing

    if len(failing(found, strict=strict)):
        return DISAGREED
    return AGREED if compared(found) and not len(crashed(found)) and not unmet else NOTHING_COMPARED
